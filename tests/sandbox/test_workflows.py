"""Workflows and chatflows through cozepy, and what only raw requests can show."""

import json

import pytest

from tests.sandbox.raw import call, deltas, events, request
from tests.sandbox.sdk import cozepy, in_thread, text_of

pytestmark = pytest.mark.gen_test

EventType = cozepy.WorkflowEventType
QUESTION = [cozepy.Message.build_user_question_text("Hello")]
APP_ID = "7400000000000000004"


async def streamed(coze, workflow_id, **parameters):
    return await in_thread(
        lambda: list(coze.workflows.runs.stream(workflow_id=workflow_id, parameters=parameters))
    )


async def streamed_async(coze, workflow_id, **parameters):
    events = coze.workflows.runs.stream(workflow_id=workflow_id, parameters=parameters)
    return [event async for event in events]


async def test_sync_sdk_runs_a_workflow(coze):
    result = await in_thread(
        lambda: coze.workflows.runs.create(workflow_id="usage", parameters={"input": "x"})
    )
    assert json.loads(result.data) == {"output": "42"}
    assert result.usage.token_count == 150
    assert result.execute_id in result.debug_url


async def test_async_sdk_runs_a_workflow(async_coze):
    result = await async_coze.workflows.runs.create(workflow_id="echo", parameters={"input": "Hi"})
    assert json.loads(result.data) == {"output": "You said: Hi"}


async def test_both_sdks_stream_a_workflow(coze, async_coze):
    for seen in (
        await streamed(coze, "output-nodes", input="Hello"),
        await streamed_async(async_coze, "output-nodes", input="Hello"),
    ):
        assert [event.id for event in seen] == [0, 1, 2]
        assert [event.message.content for event in seen] == ["Hel", "lo", '{"output":"Hello"}']


@pytest.mark.parametrize(
    ("workflow", "contents"),
    [
        ("end-json-many", ['{"title":"Oslo","temperature":21,"tags":["sunny","晴"]}']),
        ("ping", ["pong", '{"output":"pong"}']),
        ("empty", [""]),
        ("studio", ["He", "y", '{"output":"Hey"}']),
        ("no-done", ["I was about "]),
    ],
)
async def test_sdk_reads_every_kind_of_output(coze, workflow, contents):
    seen = await streamed(coze, workflow, input="Hey")
    assert [event.message.content for event in seen if event.message] == contents


async def test_sync_sdk_answers_the_question_of_a_workflow(coze):
    asked, interrupt = await streamed(coze, "question")
    assert asked.message.content == "Which city, and which day?"
    assert interrupt.event == EventType.INTERRUPT
    assert (interrupt.interrupt.node_title, interrupt.interrupt.interrupt_data.type) == (
        "Question",
        2,
    )
    rest = await in_thread(
        lambda: list(
            coze.workflows.runs.resume(
                workflow_id="question",
                event_id=interrupt.interrupt.interrupt_data.event_id,
                resume_data="Oslo, today",
                interrupt_type=2,
            )
        )
    )
    assert [event.id for event in rest] == [0]
    assert json.loads(rest[0].message.content)["output"] == "The weather for Oslo, today is fine."


async def test_async_sdk_answers_two_questions(async_coze):
    seen = await streamed_async(async_coze, "question-twice")
    for answer in ("Oslo", "Monday"):
        rest = async_coze.workflows.runs.resume(
            workflow_id="question-twice",
            event_id=seen[-1].interrupt.interrupt_data.event_id,
            resume_data=answer,
            interrupt_type=2,
        )
        seen = [event async for event in rest]
    assert "The weather for Oslo on Monday is fine." in seen[-1].message.content


async def test_both_sdks_see_the_error_of_a_run(coze, async_coze):
    for seen in (await streamed(coze, "error-mid"), await streamed_async(async_coze, "error-mid")):
        assert [event.event for event in seen] == [EventType.MESSAGE] * 2 + [EventType.ERROR]
        assert seen[-1].error.error_code == 720701013


@pytest.mark.parametrize(
    ("workflow", "code"),
    [("unpublished", 4200), ("unpublished-studio", 720702011), ("code-4009", 4009)],
)
async def test_sdk_raises_the_code_of_a_run_that_never_starts(coze, workflow, code):
    with pytest.raises(cozepy.CozeAPIError) as caught:
        await streamed(coze, workflow)
    assert caught.value.code == code


async def test_run_without_a_stream_raises_the_error_of_the_run(coze):
    with pytest.raises(cozepy.CozeAPIError) as caught:
        await in_thread(lambda: coze.workflows.runs.create(workflow_id="error"))
    assert caught.value.code == 4000


async def resume(sandbox, workflow_id, event_id, data="x"):
    body = {
        "workflow_id": workflow_id,
        "event_id": event_id,
        "resume_data": data,
        "interrupt_type": 2,
    }
    async with request(sandbox, "POST", "/v1/workflow/stream_resume", body) as response:
        return await response.body()


async def event_id_of(sandbox, workflow_id):
    path = "/v1/workflow/stream_run"
    async with request(sandbox, "POST", path, {"workflow_id": workflow_id}) as response:
        return last_event_id(await response.body())


def last_event_id(body):
    name, data = events(body)[-1]
    assert name == "Interrupt"
    return json.loads(data)["interrupt_data"]["event_id"]


async def test_interrupt_is_resumed_once(sandbox):
    event_id = await event_id_of(sandbox, "question")
    assert b"event: Done" in await resume(sandbox, "question", event_id)
    assert b'{"code":4315,' in await resume(sandbox, "question", event_id)


async def test_interrupt_belongs_to_its_workflow(sandbox):
    event_id = await event_id_of(sandbox, "question")
    assert b'{"code":4314,' in await resume(sandbox, "question-twice", event_id)
    assert b'{"code":4314,' in await resume(sandbox, "question", "1/2")
    assert b'{"code":4000,' in await resume(sandbox, "question", event_id, "")


async def test_run_cannot_be_resumed_a_fourth_time(sandbox):
    event_id = await event_id_of(sandbox, "question-endless")
    for _ in range(3):
        event_id = last_event_id(await resume(sandbox, "question-endless", event_id))
    assert b'{"code":4315,' in await resume(sandbox, "question-endless", event_id)


async def test_run_without_a_stream_can_be_interrupted_and_resumed(sandbox):
    first = await call(sandbox, "POST", "/v1/workflow/run", {"workflow_id": "question"})
    assert first["interrupt_data"]["type"] == 2
    body = {
        "workflow_id": "question",
        "event_id": first["interrupt_data"]["event_id"],
        "resume_data": "Oslo",
        "interrupt_type": 2,
    }
    second = await call(sandbox, "POST", "/v1/workflows/resume", body)
    assert json.loads(second["data"])["output"] == "The weather for Oslo is fine."


async def test_sync_sdk_chats_with_a_chatflow(coze):
    seen = await in_thread(
        lambda: list(
            coze.workflows.chat.stream(
                workflow_id="echo", app_id=APP_ID, additional_messages=QUESTION
            )
        )
    )
    assert text_of(seen) == "You said: Hello. (1 message received, 0 remembered)"
    assert seen[0].chat.bot_id is None
    assert seen[-1].event == cozepy.ChatEventType.CONVERSATION_CHAT_COMPLETED


async def test_async_sdk_answers_the_question_of_a_chatflow(async_coze):
    conversation = await async_coze.conversations.create()

    async def say(text):
        stream = async_coze.workflows.chat.stream(
            workflow_id="question",
            bot_id="7400000000000000001",
            conversation_id=conversation.id,
            additional_messages=[cozepy.Message.build_user_question_text(text)],
        )
        return [event async for event in stream]

    first = await say("Hello")
    assert text_of(first) == "Which city is it about?"
    (tool_call,) = first[-1].chat.required_action.submit_tool_outputs.tool_calls
    assert (tool_call.type, tool_call.id) == ("reply_message", "")
    assert text_of(await say("Oslo")) == "Thank you. I have noted: Oslo"


@pytest.mark.parametrize("workflow", ["question-sample", "studio-question"])
async def test_question_of_a_chatflow_needs_no_event_of_its_own(sandbox, workflow):
    made = await call(sandbox, "POST", "/v1/conversation/create", {})
    message = {"role": "user", "content": "Hello", "content_type": "text"}
    body = {
        "workflow_id": workflow,
        "app_id": APP_ID,
        "conversation_id": made["data"]["id"],
        "additional_messages": [message],
    }
    answers = []
    for _ in range(2):
        async with request(sandbox, "POST", "/v1/workflows/chat", body) as response:
            answers.append(await response.body())
    assert b"reply_message" not in answers[0]
    assert deltas(answers[0]).startswith("Which city is")
    assert deltas(answers[1]).startswith("Thank you. I have noted: ")


async def test_studio_chatflow_numbers_its_events_and_completes_with_the_rest_only(sandbox):
    body = {
        "workflow_id": "studio",
        "app_id": APP_ID,
        "additional_messages": [{"role": "user", "content": "Hi", "content_type": "text"}],
    }
    async with request(sandbox, "POST", "/v1/workflows/chat", body) as response:
        raw = await response.body()
    blocks = raw.decode().strip().split("\n\n")
    assert [block.split("\n")[0] for block in blocks] == [
        f"id: {number}" for number in range(1, len(blocks) + 1)
    ]
    completed = [json.loads(data) for name, data in events(raw) if name.endswith("e.completed")]
    text = "You said: Hi. (1 message received, 0 remembered)"
    assert deltas(raw) + completed[0]["content"] == text


async def test_lists_of_workflows_are_read_by_both_sdks(coze, async_coze):
    listed = await in_thread(lambda: list(coze.workflows.list(workspace_id="7400000000000000003")))
    assert "output-nodes" in [item.workflow_id for item in listed]
    paged = await async_coze.workflows.list(workspace_id="7400000000000000003", page_size=1)
    assert [item.workflow_id async for item in paged] == [item.workflow_id for item in listed]


async def test_workflow_is_described(coze):
    info = await in_thread(lambda: coze.workflows.retrieve(workflow_id="question"))
    assert info.workflow_detail.workflow_id == "question"
    with pytest.raises(cozepy.CozeAPIError) as caught:
        await in_thread(lambda: coze.workflows.retrieve(workflow_id="none"))
    assert caught.value.code == 4200
