"""``cozeproxy chat`` on a terminal: pieces as they come, the prompt, Ctrl-C and Ctrl-D."""

import signal
import subprocess

import pytest

from cozeproxy.cli.chat import INTERRUPTED
from tests.support.processes import ENVIRONMENT
from tests.support.terminal import CTRL_C, CTRL_D, Terminal
from tests.testclient.talking import USER, Talker, serving

GATED = ["--bot-id", "gated"]
PROMPT = "\n> "
# Steps of an answer that is left and goes on, as runs at Coze do, and of the one after it.
BOTH = 6
# What the bot "reasoning" thinks and says.
THOUGHT = "The user greets me. I should greet back."
ANSWER = "Hello! How can I help?"


@pytest.fixture
def talker(tmp_path):
    with serving(tmp_path) as service:
        yield Talker(service)
        assert "Traceback" not in service.complaints()


@pytest.fixture
def talk(talker, tmp_path):
    """Run the command on a terminal."""
    opened = []

    def talk(*arguments):
        terminal = Terminal(talker.command(*arguments), tmp_path)
        opened.append(terminal)
        return terminal.__enter__()

    yield talk
    for terminal in opened:
        terminal.__exit__()


def test_pieces_are_printed_as_they_come(talker, talk):
    terminal = talk(*GATED, "Hi")
    for piece in ("one ", "two ", "three"):
        talker.release()
        # The next one is held back until this one has been seen.
        terminal.until(piece)
    assert terminal.end() == (0, "\n")


def test_ctrl_c_ends_the_one_answer_and_with_it_the_program(talker, talk):
    terminal = talk(*GATED, "Hi")
    talker.release()
    terminal.until("one ")
    terminal.press(CTRL_C)
    assert terminal.end() == (INTERRUPTED, "^C\n")
    talker.is_left()


def test_ctrl_c_before_the_first_piece_ends_it_as_well(talker, talk):
    terminal = talk(*GATED, "Hi")
    talker.asked()
    terminal.press(CTRL_C)
    assert terminal.end() == (INTERRUPTED, "^C\n")
    talker.is_left()


def test_ctrl_c_cancels_the_answer_and_the_conversation_goes_on(talker, talk):
    terminal = talk(*GATED)
    assert terminal.until("> ") == f"{talker.url}: Ctrl-C cancels an answer, Ctrl-D ends.\n> "
    terminal.type("First")
    talker.release()
    terminal.until("one ")
    terminal.press(CTRL_C)
    assert terminal.until(PROMPT) == f"^C\ncanceled{PROMPT}"
    talker.is_left()

    terminal.type("Second")
    talker.release(BOTH)
    assert terminal.until(PROMPT) == f"Second\none two three{PROMPT}"
    # What has come of the answer counts as said.
    said = [message["content"] for message in talker.last_chat()["additional_messages"]]
    assert said == ["First", "one ", "Second"]
    terminal.press(CTRL_D)
    assert terminal.end() == (0, "\n")


def test_what_got_no_piece_of_an_answer_has_not_been_said(talker, talk):
    terminal = talk(*GATED)
    terminal.until("> ")
    terminal.type("First")
    talker.asked()
    terminal.press(CTRL_C)
    terminal.until(PROMPT)
    terminal.type("Second")
    talker.release(BOTH)
    terminal.until("three")
    said = [message["content"] for message in talker.last_chat()["additional_messages"]]
    assert said == ["Second"]


def test_ctrl_c_at_the_prompt_drops_the_line(talker, talk):
    terminal = talk()
    terminal.until("> ")
    terminal.press("Forget it")
    terminal.until("Forget it")
    terminal.idle()
    terminal.press(CTRL_C)
    terminal.until(PROMPT)
    terminal.type("Hello")
    assert f"You said: Hello. (1 message received, 0 remembered){PROMPT}" in terminal.until(PROMPT)
    assert len(talker.last_chat()["additional_messages"]) == 1


def test_an_error_is_a_line_and_the_conversation_goes_on(talk):
    terminal = talk("--bot-id", "unpublished")
    terminal.until("> ")
    for _ in range(2):
        terminal.type("Hello")
        assert "cozeproxy: 403 model_not_available: " in terminal.until(PROMPT)
    terminal.press(CTRL_D)
    assert terminal.end()[0] == 1


def test_a_bot_cannot_move_the_cursor(talk):
    terminal = talk("\x1b[2JHi\x07\x9b\ttabs\n\N{WOMAN}\N{ZERO WIDTH JOINER}\N{PERSONAL COMPUTER}")
    said = "You said: [2JHi\ttabs\n\N{WOMAN}\N{ZERO WIDTH JOINER}\N{PERSONAL COMPUTER}"
    assert terminal.end() == (0, f"{said} (1 message received, 0 remembered)\n")


def test_without_a_terminal_an_interrupt_ends_it(talker, tmp_path):
    with subprocess.Popen(
        talker.command(*GATED),
        cwd=tmp_path,
        env=ENVIRONMENT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        process.stdin.write(b"First\nSecond\n")
        process.stdin.flush()
        talker.release()
        assert process.stdout.read(4) == b"one "
        process.send_signal(signal.SIGINT)
        assert process.wait() == INTERRUPTED
        assert process.stderr.read() == b""
    assert talker.last_chat()["user_id"] == USER
    assert [m["content"] for m in talker.last_chat()["additional_messages"]] == ["First"]


@pytest.mark.parametrize("arguments", [[], ["--no-stream"]])
def test_reasoning_is_faint_above_the_answer_and_on_a_terminal_alone(
    talker, talk, arguments, tmp_path
):
    asked = ["--bot-id", "reasoning", *arguments, "Hi"]
    status, seen = talk(*asked).end()
    assert status == 0
    thought, answer = seen.replace("\x1b[22m\x1b[2m", "").split("\x1b[22m\n")
    assert thought == f"\x1b[2m{THOUGHT}"
    assert answer == f"{ANSWER}\n"
    assert talker.answer(tmp_path, *asked) == answer
