"""``cozeproxy chat`` as a process: what is said, what is printed, and how it ends."""

import json
import re
import subprocess

import pytest

from tests.support.files import PNG
from tests.support.processes import ENVIRONMENT, finished
from tests.support.stranger import Stranger, response, stream
from tests.testclient.talking import CHAT, Talker, serving


@pytest.fixture(scope="module")
def talker(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("service")) as service:
        yield Talker(service)
        assert "Traceback" not in service.complaints()


def chunk(text="", **fields):
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": None}
    return f"data: {json.dumps({'choices': [choice], **fields}, ensure_ascii=False)}\n\n"


DONE = "data: [DONE]\n\n"
ECHO = "You said: 你好 👋 (1 message received, 0 remembered)\n"


@pytest.mark.parametrize("arguments", [[], ["--no-stream"]])
def test_the_answer_is_all_that_is_printed(talker, arguments, tmp_path):
    assert talker.answer(tmp_path, *arguments, "你好 👋") == ECHO


@pytest.mark.parametrize(
    "form", ["{url}", "{url}/", "{url}/v1", "{url}/v1/", "{bare}", "{bare}/v1"]
)
def test_the_address_is_taken_in_every_form(talker, form, tmp_path):
    url = form.format(url=talker.url, bare=talker.url.removeprefix("http://"))
    assert finished([*CHAT, "--url", url, "你好 👋"], tmp_path).stdout == ECHO


def test_without_an_address_it_is_that_of_the_settings(talker, tmp_path):
    (tmp_path / ".env").write_text(f"PORT={talker.url.rpartition(':')[2]}\n")
    assert finished([*CHAT, "你好 👋"], tmp_path).stdout == ECHO


def test_json_has_a_chunk_a_line_and_no_word_else(talker, tmp_path):
    lines = talker.answer(tmp_path, "--json", "--type", "conversation", "你好").splitlines()
    chunks = [json.loads(line) for line in lines]
    assert {part["object"] for part in chunks} == {"chat.completion.chunk"}
    assert "你好" in "".join(part["choices"][0]["delta"].get("content", "") for part in chunks)
    assert "你好" in "".join(lines)


def test_json_of_a_whole_answer_is_one_completion(talker, tmp_path):
    completion = json.loads(talker.answer(tmp_path, "--json", "--no-stream", "Hi"))
    assert completion["object"] == "chat.completion"
    assert completion["model"] == "gpt-4"


def test_a_model_name_is_sent_as_it_is(talker, tmp_path):
    assert talker.answer(tmp_path, "--model", "bot-hello", "Hi") == "Hello\n"


def test_an_answer_that_ends_its_line_gets_no_other_end(tmp_path):
    with Stranger(stream(chunk("a line\n"), DONE)) as stranger:
        assert finished([*CHAT, "--url", stranger.url, "Hi"], tmp_path).stdout == "a line\n"


def test_a_conversation_goes_on_with_the_id_that_is_told(talker, tmp_path):
    kept = ["--type", "conversation", "--bot-id", "memory"]
    first = talker.say(tmp_path, *kept, "I am Ann.")
    options = re.fullmatch(r"To go on: (--conversation-id \d+)\n", first.stderr).group(1).split()
    # There is nothing new to tell then.
    assert talker.answer(tmp_path, *kept, *options, "Who am I?") == (
        "You said: Who am I? Before that: I am Ann. | You said: I am Ann. Before that: -\n"
    )


def test_a_workflow_gets_its_parameters(talker, tmp_path):
    given = ["city=Oslo", "days=3", "tags=[1, 2]", 'zip="0151"', "note=a=b", "odd=NaN"]
    options = [option for text in given for option in ("--param", text)]
    answer = talker.answer(tmp_path, "--workflow-id", "inspect", *options, "Hi")
    assert json.loads(answer)["parameters"] == {
        "city": "Oslo",
        "days": 3,
        "tags": [1, 2],
        "zip": "0151",
        "note": "a=b",
        "odd": "NaN",
    }


@pytest.mark.parametrize("kind", ["workflow", "chatflow"])
def test_a_type_is_chosen(talker, kind, tmp_path):
    answer = talker.say(tmp_path, "--type", kind, "--workflow-id", "echo", "Hi").stdout
    assert answer.startswith("You said: Hi")


def test_a_question_of_a_workflow_is_told_as_one(talker, tmp_path):
    result = talker.say(tmp_path, "--workflow-id", "question", "Weather?")
    assert (result.returncode, result.stdout) == (0, "Which city, and which day?\n")
    assert result.stderr.startswith("The workflow waits for an answer.")


def test_images_are_shown_with_the_first_message(talker, tmp_path):
    (tmp_path / "dot.png").write_bytes(PNG)
    images = ["--image", "https://example.com/cat.png", "--image", "dot.png"]
    printed = talker.answer(tmp_path, *images, given="What is it?\nAnd that?\n")
    first, second = printed.splitlines()
    shown = r"You said: What is it\? \[image https://example.com/cat.png\] \[image \d+\]"
    assert re.match(shown, first)
    assert second.startswith("You said: And that? (3 messages received")


class TestConversation:
    def test_lines_of_the_input_are_its_turns(self, talker, tmp_path):
        printed = talker.answer(tmp_path, given="One\n\n  \nTwo\nThree\n")
        assert [re.search(r"\((\d)", line).group(1) for line in printed.splitlines()] == list("135")

    @pytest.mark.parametrize(
        "named", [["--type", "conversation"], ["--model", "conversation-echo"]]
    )
    def test_coze_keeps_it_where_the_type_says_so(self, talker, named, tmp_path):
        printed = talker.answer(tmp_path, *named, given="One\nTwo\nThree\n")
        assert [line.split(". ")[1] for line in printed.splitlines()] == [
            f"(1 message received, {remembered} remembered)" for remembered in (0, 2, 4)
        ]

    def test_a_workflow_gets_the_answers_to_its_questions(self, talker, tmp_path):
        asking = ["--workflow-id", "question-twice"]
        printed = talker.answer(tmp_path, *asking, given="Weather?\nOslo\nFriday\nWeather?\n")
        assert printed.splitlines() == [
            "Which city?",
            "Which day?",
            "The weather for Oslo on Friday is fine.",
            "Which city?",
        ]

    def test_a_turn_that_fails_is_told_and_has_not_been_said(self, talker, tmp_path):
        picture = ["--image", "https://example.com/cat.png", "--bot-id", "echo"]
        # An id that no conversation has.
        asking = [*picture, "--type", "conversation", "--conversation-id", "7400000000000000000"]
        result = talker.say(tmp_path, *asking, given="One\nTwo\n")
        assert (result.returncode, result.stdout) == (1, "")
        errors = result.stderr.splitlines()
        assert len(errors) == 2
        assert all(error.startswith("cozeproxy: 404 not_found: Coze: ") for error in errors)
        chat = talker.last_chat()
        (message,) = chat["additional_messages"]
        assert "Two" in message["content"]
        # What the first was to be shown with was not seen, either.
        assert "cat.png" in message["content"]


REFUSED = {
    "unpublished": "cozeproxy: 403 model_not_available: Coze: The bot_id ",
    "code-4028": "cozeproxy: 429 insufficient_quota: Coze: ",
    "html-502": "cozeproxy: 502 upstream_error: Coze answered with HTTP 502 (text/html)",
    "tools": "cozeproxy: 400 tool_output_required: The bot calls a tool",
}


@pytest.mark.parametrize("arguments", [[], ["--no-stream"]])
@pytest.mark.parametrize(("bot", "words"), REFUSED.items(), ids=REFUSED)
def test_what_the_service_refuses_is_one_line_and_status_1(talker, bot, words, arguments, tmp_path):
    result = talker.say(tmp_path, *arguments, "--bot-id", bot, "Hi")
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr.startswith(words)
    assert result.stderr.count("\n") == 1


NO_ANSWERS = {
    "an error after text": (
        stream(chunk("some "), 'data: {"error": {"message": "no more", "code": "broken"}}\n\n'),
        "some \n",
        "broken: no more\n",
    ),
    "an end without its mark": (stream(chunk("some ")), "some \n", "the answer broke off before"),
    "a cut": (stream(chunk("some "), complete=False), "some \n", "the answer broke off: "),
    "no event at all": (stream(), "", "the answer broke off before its end"),
    "a chunk that is none": (
        stream(chunk("some "), "data: {\n\n"),
        "some \n",
        "a part of the answer",
    ),
    "a chunk that is a list": (stream("data: []\n\n"), "", "a part of the answer is no object"),
    "a page": (
        response("<h1>\x1b[31mBad\n gateway</h1>", status="502 Bad", kind="text/html"),
        "",
        "it answers with HTTP 502 (text/html), which is no answer of cozeproxy's: <h1>[31mBad ga",
    ),
    "nothing": (response(status="204 No Content"), "", "it answers with HTTP 204"),
    "another address": (
        response(status="301 Moved", Location="https://coze.example/v1/chat/completions"),
        "",
        "it answers with HTTP 301, and sends on to https://coze.example/v1/chat/completions. Give",
    ),
    "JSON in place of a stream": (response('{"choices": []}'), "", "it answers with HTTP 200"),
    "silence": (b"", "", "cannot be reached: "),
}


@pytest.mark.parametrize(("answer", "printed", "words"), NO_ANSWERS.values(), ids=NO_ANSWERS)
def test_what_is_no_answer_is_never_taken_for_one(answer, printed, words, tmp_path):
    with Stranger(answer) as stranger:
        result = finished([*CHAT, "--url", stranger.url, "Hi"], tmp_path)
    assert (result.returncode, result.stdout) == (1, printed)
    assert words in result.stderr
    assert result.stderr.startswith("cozeproxy: ")
    assert result.stderr.count("\n") == 1


WHOLE = {
    "a page": response("<h1>It works</h1>", kind="text/html"),
    "a list": response("[]"),
    "an error with status 200": response('{"error": {"message": "no"}}'),
    "a cut": response("{}")[:-1],
}


@pytest.mark.parametrize("answer", WHOLE.values(), ids=WHOLE)
def test_what_is_no_whole_answer_is_none_either(answer, tmp_path):
    with Stranger(answer) as stranger:
        result = finished([*CHAT, "--url", stranger.url, "--no-stream", "Hi"], tmp_path)
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr.count("\n") == 1


def test_a_stream_is_read_however_it_is_cut(tmp_path):
    text = ": a sign of life\r\n\r\n" + chunk("你好 👋").replace("\n", "\r\n") + DONE
    pieces = [text.encode()[i : i + 1].decode("latin-1") for i in range(len(text.encode()))]
    data = stream(*pieces)
    # latin-1 stood for the bytes.
    for char in {piece for piece in pieces if ord(piece) > 127}:
        data = data.replace(b"2\r\n" + char.encode(), b"1\r\n" + char.encode("latin-1"))
    with Stranger(data) as stranger:
        assert finished([*CHAT, "--url", stranger.url, "Hi"], tmp_path).stdout == "你好 👋\n"


def test_where_nothing_listens_it_says_what_to_do(tmp_path):
    with Stranger() as stranger:
        pass
    result = finished([*CHAT, "--url", stranger.url, "Hi"], tmp_path)
    assert result.returncode == 1
    assert f"{stranger.url} cannot be reached: " in result.stderr
    assert "Start the service there (scripts/run, or cozeproxy serve)" in result.stderr


class TestKeys:
    @pytest.fixture(scope="class")
    def talker(self, tmp_path_factory):
        keys = "ann:the-key-of-ann,bob:the-key-of-bob"
        with serving(tmp_path_factory.mktemp("service"), PROXY_API_KEYS=keys) as service:
            yield Talker(service)

    @pytest.mark.parametrize("arguments", [[], ["--key", "the-key-of-eve"]])
    def test_without_a_good_one_it_says_so(self, talker, arguments, tmp_path):
        result = talker.say(tmp_path, *arguments, "Hi")
        assert (result.returncode, result.stdout) == (1, "")
        assert result.stderr == (
            "cozeproxy: 401 invalid_api_key: Incorrect API key provided. Give as --key one of the"
            " keys in the service's PROXY_API_KEYS.\n"
        )

    def test_a_good_one_opens(self, talker, tmp_path):
        assert "Hi" in talker.answer(tmp_path, "--key", "the-key-of-bob", "Hi")

    def test_the_service_of_the_settings_gets_their_first_key(self, talker, tmp_path):
        port = talker.url.rpartition(":")[2]
        (tmp_path / ".env").write_text(
            f"PORT={port}\nPROXY_API_KEYS= , ann:the-key-of-ann,other-key\n"
        )
        assert "Hi" in finished([*CHAT, "Hi"], tmp_path).stdout

    def test_nobody_else_is_shown_it(self, tmp_path):
        (tmp_path / ".env").write_text("PROXY_API_KEYS=the-key-of-ann\nPROXY_ADMIN_KEY=admin-key\n")
        with Stranger(stream(chunk("Hi"), DONE)) as stranger:
            finished([*CHAT, "--url", stranger.url, "Hi"], tmp_path)
        (head,) = stranger.heads
        assert "authorization" not in head.lower()


UNUSABLE = {
    "no address": (
        ["--url", "ftp://coze.example"],
        "--url is 'ftp://coze.example', but must be an",
    ),
    "a query": (["--url", "http://localhost:3000/?a=b"], "--url is "),
    "an empty address": (["--url", ""], "--url is ''"),
    "a bad port": (["--url", "localhost:port"], "--url is "),
    "a key of two lines": (["--key", "a\nb"], "--key must be the key alone"),
    "no value": (["--param", "city"], "--param is 'city', but must be name=value"),
    "no name": (["--param", "=Oslo"], "--param is '=Oslo'"),
    "no such image": (["--image", "gone.png"], "--image gone.png cannot be read: No such file"),
    "no such certificates": (
        ["--ca-file", "gone.pem"],
        "--ca-file gone.pem cannot be read: No such file",
    ),
    "an id of two lines": (["--bot-id", "1\nx: y"], "--bot-id must be the id alone"),
    "no ASCII": (["--conversation-id", "é"], "--conversation-id must be the id alone"),
    "no settings": (["--env-file", "gone.env"], "cannot read the settings in gone.env"),
}


@pytest.mark.parametrize(("arguments", "words"), UNUSABLE.values(), ids=UNUSABLE)
def test_what_cannot_be_used_is_one_line_and_status_2(arguments, words, tmp_path):
    result = finished([*CHAT, *arguments, "Hi"], tmp_path)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith(f"cozeproxy: {words}")
    assert result.stderr.count("\n") == 1


def test_a_type_that_does_not_exist_is_refused(tmp_path):
    result = finished([*CHAT, "--type", "poem", "Hi"], tmp_path)
    assert result.returncode == 2
    assert "invalid choice: 'poem'" in result.stderr


def test_a_port_that_is_any_leads_nowhere(tmp_path):
    result = finished([*CHAT, "Hi"], tmp_path, PORT="0")
    assert result.returncode == 2
    assert result.stderr.startswith("cozeproxy: PORT is 0, any free port: give")


def test_a_reader_that_has_enough_ends_it_quietly(talker, tmp_path):
    command = talker.command("--bot-id", "forever", "Hi")
    with subprocess.Popen(
        command, cwd=tmp_path, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        process.stdout.read(1)
        process.stdout.close()
        assert process.wait() == 1
        assert process.stderr.read() == b""
