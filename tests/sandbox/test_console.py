"""The stand-in's own paths, its records, and its documentation."""

import re
from pathlib import Path

import pytest

from cozeproxy.sandbox import Sandbox, records, scenarios
from cozeproxy.sandbox.app import ROUTES
from tests.sandbox.raw import call, chat_body, request, stream

DOCUMENT = Path(__file__).parents[2] / "docs" / "sandbox.md"


@pytest.mark.gen_test
async def test_overview_names_every_scenario_with_a_line(sandbox):
    answer = await call(sandbox, "GET", "/sandbox", token=None)
    assert answer["bots"][0]["id"] == "echo"
    for kind in ("bots", "workflows", "chatflows", "voices"):
        assert all(item["about"].endswith(".") for item in answer[kind])


@pytest.mark.gen_test
async def test_record_has_all_of_a_request_but_its_token(sandbox):
    await stream(sandbox, "echo", "?conversation_id=")
    (record,) = sandbox.requests
    assert (record.method, record.path) == ("POST", "/v3/chat")
    assert record.query == {"conversation_id": ""}
    assert record.headers["authorization"] == f"Bearer sha256:{records.digest(Sandbox.API_KEY)}"
    assert record.body == chat_body("echo")
    assert Sandbox.API_KEY not in repr(record)


@pytest.mark.gen_test
async def test_record_says_which_requests_shared_a_connection(sandbox):
    async with request(sandbox, "GET", "/v1/users/me") as response:
        await response.body()
        head = (
            f"GET /v1/bots HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {Sandbox.API_KEY}\r\n\r\n"
        )
        response.writer.write(head.encode())
        await response.reader.readuntil(b"\r\n\r\n")
    await call(sandbox, "GET", "/v1/users/me")
    first, second, third = (record.connection for record in sandbox.requests)
    assert first == second != third


@pytest.mark.gen_test
async def test_record_keeps_a_body_that_is_no_json_as_bytes(sandbox):
    await call(sandbox, "POST", "/v3/chat", b"\xff{")
    assert sandbox.requests[0].body == b"\xff{"
    answer = await call(sandbox, "GET", "/sandbox/requests", token=None)
    assert answer["requests"][0]["body"] == "\ufffd{"


@pytest.mark.gen_test
async def test_records_can_be_read_and_cleared_over_http(sandbox):
    await call(sandbox, "GET", "/v1/users/me")
    answer = await call(sandbox, "GET", "/sandbox/requests", token=None)
    assert [record["path"] for record in answer["requests"]] == ["/v1/users/me"]
    async with request(sandbox, "DELETE", "/sandbox/requests", token=None) as response:
        assert response.status == 204
    assert sandbox.requests == []


@pytest.mark.gen_test
async def test_only_the_latest_requests_are_kept(sandbox, monkeypatch):
    monkeypatch.setattr(records, "MOST_RECORDS", 2)
    for path in ("/v1/users/me", "/v1/workspaces", "/v1/users/me"):
        await call(sandbox, "GET", path)
    assert [record.path for record in sandbox.requests] == ["/v1/workspaces", "/v1/users/me"]
    monkeypatch.setattr(records, "MOST_BYTES", 10)
    await call(sandbox, "POST", "/v3/chat", chat_body("nobody"))
    assert sandbox.requests == []


@pytest.mark.gen_test
async def test_arrivals_can_be_waited_for(sandbox, bounded):
    await call(sandbox, "GET", "/v1/users/me")
    await bounded(sandbox.arrived("/v1/users/me"))
    await call(sandbox, "GET", "/v1/users/me")
    await bounded(sandbox.arrived("/v1/users/me", 2))


@pytest.mark.gen_test
async def test_two_stand_ins_know_nothing_of_each_other(sandbox):
    other = Sandbox()
    other.listen()
    try:
        made = await call(sandbox, "POST", "/v1/conversation/create", {})
        path = f"/v1/conversation/retrieve?conversation_id={made['data']['id']}"
        assert (await call(other, "GET", path))["code"] == 4002
        assert len(other.requests) == 1
    finally:
        await other.stop()


@pytest.mark.parametrize(
    ("host", "url"), [("0.0.0.0", "http://127.0.0.1:"), ("localhost", "http://localhost:")]
)
@pytest.mark.gen_test
async def test_url_can_be_called_whatever_is_listened_on(host, url):
    other = Sandbox()
    port = other.listen(host=host)
    assert other.base_url == f"{url}{port}"
    assert (await call(other, "GET", "/v1/users/me"))["code"] == 0
    await other.stop()


@pytest.mark.gen_test
async def test_stopped_stand_in_can_be_reached_no_more(sandbox):
    await sandbox.stop()
    with pytest.raises(ConnectionRefusedError):
        await call(sandbox, "GET", "/v1/users/me")


@pytest.mark.parametrize("kind", ["BOTS", "WORKFLOWS", "CHATFLOWS", "VOICES"])
def test_document_has_every_scenario_in_its_words(kind):
    text = DOCUMENT.read_text(encoding="utf-8")
    section = text.split(f"## {kind.capitalize()}\n")[1].split("\n## ")[0]
    rows = dict(re.findall(r"^\| `([^`]+)` \| (.+?) \|$", section, re.MULTILINE))
    assert rows == {scenario.name: scenario.about for scenario in getattr(scenarios, kind)}


def test_document_has_every_path():
    text = DOCUMENT.read_text(encoding="utf-8")
    section = text.split("## Paths\n")[1].split("\n## ")[0]
    documented = re.findall(r"`(/[^`]*)`", section)
    assert sorted(documented) == sorted(re.sub(r"\([^)]*\)", "<id>", path) for path, _ in ROUTES)
