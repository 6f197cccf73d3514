"""Self-hosted Coze Studio: the same API with differences of its own.

All of it from coze-dev/coze-studio, backend/: application/conversation/openapi_agent_run.go and
domain/conversation/agentrun/entity/const.go for bots, application/workflow/chatflow.go and
domain/workflow/entity/vo/chatflow.go for chatflows, application/workflow/workflow.go for workflows.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from cozeproxy.sandbox.scenarios.answers import echo_text
from cozeproxy.sandbox.scenarios.run import QUESTION_NODE, Run
from cozeproxy.sandbox.scenarios.steps import Scenario, Steps, Suspend
from cozeproxy.sandbox.scenarios.turn import Turn, count_tokens, pieces, usage
from cozeproxy.sandbox.wire import Event, chatflow_lines, dump

PREFIX = "studio"
QUESTION = "Which city is it about?"
AGENT_RUN_ERROR = 103200002


def is_studio(identifier: str) -> bool:
    """Tell whether a bot or workflow is one of these: other endpoints differ for them as well."""
    return identifier.startswith(PREFIX)


def bot(turn: Turn) -> Steps:
    """The echo, ended by ``conversation.stream.done`` with empty data."""
    yield from _opening(turn)
    yield from _said(turn, echo_text(turn))
    yield _note(turn, "generate_answer_finish", dump({"finish_reason": 0, "fin_data": ""}))
    yield turn.completed()
    yield _stream_done()


def bot_failed(turn: Turn) -> Steps:
    """An error event inside the stream, also for what goes wrong before the run."""
    yield from _opening(turn)
    yield Event("error", {"code": AGENT_RUN_ERROR, "msg": "agent run failed"})


def bot_failed_after_text(turn: Turn) -> Steps:
    """Some text, then an error event."""
    yield from _opening(turn)
    yield turn.delta(turn.new_id(), "Everything is going well")
    yield Event("error", {"code": AGENT_RUN_ERROR, "msg": "agent run failed"})


def bot_canceled(turn: Turn) -> Steps:
    """Canceled, with two l."""
    yield from _opening(turn)
    yield Event("conversation.chat.cancelled", turn.chat("cancelled"))
    yield _stream_done()


def bot_question(turn: Turn) -> Steps:
    """A question: the answer and a note; the event required_action is not passed on."""
    yield from _opening(turn)
    if turn.answers_question():
        yield from _said(turn, f"Thank you. I have noted: {turn.text}")
        yield turn.completed()
    else:
        yield from _said(turn, QUESTION)
        yield _note(turn, "interrupt")
    yield _stream_done()


def chatflow(turn: Turn) -> Steps:
    """The echo with execute_id; the completed message has the last piece, not the whole."""
    yield from _flow_opening(turn)
    text = echo_text(turn)
    yield from _flow_said(turn, text)
    input_count, output_count = turn.input_count, count_tokens(text)
    # The total is wrong there: twice the output.
    counts = usage(input_count, output_count) | {"token_count": 2 * output_count}
    yield Event("conversation.chat.completed", _flow_chat(turn, "completed", usage=counts))
    yield turn.done()


def chatflow_question(turn: Turn) -> Steps:
    """A question: requires_action without a required_action object."""
    yield from _flow_opening(turn)
    if turn.answers_question():
        yield from _flow_said(turn, f"Thank you. I have noted: {turn.text}")
        yield Event("conversation.chat.completed", _flow_chat(turn, "completed"))
        yield turn.done()
        return
    yield from _flow_said(turn, QUESTION)
    yield Event("conversation.chat.requires_action", _flow_chat(turn, "requires_action"))
    yield turn.done()


def chatflow_error(turn: Turn) -> Steps:
    """An error event whose code is a string."""
    yield from _flow_opening(turn)
    failure = {"code": "720701013", "msg": "execution failed", "debug_url": turn.debug_url}
    yield Event("error", failure)


def workflow(run: Run) -> Steps:
    """An output node and the End node, with more keys."""
    middle = (len(run.text) + 1) // 2
    parts = [run.text[:middle], run.text[middle:]]
    for event in run.say(parts, title="Output"):
        yield Event("Message", event.data | _node("OutputEmitter", "110"))
    end = run.result({"output": run.text})
    yield Event("Message", end.data | {"node_title": "End"} | _node("End", "900001"))
    yield run.done()


def workflow_question(run: Run) -> Steps:
    """An Interrupt without node_title."""
    asked = run.message("Which city?", 0, last=True, title="Question")
    yield Event("Message", asked.data | _node("QuestionAnswer", "120"))
    interrupt = run.interrupt(QUESTION_NODE, "Question")
    yield Event("Interrupt", {"interrupt_data": interrupt.data["interrupt_data"]})
    answer = yield Suspend()
    yield run.result({"output": f"The weather for {answer} is fine."})
    yield run.done()


def workflow_failed(run: Run) -> Steps:
    """An Error event with debug_url, and no Done."""
    failed = run.error(720701013, "Workflow execution failed")
    yield Event("Error", failed.data | {"debug_url": run.debug_url})


def workflow_crashed(_run: Run) -> Steps:
    """An internal failure: ``error`` in lower case, with plain text."""
    yield Event("error", "internal server error")


def numbered_lines(number: int, event: Event) -> Iterable[bytes]:
    """Chatflow lines with an id, from 1."""
    lines = b"".join(chatflow_lines(number, event))
    return [f"id: {number + 1}\n".encode() + lines]


def _opening(turn: Turn) -> Iterator[Event]:
    yield Event("conversation.chat.created", turn.chat("created", last_error=None))
    yield Event("conversation.chat.in_progress", turn.chat("in_progress", last_error=None))


def _said(turn: Turn, text: str) -> Iterator[Event]:
    message_id = turn.new_id()
    for part in pieces(text):
        yield turn.delta(message_id, part)
    yield turn.answered(message_id, text)


def _note(turn: Turn, kind: str, data: str = "") -> Event:
    content = {"msg_type": kind, "data": data, "from_module": "", "from_unit": ""}
    return turn.aside("verbose", dump(content))


def _stream_done() -> Event:
    return Event("conversation.stream.done", "")


def _flow_chat(turn: Turn, status: str, **extra: Any) -> dict[str, Any]:
    return {
        "id": turn.chat_id,
        "conversation_id": turn.conversation_id,
        "status": status,
        **extra,
        "execute_id": turn.chat_id,
        "section_id": turn.section_id,
    }


def _flow_opening(turn: Turn) -> Iterator[Event]:
    for status in ("created", "in_progress"):
        yield Event(f"conversation.chat.{status}", _flow_chat(turn, status))


def _flow_said(turn: Turn, text: str) -> Iterator[Event]:
    message_id = turn.new_id()
    *parts, last = pieces(text)
    for part in parts:
        yield turn.delta(message_id, part, timed=False)
    yield Event("conversation.message.completed", turn.message("answer", last, id=message_id))


def _node(kind: str, identifier: str) -> dict[str, Any]:
    return {"node_type": kind, "node_id": identifier, "content_type": "text", "token": 0}


BOTS = [
    Scenario("studio", "Studio: stream.done, fin_data, no x-tt-logid.", bot),
    Scenario("studio-failed", "Studio: an error event.", bot_failed),
    Scenario(
        "studio-failed-after-text", "Studio: text, then an error event.", bot_failed_after_text
    ),
    Scenario("studio-canceled", "Studio: chat.cancelled, with two l.", bot_canceled),
    Scenario("studio-question", "Studio: a question, with no event for it.", bot_question),
]
CHATFLOWS = [
    Scenario("studio", "Studio: id lines, execute_id.", chatflow, numbered_lines),
    Scenario("studio-question", "Studio: a question.", chatflow_question, numbered_lines),
    Scenario("studio-error", "Studio: an error event.", chatflow_error, numbered_lines),
]
WORKFLOWS = [
    Scenario("studio", "Studio: more keys in messages.", workflow),
    Scenario("studio-question", "Studio: Interrupt without node_title.", workflow_question),
    Scenario("studio-failed", "Studio: Error with debug_url.", workflow_failed),
    Scenario("studio-crashed", "Studio: lower-case error with plain text.", workflow_crashed),
]
