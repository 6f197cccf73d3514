"""Two copies of the service behind one address: neither remembers anything, and nothing is missed.

Each request comes on a connection of its own and goes to the other copy than the one before it.
"""

import pytest

from cozeproxy.sandbox import Sandbox
from tests.service.asking import says
from tests.types.asking import ASK, answered, arrived, asker

pytestmark = pytest.mark.gen_test(timeout=15)

TOOLS = [{"type": "function", "function": {"name": "get_rain_probability"}}]


@pytest.fixture(params=ASK)
def ask(request, by_turns):
    return asker(request.param, by_turns)


async def test_conversation_goes_on_in_the_other_copy(ask, balancer, sandbox):
    messages, headers = [], {}
    for text in ("One", "Two", "Three"):
        messages.append(says(text))
        answer = await ask("conversation-echo", messages=messages, headers=headers)
        messages.append(answer.message)
        headers = {"x-conversation-id": answer.headers["x-conversation-id"]}
    assert balancer.served == [0, 1, 0]
    assert answer.text == "You said: Three. (1 message received, 4 remembered)"
    chats = arrived(sandbox, "/v3/chat")
    assert [len(chat.body["additional_messages"]) for chat in chats] == [1, 1, 1]


async def test_chatflow_goes_on_in_the_other_copy(ask, balancer):
    headers = {"x-bot-id": Sandbox.BOT_ID}
    first = await ask("chatflow-question", "Weather?", headers=headers)
    headers["x-conversation-id"] = first.headers["x-conversation-id"]
    second = await ask("chatflow-question", "Oslo", headers=headers)
    assert balancer.served == [0, 1]
    assert second.text == "Thank you. I have noted: Oslo"


async def test_tools_output_reaches_its_chat_through_the_other_copy(ask, balancer, sandbox):
    messages = [says("Rain?")]
    for place in ("Oslo", "Bergen"):
        call = await ask("bot-tools-twice", messages=messages, tools=TOOLS)
        assert f'"{place}"' in call.tool_calls[0].arguments
        messages += [call.message, answered(call, "50%.")]
    answer = await ask("bot-tools-twice", messages=messages, tools=TOOLS)
    assert balancer.served == [0, 1, 0]
    assert (answer.text, answer.finish_reason) == ("The tool said: 50%.", "stop")
    assert len(arrived(sandbox, "/v3/chat")) == 1
    assert len(arrived(sandbox, "/v3/chat/submit_tool_outputs")) == 2


@pytest.mark.parametrize("by_tool", [True, False])
async def test_workflow_is_resumed_through_the_other_copy(ask, balancer, sandbox, by_tool):
    messages, coze = [says("Weather?")], {}
    for text in ("Oslo", "Friday"):
        question = await ask("workflow-question-twice", messages=messages, coze=coze)
        messages += [question.message, answered(question, text) if by_tool else says(text)]
        coze = {} if by_tool else {"resume": question.coze["resume"]}
    answer = await ask("workflow-question-twice", messages=messages, coze=coze)
    assert balancer.served == [0, 1, 0]
    assert answer.text == "The weather for Oslo on Friday is fine."
    assert len(arrived(sandbox, "/v1/workflow/stream_run")) == 1
    assert len(arrived(sandbox, "/v1/workflow/stream_resume")) == 2
