"""docs/translation.md, held against the code."""

import ast
import inspect
import json
import re
from pathlib import Path

import pytest

from cozeproxy.errors import COZE_ANSWERS, RequestError
from cozeproxy.protocol import failures, response
from cozeproxy.protocol.openai import CozeOptions
from cozeproxy.protocol.parsing import IGNORED, parse_chat_request
from cozeproxy.protocol.request import CHAT_FIELDS, WORKFLOW_FIELDS

DOCUMENT = (Path(__file__).parents[1] / "docs" / "translation.md").read_text(encoding="utf-8")
RESENT_BY_SDKS = {408, 409, 429, *range(500, 600)}
CHAT = "/v1/chat/completions"
USER = {"role": "user", "content": "Hi"}


def section(title):
    """What stands under a heading, up to the next one."""
    pattern = rf"^##+ {re.escape(title)}\n(.*?)(?=^##|\Z)"
    (found,) = re.findall(pattern, DOCUMENT, re.MULTILINE | re.DOTALL)
    return found.strip()


def rows(title):
    """The cells of a section's last table, without its head."""
    lines = [line for line in section(title).splitlines() if line.startswith("|")]
    ruler = max(i for i, line in enumerate(lines) if line.startswith("|---"))
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[ruler + 1 :]]


def names(text):
    """What is set as code."""
    return re.findall(r"`([^`]+)`", text)


def test_ignored_fields_are_listed():
    assert names(section("Accepted, without effect").split("\n\n")[-1]) == list(IGNORED)


@pytest.mark.parametrize(("sent", "code"), rows("Refused"))
def test_refused_field_is_refused_with_that_code(sent, code):
    (fields,), (code,) = names(sent), names(code)
    request = {"model": "m", "messages": [USER], **json.loads(fields)}
    with pytest.raises(RequestError) as caught:
        parse_chat_request(json.dumps(request).encode())
    assert caught.value.answer.code == code
    assert caught.value.param in json.loads(fields)


def test_fields_of_the_request_object_are_listed_with_what_they_are_for():
    listed = {names(field)[0]: for_ for field, for_, _ in rows("The object `coze`")}
    assert listed.keys() == set(CozeOptions.__struct_fields__)
    for name in CHAT_FIELDS:
        assert listed[name] in ("chats", "both")
    assert {name for name, for_ in listed.items() if for_ == "workflows"} == set(WORKFLOW_FIELDS)


def events_in_the_code():
    """The names of events that the translation knows; of a chat's own, what makes them differ."""
    sources = [response.ChatTranslator, failures.reported]
    trees = [ast.parse(inspect.getsource(source)) for source in sources]
    nodes = [node for tree in trees for node in ast.walk(tree)]
    constants = {node.value for node in nodes if isinstance(node, ast.Constant)}
    known = {c.decode() for c in constants | set(response._DONE) if isinstance(c, bytes)}
    # An event without a name, under its default one.
    known -= {"message"}
    return {name for name in known if re.fullmatch(r"[a-z._]+[a-z]", name)}


def test_events_are_listed():
    listed = {name for event, _ in rows("Out: events") for name in names(event)}
    events = {name for name in listed if name.startswith("conversation.")} | {"done", "error"}
    assert {name.removeprefix("conversation.chat.") for name in events} == events_in_the_code()
    assert {"done", "error", *response.STEPS} < listed


def test_codes_of_coze_are_listed_with_what_they_are_told_as():
    told = {
        int(code): (int(status), names(type_)[0], (names(named) or [None])[0], resent == "yes")
        for status, type_, named, resent, codes in rows("Endings")
        for code in codes.split(",")
    }
    assert told == {
        code: (
            answer.status,
            answer.type,
            answer.code,
            answer.resend and answer.status in RESENT_BY_SDKS,
        )
        for code, answer in COZE_ANSWERS.items()
    }


@pytest.fixture
def ask(http_client, base_url, showing_key):
    async def ask(**fields):
        response = await http_client.fetch(
            f"{base_url}{CHAT}",
            method="POST",
            headers=showing_key(CHAT, {}),
            body=json.dumps({"messages": [USER], **fields}),
        )
        return response.headers, json.loads(response.body)

    return ask


@pytest.mark.gen_test(timeout=15)
async def test_headers_are_listed(ask):
    headers, _ = await ask(
        model="bot-json",
        messages=[USER] * 101,
        temperature=1,
        response_format={"type": "json_object"},
    )
    sent = {name.lower() for name in headers}
    listed = {names(header)[0] for header, _, _ in rows("Headers")}
    assert {name for name in sent if name.startswith("x-cozeproxy-")} <= listed
    # These two are for errors.
    assert listed - {"retry-after", "x-should-retry"} <= sent


@pytest.mark.gen_test(timeout=15)
async def test_fields_of_the_answers_object_are_listed(ask):
    _, chat = await ask(model="bot-plugin", coze={"follow_ups": True, "events": True})
    _, run = await ask(model="workflow-echo")
    _, question = await ask(model="workflow-question")
    fields = chat["coze"].keys() | run["coze"].keys() | question["coze"].keys()
    assert {names(field)[0] for field, _ in rows("The object `coze` of an answer")} == fields
