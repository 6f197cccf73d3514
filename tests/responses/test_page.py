"""docs/responses.md, held against the code; its examples are run."""

import json
import re
import sys

import pytest

from cozeproxy.errors import RequestError
from cozeproxy.protocol.responses.messages import _CALLS, _OUTPUTS, _PARTS
from cozeproxy.protocol.responses.parsing import IGNORED, parse_responses_request
from tests.support.processes import COZEPROXY, ROOT, Process, finished
from tests.support.programs import program

PAGE = ROOT / "docs" / "responses.md"
TEXT = PAGE.read_text()
# Where the page says that the service is.
SHOWN = "http://localhost:3000"


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)


def rows(head):
    """The cells of the table with this head."""
    (found,) = re.findall(rf"^\| {re.escape(head)} .*\n\|[-|]+\n((?:\|.*\n)+)", TEXT, re.MULTILINE)
    return [
        [cell.strip() for cell in re.split(r"(?<!\\)\|", row)[1:-1]] for row in found.splitlines()
    ]


def names(text):
    return re.findall(r"`([^`]+)`", text)


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    command = [*COZEPROXY, "serve", "--port", "0", "--sandbox"]
    with Process(command, tmp_path_factory.mktemp("service")) as process:
        yield process.address()
        assert "Traceback" not in process.complaints()


def test_python_prints_what_the_page_says(address, tmp_path):
    program = "\n".join(blocks("python"))
    assert SHOWN in program
    result = finished([sys.executable, "-c", program.replace(SHOWN, address)], tmp_path)
    assert (result.stdout, result.stderr) == ("".join(blocks("text")), "")


def test_command_gets_a_response(address, tmp_path):
    program("curl")
    (command,) = blocks("sh")
    result = finished(["sh", "-c", command.replace(SHOWN, address)], tmp_path)
    assert json.loads(result.stdout)["status"] == "completed"


def test_ignored_fields_are_listed():
    (listed,) = re.findall(r"`x-cozeproxy-ignored`, are:\n\n(.*?)\n\n", TEXT, re.DOTALL)
    assert names(listed) == list(IGNORED)


@pytest.mark.parametrize(("sent", "code"), rows("sent"))
def test_refused_field_is_refused_with_that_code(sent, code):
    fields = json.loads(sent.strip("`"))
    with pytest.raises(RequestError) as caught:
        parse_responses_request(json.dumps({"model": "m", "input": "Hi", **fields}).encode())
    assert caught.value.answer.code == code.strip("`")
    assert caught.value.param in fields


def test_items_and_parts_are_listed():
    listed = {name for item, _ in rows("item of `input`") for name in names(item)}
    known = {*_CALLS, *_OUTPUTS, *_PARTS, "message", "reasoning", "item_reference"}
    assert listed - {"type"} == known - {"text"}


@pytest.mark.gen_test(timeout=15)
async def test_events_are_those_that_are_sent(post):
    sent = set()
    for bot in ("reasoning", "tools"):
        body = {"model": f"bot-{bot}", "input": "Hi", "stream": True}
        raw = (await post(body, "/v1/responses")).body.decode()
        sent |= set(re.findall(r"^event: (.*)$", raw, re.MULTILINE))
    listed = {name for event, _ in rows("event") for name in names(event)}
    assert sent == listed - {"error", "response.failed", "[DONE]"}


def test_endpoints_are_served_and_all_of_them_are_listed(app):
    rules = [rule.matcher.regex for rule in app.wildcard_router.rules]
    ours = [rule for rule in rules if re.match(r"/v1/(responses|conversations)", rule.pattern)]
    found = re.findall(r"(?:GET|POST|DELETE) (/v1/[^`]+)`", TEXT)
    paths = [re.sub(r"\{.+?\}", "resp_1", path) for path in found]
    assert all(any(rule.match(path) for rule in ours) for path in paths)
    assert all(any(rule.match(path) for path in paths) for rule in ours)


def test_links_lead_somewhere():
    for target, anchor in re.findall(r"\]\(([^)#]*)(?:#([^)]*))?\)", TEXT):
        linked = (PAGE.parent / target).read_text()
        heads = re.findall(r"^#+ (.*)$", linked, re.MULTILINE)
        anchors = {re.sub(r"[^\w -]", "", head.lower()).replace(" ", "-") for head in heads}
        assert not anchor or anchor in anchors, (target, anchor)
