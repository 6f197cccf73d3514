"""Chatflows, by the workflow id that chooses them: chat scripts in a chatflow's dress."""

from cozeproxy.sandbox.scenarios import answers, breakdowns, endurance, refusals, tools
from cozeproxy.sandbox.scenarios.steps import Scenario, Start, Steps
from cozeproxy.sandbox.scenarios.turn import Turn
from cozeproxy.sandbox.wire import Event


def question_sample(turn: Turn) -> Steps:
    """The same as docs.coze.cn, workflow_chat shows it: no requires_action at the end."""
    yield from turn.opening()
    if turn.answers_question():
        yield from turn.say(f"Thank you. I have noted: {turn.text}")
        yield from turn.ending()
        return
    yield from turn.say(tools.QUESTION)
    yield turn.verbose("interrupt")
    yield turn.finish_marker(1)
    yield turn.done()


def empty_result(turn: Turn) -> Steps:
    """A note that there is no result (docs.coze.cn, workflow_chat, its sample)."""
    yield from turn.opening()
    yield turn.verbose("empty result", "empty result")
    yield from turn.ending()


def error(turn: Turn) -> Steps:
    """An error event after the opening (coze-py, issue 303)."""
    yield from turn.opening()
    yield Event("error", {"code": 5000, "msg": "event interval error"})


def failed(turn: Turn) -> Steps:
    """chat.failed with a string code, the form that docs.coze.cn, workflow_chat shows."""
    yield from turn.opening()
    yield from breakdowns.failed_string_code(turn)


def error_mid(turn: Turn) -> Steps:
    """Some text, then chat.failed."""
    yield from turn.opening()
    yield turn.delta(turn.new_id(), "Everything is going well")
    yield turn.failed(*breakdowns.RECORDED)


def eof(turn: Turn) -> Steps:
    """Some text, then the body ends."""
    yield Start()
    yield from turn.opening()
    yield turn.delta(turn.new_id(), "I was about ")


SCENARIOS = [
    Scenario("echo", "Repeats the user and counts what arrived.", answers.echo),
    Scenario("hello", "Says Hello, in two deltas.", answers.hello),
    Scenario("inspect", "Answers with the request's body.", answers.inspect),
    Scenario("memory", "Repeats the user and all it remembers.", answers.memory),
    Scenario("two-answers", "Two answers, as from two output nodes.", answers.two_answers),
    Scenario("empty-result", "A note that there is no result.", empty_result),
    Scenario("question", "Asks the user, goes on with the reply.", tools.question),
    Scenario("question-sample", "The same without requires_action.", question_sample),
    Scenario("error", "An error event, 5000.", error),
    Scenario("error-mid", "Some text, then chat.failed.", error_mid),
    Scenario("failed", 'chat.failed with a code like "720702204".', failed),
    Scenario("eof", "Some text, then the body ends.", eof),
    Scenario("code-<n>", "HTTP 200 with that Coze code.", refusals.code),
    Scenario("auth-once", "4100 for the first token seen.", refusals.auth_once),
    Scenario("gated", "one two three: each delta waits at the gate.", endurance.gated),
    Scenario("slow", "The echo, a token every 50 ms.", endurance.slow),
    Scenario("silent", "Never answers.", endurance.silent),
]
