"""Workflows that ask: the question, its tool call, and the ways of answering it."""

import asyncio

import openai
import pytest

from tests.service.asking import says
from tests.types.asking import answered, arguments_of, arrived
from tests.types.events import interrupt, message

pytestmark = pytest.mark.gen_test(timeout=15)

ASKED = [says("Weather?")]
TOOL = "coze_resume_workflow"


@pytest.fixture
def resumes(sandbox):
    """The bodies with which runs were gone on with at Coze."""
    return lambda: [r.body for r in arrived(sandbox, "/v1/workflow/stream_resume")]


async def test_question_is_the_text_and_a_tool_call(ask):
    answer = await ask("workflow-question", messages=ASKED)
    assert answer.text == "Which city, and which day?"
    assert answer.finish_reason == "tool_calls"
    (call,) = answer.tool_calls
    assert call.name == TOOL
    assert call.id.replace("-", "_").isidentifier()
    assert call.id == answer.coze["resume"]
    assert arguments_of(answer) == {
        "question": "Which city, and which day?",
        "node": "Question",
        "interrupt_type": 2,
        "required_parameters": {},
    }


async def test_output_of_the_tool_goes_on_with_the_run(ask, resumes, sandbox):
    question = await ask("workflow-question", messages=ASKED)
    messages = [*ASKED, question.message, answered(question, "Oslo, 明天")]
    answer = await ask("workflow-question", messages=messages)
    assert (answer.text, answer.finish_reason) == ("The weather for Oslo, 明天 is fine.", "stop")
    assert answer.coze["debug_url"]
    assert len(arrived(sandbox, "/v1/workflow/stream_run")) == 1
    (body,) = resumes()
    execution, _, event = body.pop("event_id").partition("/")
    assert execution.isdecimal()
    assert event.isdecimal()
    assert body == {
        "workflow_id": "question",
        "interrupt_type": 2,
        "resume_data": "Oslo, 明天",
    }


async def test_user_message_goes_on_with_the_run_where_the_id_is_sent_back(ask, resumes):
    question = await ask("workflow-question", messages=ASKED)
    messages = [*ASKED, says(question.text, "assistant"), says("Oslo")]
    resume = {"resume": question.coze["resume"]}
    answer = await ask("workflow-question", messages=messages, coze=resume)
    assert answer.text == "The weather for Oslo is fine."
    assert [body["resume_data"] for body in resumes()] == ["Oslo"]


@pytest.mark.parametrize("model", ["gpt-4", "bot-echo", "workflow-echo"])
async def test_id_alone_says_where_the_answer_goes(ask, resumes, model):
    question = await ask("workflow-question", messages=ASKED)
    answer = await ask(model, messages=[says("Oslo")], coze={"resume": question.coze["resume"]})
    assert answer.text == "The weather for Oslo is fine."
    assert [body["workflow_id"] for body in resumes()] == ["question"]


async def test_two_questions_are_answered_one_after_the_other(ask, resumes):
    messages = [*ASKED]
    for node, text in [("City", "Oslo"), ("Day", "Friday")]:
        question = await ask("workflow-question-twice", messages=messages)
        assert arguments_of(question)["node"] == node
        messages += [question.message, answered(question, text)]
    answer = await ask("workflow-question-twice", messages=messages)
    assert answer.text == "The weather for Oslo on Friday is fine."
    assert [body["resume_data"] for body in resumes()] == ["Oslo", "Friday"]


async def test_form_is_answered_under_its_own_type(ask, resumes):
    question = await ask("workflow-input-node", messages=ASKED)
    assert question.text == "Please fill in the form."
    assert arguments_of(question)["interrupt_type"] == 5
    form = '{"city": "Oslo"}'
    answer = await ask("workflow-input-node", messages=[answered(question, form)])
    assert answer.text == f"The form says: {form}"
    assert resumes()[0]["interrupt_type"] == 5


async def test_question_of_coze_studio_has_no_node(ask):
    question = await ask("workflow-studio-question", messages=ASKED)
    assert arguments_of(question)["node"] == ""
    answer = await ask("workflow-studio-question", messages=[answered(question, "Oslo")])
    assert answer.text == "The weather for Oslo is fine."


async def test_tool_may_be_declared_and_the_workflow_gets_nothing_of_it(ask, sandbox):
    tool = {"type": "function", "function": {"name": TOOL, "parameters": {"type": "object"}}}
    question = await ask("workflow-question", messages=ASKED, tools=[tool])
    assert question.headers["x-cozeproxy-ignored"] == "tools"
    (run,) = arrived(sandbox, "/v1/workflow/stream_run")
    assert "tools" not in run.body


@pytest.mark.parametrize("text", ["", " \n"])
@pytest.mark.parametrize("by_tool", [True, False])
async def test_empty_answer_is_a_400_and_not_submitted(ask, resumes, text, by_tool):
    question = await ask("workflow-question", messages=ASKED)
    answer = answered(question, text) if by_tool else says(text)
    messages = [*ASKED, question.message, answer]
    with pytest.raises(openai.BadRequestError, match="is empty") as caught:
        await ask("gpt-4", messages=messages, coze={"resume": question.coze["resume"]})
    assert caught.value.param == "messages[2].content"
    assert resumes() == []


async def test_answer_without_a_new_message_is_a_400(ask, resumes):
    question = await ask("workflow-question", messages=ASKED)
    messages = [*ASKED, question.message]
    with pytest.raises(openai.BadRequestError) as caught:
        await ask("gpt-4", messages=messages, coze={"resume": question.coze["resume"]})
    assert caught.value.param == "messages"
    assert resumes() == []


async def test_message_after_the_answer_is_a_400_and_nothing_is_submitted(ask, resumes):
    question = await ask("workflow-question", messages=ASKED)
    messages = [*ASKED, question.message, answered(question, "Oslo"), says("And quickly!")]
    with pytest.raises(openai.BadRequestError) as caught:
        await ask("workflow-question", messages=messages)
    assert caught.value.param == "messages[3]"
    assert resumes() == []


async def test_id_that_was_changed_is_a_400(ask, resumes):
    question = await ask("workflow-question", messages=ASKED)
    changed = question.coze["resume"][:-1]
    with pytest.raises(openai.BadRequestError) as caught:
        await ask("gpt-4", coze={"resume": changed})
    assert caught.value.param == "coze.resume"
    with pytest.raises(openai.BadRequestError) as caught:
        await ask("gpt-4", messages=[says("Oslo", "tool", tool_call_id=changed)])
    assert caught.value.param == "messages[0].tool_call_id"
    assert resumes() == []


async def test_second_answer_to_one_question_is_a_conflict_that_is_not_resent(ask, caller, resumes):
    question = await ask("workflow-question", messages=ASKED)
    await ask("gpt-4", messages=[answered(question, "Oslo")])
    with pytest.raises(openai.ConflictError, match="already finished") as caught:
        await caller.with_options(max_retries=1).chat.completions.create(
            model="gpt-4", messages=[answered(question, "Oslo")]
        )
    assert caught.value.response.headers["x-should-retry"] == "false"
    assert len(resumes()) == 2


async def test_fourth_answer_to_a_run_is_refused_by_coze(ask):
    answer = await ask("workflow-question-endless", messages=ASKED)
    for _ in range(3):
        answer = await ask("gpt-4", messages=[answered(answer, "More")])
        assert answer.text == "And what else?"
    with pytest.raises(openai.ConflictError, match="resumed too often"):
        await ask("gpt-4", messages=[answered(answer, "More")])


class TestTextBeforeTheQuestion:
    @pytest.fixture
    def environment(self, raw_coze):
        return {"COZE_BASE_URL": raw_coze.base_url}

    async def test_question_is_what_was_said_last(self, ask, raw_coze):
        asking = asyncio.create_task(ask("workflow-7"))
        call = await raw_coze.called()
        await call.start(
            message("I can tell ", title="Intro"),
            message("the weather.", title="Intro", last=True),
            message("Where?", title="City", last=True),
            interrupt("City"),
        )
        answer = await asking
        assert answer.text == "I can tell the weather.\n\nWhere?"
        assert arguments_of(answer)["question"] == "Where?"
