"""The programs in examples, each in Python and in TypeScript, as a person runs them."""

import re
from pathlib import Path

import pytest

from cozeproxy.sandbox import Sandbox
from cozeproxy.sandbox.audio import heard
from tests.examples.conftest import IN_PYTHON, IN_TYPESCRIPT
from tests.support.files import PDF, PNG
from tests.support.processes import COZEPROXY, ROOT, Process, finished
from tests.testclient.coze import registered
from tests.upstream.keys import APP_ID, KEY, KEY_ID, OAUTH, public_pem

ADMIN = "the-key-of-the-owner"
ONLY_IN_PYTHON = {"langchain_chat"}


def test_chat_prints_the_answer_whole_and_streamed(run):
    whole, streamed = run("chat", "你好 👋").splitlines()
    assert whole == streamed
    assert "你好 👋" in whole


def test_conversation_is_remembered(run):
    printed = run("conversation", "I am Ann.", "Who am I?")
    assert printed.splitlines() == [
        "> I am Ann.",
        "You said: I am Ann. Before that: -",
        "> Who am I?",
        "You said: Who am I? Before that: I am Ann. | You said: I am Ann. Before that: -",
    ]


def test_responses_go_on_from_each_other(run):
    printed = run("responses", "I am Ann.", "Who am I?").splitlines()
    assert printed[:-1] == [
        "> I am Ann.",
        "You said: I am Ann. Before that: -",
        "> Who am I?",
        "You said: Who am I? Before that: I am Ann. | You said: I am Ann. Before that: -",
    ]
    assert re.fullmatch(r"tokens: [1-9]\d*", printed[-1])


@pytest.mark.parametrize(
    ("answers", "given"), [(["Oslo", "Friday"], ""), ([], "Oslo\nFriday\n")], ids=["named", "typed"]
)
def test_workflow_answers_what_it_is_asked(run, answers, given):
    printed = run("workflow", "Weather?", *answers, given=given)
    assert printed.replace("> ", "").splitlines() == [
        "Which city?",
        "Which day?",
        "The weather for Oslo on Friday is fine.",
    ]


def test_workflow_runs_another_one(run):
    assert run("workflow", "Hi", MODEL="workflow-echo") == "You said: Hi\n"


def test_chatflow_goes_on_after_the_question(run):
    printed = run("chatflow", "Weather?", "Oslo")
    assert printed.splitlines() == [
        "> Weather?",
        "Which city is it about?",
        "> Oslo",
        "Thank you. I have noted: Oslo",
    ]


def test_images_shows_the_bot_addresses_and_files(run, tmp_path):
    (tmp_path / "dot.png").write_bytes(PNG)
    answer = run("images", "What is this?", "https://example.com/cat.png", "dot.png")
    shown = r"You said: What is this\? \[image https://example.com/cat.png\] \[image \d+\]"
    assert re.match(shown, answer)


def test_files_keeps_a_file_and_asks_about_it(run, tmp_path):
    (tmp_path / "report.pdf").write_bytes(PDF)
    kept, answer = run("files", "Sum it up.", "report.pdf").splitlines()
    assert re.fullmatch(rf"report\.pdf: {len(PDF)} bytes, file-(\d+)-user_data", kept)
    id_ = kept.split("-")[1]
    assert answer.startswith(f"You said: Sum it up. [file {id_}] ")


def test_audio_speaks_and_hears(run, tmp_path):
    size, text = run("audio", "Hello!").splitlines()
    spoken = (tmp_path / "spoken.mp3").read_bytes()
    assert size == f"spoken.mp3: {len(spoken)} bytes"
    assert text == heard(spoken)


@pytest.mark.parametrize("name", ["images", "files"])
def test_without_a_file_it_says_what_it_needs(program, tmp_path, name):
    result = finished([*program(name), "What is this?"], tmp_path)
    assert result.returncode != 0
    assert result.stderr.startswith("usage: ")


def test_tools_prints_the_call_the_output_and_the_answer(run):
    call, output, answer = run("tools").splitlines()
    assert call == 'get_rain_probability {"location":"Oslo"}'
    assert output.replace(" ", "") == '->{"location":"Oslo","probability":0.5}'
    assert answer == "50%."


def test_tools_takes_another_question_and_bot(run):
    printed = run("tools", "And in Bergen?", "bot-tools-parallel")
    assert printed.count("get_rain_probability ") == printed.count("-> ") == 2
    assert printed.splitlines()[-1] != ""


STANDARD_USAGE = f"""\
== Models
gpt-3.5-turbo
gpt-4
bot-{Sandbox.BOT_ID}
workflow-{Sandbox.WORKFLOW_ID}
== Chat
You said: Hello! (1 message received, 0 remembered)
== Chat, streamed, with the tokens that Coze counts
You said: Be brief.

Hello! (1 message received, 0 remembered)
(number) tokens
== Conversation: Coze keeps what was said
You said: My name is Ann. (1 message received, 0 remembered)
You said: Who am I? (1 message received, 2 remembered)
== Workflow
You said: Process this.
== Workflow with parameters, named in the body
You said: A parameter.
== An image
You said: What do you see? [image https://example.com/image.jpg] (1 message received, 0 remembered)
== A text completion, as before there were chats
You said: Hello! (1 message received, 0 remembered)
== Errors
BadRequestError 400 invalid_model_type
NotFoundError 404 model_not_found
"""


def test_openai_standard_usage_does_all_that_the_sdk_does(run):
    printed = run("openai_standard_usage")
    assert re.sub(r"^\d+ tokens", "(number) tokens", printed, flags=re.MULTILINE) == STANDARD_USAGE


RAW_HTTP = """\
== Health
200 ok
== Chat
You said: Hello! (1 message received, 0 remembered)
== Chat, streamed
You said: Tell me a story. (1 message received, 0 remembered)
== Conversation
You said: Who am I? (1 message received, 2 remembered)
== Workflow
You said: Process this data.
== An error
400 invalid_request_error messages invalid_value
"""


def test_raw_http_test_does_it_without_an_sdk(run):
    assert run("raw_http_test") == RAW_HTTP


class TestJwt:
    @pytest.fixture(scope="class")
    def base_url(self, tmp_path_factory):
        """The address of a service that has OAuth, and an owner."""
        folder = tmp_path_factory.mktemp("oauth")
        with Process([*COZEPROXY, "sandbox", "--port", "0"], folder) as coze:
            settings = {
                "COZE_BASE_URL": coze.address(),
                "COZE_BOT_ID": Sandbox.BOT_ID,
                **OAUTH,
                "PROXY_ADMIN_KEY": ADMIN,
            }
            registered(settings["COZE_BASE_URL"], APP_ID, KEY_ID, public_pem(KEY))
            with Process([*COZEPROXY, "serve", "--port", "0"], folder, **settings) as service:
                yield f"{service.address()}/v1"

    def test_callers_do_not_notice_what_becomes_of_the_token(self, run):
        answer = "You said: Hello! (1 message received, 0 remembered)"
        assert run("jwt", PROXY_ADMIN_KEY=ADMIN).splitlines() == [
            "A token that is good: true",
            answer,
            "Another one after a refresh: true",
            answer,
            "The token is forgotten; the next request to Coze gets a new one.",
            answer,
        ]

    def test_who_may_not_see_it_is_told_so(self, program, base_url, tmp_path):
        result = finished(program("jwt"), tmp_path, OPENAI_BASE_URL=base_url)
        assert (result.returncode, result.stdout) == (1, "")
        assert result.stderr.startswith("This is not open to everybody.")


def names(folder, ending):
    return {path.stem for path in folder.glob(f"*.{ending}")}


def test_both_languages_have_the_same_programs():
    assert names(IN_PYTHON, "py") == names(IN_TYPESCRIPT, "ts") | ONLY_IN_PYTHON


def test_every_program_is_run_here_and_in_the_table():
    ours = Path(__file__).read_text()
    others = "".join(path.read_text() for path in Path(__file__).parent.glob("test_*.py"))
    table = (ROOT / "examples" / "README.md").read_text()
    for name in names(IN_PYTHON, "py"):
        assert f'run("{name}"' in (others if name in ONLY_IN_PYTHON else ours)
        in_typescript = "" if name in ONLY_IN_PYTHON else f"`{name}.ts`"
        assert re.search(rf"^\| `{name}\.py` \| {in_typescript} ?\|", table, re.MULTILINE)
