"""Workflows, by the workflow id that chooses them."""

import json

from cozeproxy.sandbox.errors import MESSAGES
from cozeproxy.sandbox.scenarios.refusals import numbers
from cozeproxy.sandbox.scenarios.run import INPUT_NODE, Run
from cozeproxy.sandbox.scenarios.steps import (
    Cut,
    Gate,
    Pause,
    Refuse,
    Scenario,
    Silence,
    Steps,
    Suspend,
)
from cozeproxy.sandbox.scenarios.turn import pieces, usage
from cozeproxy.sandbox.wire import Event

SECONDS_A_TOKEN = 0.05
GATED_PARTS = ("one ", "two ", "three")
NEVER_PUBLISHED = "The workflow has not been published."


def echo(run: Run) -> Steps:
    """An End node with one string."""
    yield run.result({"output": f"You said: {run.text}"})
    yield run.done()


def inspect(run: Run) -> Steps:
    """The request itself."""
    yield run.result({"output": json.dumps(run.body, ensure_ascii=False)})
    yield run.done()


def output_nodes(run: Run) -> Steps:
    """An output node that streams, and an End node that repeats it."""
    middle = (len(run.text) + 1) // 2
    yield from run.say([run.text[:middle], run.text[middle:]])
    yield run.result({"output": run.text})
    yield run.done()


def output_nodes_many(run: Run) -> Steps:
    """Two output nodes, and an End node that says something of its own."""
    yield from run.say(pieces("The first node speaks. "), title="First")
    yield from run.say(pieces("The second node speaks. "), title="Second")
    yield run.result({"summary": "Two nodes have spoken.", "count": 2})
    yield run.done()


def end_json_many(run: Run) -> Steps:
    """An End node with several outputs."""
    yield run.result({"title": "Oslo", "temperature": 21, "tags": ["sunny", "晴"]})
    yield run.done()


def end_text(run: Run) -> Steps:
    """An End node that streams text."""
    yield from run.say(pieces(f"You said: {run.text}"), title="End")
    yield run.done()


def empty(run: Run) -> Steps:
    """An End node with nothing to say."""
    yield run.result("")
    yield run.done()


def ping(run: Run) -> Steps:
    """Heartbeats before and between, in both shapes that are known."""
    yield Event("PING", {"content": "{}"})
    yield run.message("pong", 0, last=True)
    yield Event("PING", {})
    yield run.result({"output": "pong"})
    yield run.done()


def question(run: Run) -> Steps:
    """A question node; the answer is used."""
    yield from run.asks("Which city, and which day?")
    answer = yield Suspend()
    yield run.result({"output": f"The weather for {answer} is fine."})
    yield run.done()


def question_twice(run: Run) -> Steps:
    """Two question nodes."""
    yield from run.asks("Which city?", title="City")
    city = yield Suspend()
    yield from run.asks("Which day?", title="Day")
    day = yield Suspend()
    yield run.result({"output": f"The weather for {city} on {day} is fine."})
    yield run.done()


def question_endless(run: Run) -> Steps:
    """A question after every answer, which the limit of resumes ends."""
    while True:
        yield from run.asks("And what else?")
        yield Suspend()


def input_node(run: Run) -> Steps:
    """An input node: an interrupt of type 5."""
    yield run.message("Please fill in the form.", 0, last=True, title="Form")
    yield run.interrupt(INPUT_NODE, "Form")
    form = yield Suspend()
    yield run.result({"output": f"The form says: {form}"})
    yield run.done()


def error(run: Run) -> Steps:
    """A run that fails at once."""
    yield run.error(4000, "Request parameter error")


def error_with_code(run: Run) -> Steps:
    """The same with another code."""
    (wanted,) = numbers(run.workflow_id)
    yield run.error(wanted, MESSAGES.get(wanted, "Unknown error."))


def error_mid(run: Run) -> Steps:
    """A run that fails after some output."""
    yield run.message("Everything is ", 0, last=False)
    yield run.message("going well", 1, last=False)
    yield run.error(720701013, "Workflow execution failed")


def no_done(run: Run) -> Steps:
    """The body ends without Done."""
    yield run.message("I was about ", 0, last=False)


def cut(run: Run) -> Steps:
    """The connection closes in mid-run."""
    yield run.message("I was about ", 0, last=False)
    yield Cut()


def unpublished(_run: Run) -> Steps:
    """The code that api.coze.* is documented to give; self-hosted Coze gives 720702011."""
    yield Refuse(4200, NEVER_PUBLISHED)


def unpublished_studio(_run: Run) -> Steps:
    """The same in self-hosted Coze."""
    yield Refuse(720702011, NEVER_PUBLISHED)


def code(run: Run) -> Steps:
    """HTTP 200 with a Coze code."""
    (wanted,) = numbers(run.workflow_id)
    yield Refuse(wanted)


def http_status_and_code(run: Run) -> Steps:
    """An HTTP status and a Coze code."""
    status, wanted = numbers(run.workflow_id)
    yield Refuse(wanted, status=status)


def auth_once(run: Run) -> Steps:
    """HTTP 401 and 4100 for the first token, good answers for every other one."""
    if run.notebook.setdefault(run.workflow_id, run.token) == run.token:
        yield Refuse(4100, status=401)
    yield from echo(run)


def counted(run: Run) -> Steps:
    """The counts of the documented sample (docs.coze.cn, workflow_run)."""
    yield run.result({"output": "42"}, usage(50, 100))
    yield run.done()


def silent(_run: Run) -> Steps:
    """Not even a head."""
    yield Silence()


def silent_mid_stream(run: Run) -> Steps:
    """Some output, then nothing."""
    yield run.message("I was about ", 0, last=False)
    yield Silence()


def gated(run: Run) -> Steps:
    """Three pieces, each of which waits at the gate."""
    for event in run.say(GATED_PARTS):
        yield Gate()
        yield event
    yield run.result({"output": "".join(GATED_PARTS)})
    yield run.done()


def slow(run: Run) -> Steps:
    """The input again, a token every 50 ms."""
    for event in run.say(pieces(run.text)):
        yield Pause(SECONDS_A_TOKEN)
        yield event
    yield run.result({"output": run.text})
    yield run.done()


SCENARIOS = [
    Scenario("echo", "Gives back the parameter input.", echo),
    Scenario("inspect", "Gives back the request's body.", inspect),
    Scenario("output-nodes", "Streams the input, then End repeats it.", output_nodes, listed=True),
    Scenario("output-nodes-many", "Two output nodes; End says something else.", output_nodes_many),
    Scenario("end-json-many", "End gives several outputs.", end_json_many),
    Scenario("end-text", "End streams text.", end_text),
    Scenario("empty", "End gives an empty text.", empty),
    Scenario("ping", "Heartbeats between messages.", ping),
    Scenario("question", "Asks (interrupt type 2), goes on when resumed.", question, listed=True),
    Scenario("question-twice", "Asks twice.", question_twice),
    Scenario("question-endless", "Asks until the limit of resumes.", question_endless),
    Scenario("input-node", "Asks for a form (interrupt type 5).", input_node),
    Scenario("error", "Fails at once: Error 4000.", error),
    Scenario("error-<n>", "Fails at once: Error with that code.", error_with_code),
    Scenario("error-mid", "Fails after some output: Error 720701013.", error_mid),
    Scenario("no-done", "Ends without Done.", no_done),
    Scenario("cut", "The connection closes after some output.", cut),
    Scenario("unpublished", "4200.", unpublished),
    Scenario("unpublished-studio", "720702011.", unpublished_studio),
    Scenario("code-<n>", "HTTP 200 with that Coze code.", code),
    Scenario("http-<n>-<n>", "That HTTP status with that code.", http_status_and_code),
    Scenario("auth-once", "401/4100 for the first token seen.", auth_once),
    Scenario("usage", "Counts 150 tokens: 50 in, 100 out.", counted),
    Scenario("silent", "Never answers.", silent),
    Scenario("silent-mid-stream", "Silent after some output.", silent_mid_stream),
    Scenario("gated", "one two three: each piece waits at the gate.", gated),
    Scenario("slow", "Streams the input, a token every 50 ms.", slow),
]
