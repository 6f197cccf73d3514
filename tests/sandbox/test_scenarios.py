"""Every script: that it does what its line says, and breaks what it says it breaks."""

import asyncio
import gzip
import json

import pytest

from cozeproxy.sandbox import Sandbox, scenarios
from cozeproxy.sandbox.scenarios import endurance, variants
from cozeproxy.sandbox.scenarios.answers import CHINESE
from cozeproxy.sandbox.scenarios.turn import pieces
from tests.sandbox.raw import call, chat_body, deltas, events, request, stream

pytestmark = pytest.mark.gen_test

ECHO = "You said: Hello. (1 message received, 0 remembered)"
ENDLESS = {"silent", "silent-after-created", "silent-mid-stream", "forever"}
LARGE = {"flood", "big-event-10m", "endless-line", "gzip-bomb"}


def playable(catalogue):
    """Return the names of the scripts that end by themselves and are not too large to look at."""
    found = [scenario.name.replace("<n>", "429") for scenario in catalogue]
    return [name for name in found if without_suffix(name) not in ENDLESS | LARGE]


def without_suffix(name):
    return name.removesuffix("-after-text")


@pytest.mark.parametrize("bot", playable(scenarios.BOTS))
async def test_every_bot_plays_to_an_end(sandbox, bounded, bot):
    sandbox.gates.release("user", 10)
    async with request(sandbox, "POST", "/v3/chat", chat_body(bot)) as response:
        try:
            body = await bounded(response.body())
            assert bool(body) == (bot not in ("empty-body", "empty-stream", "redirect"))
        except (asyncio.IncompleteReadError, ConnectionResetError):
            assert without_suffix(bot) in ("cut", "reset")
    assert not sandbox._plays


@pytest.mark.parametrize("bot", playable(scenarios.BOTS))
async def test_every_bot_can_be_polled(sandbox, bounded, bot):
    sandbox.gates.release("user", 10)
    async with request(sandbox, "POST", "/v3/chat", chat_body(bot, stream=False)) as response:
        body = await bounded(response.body())
    if response.status == 200 and b'"code":0' in body:
        chat = json.loads(body)["data"]
        await bounded(asyncio.gather(*sandbox._plays))
        assert sandbox.state.chats[chat["id"]].status not in ("created", "in_progress")


@pytest.mark.parametrize("workflow", playable(scenarios.WORKFLOWS))
async def test_every_workflow_plays_to_an_end(sandbox, bounded, workflow):
    sandbox.gates.release("gated", 3)
    body = {"workflow_id": workflow, "parameters": {"input": "Hey"}}
    async with request(sandbox, "POST", "/v1/workflow/stream_run", body) as response:
        try:
            assert await bounded(response.body())
        except asyncio.IncompleteReadError:
            assert workflow == "cut"


@pytest.mark.parametrize("workflow", playable(scenarios.CHATFLOWS))
async def test_every_chatflow_plays_to_an_end(sandbox, bounded, workflow):
    sandbox.gates.release("gated", 3)
    body = chat_body("unused") | {"workflow_id": workflow, "bot_id": "1"}
    async with request(sandbox, "POST", "/v1/workflows/chat", body) as response:
        assert await bounded(response.body())


@pytest.mark.parametrize("bot", [scenario.name for scenario in variants.SCENARIOS])
async def test_odd_but_valid_stream_says_what_a_plain_one_says(sandbox, bot):
    text = CHINESE if bot in ("one-byte", "halves", "escapes") else ECHO
    body = await stream(sandbox, bot)
    plain = await stream(sandbox, "echo" if text == ECHO else "chinese")
    assert deltas(body) == text
    assert [name for name, _ in events(body)] == [name for name, _ in events(plain)]


@pytest.mark.parametrize(
    ("bot", "sign"),
    [
        ("crlf", b"\r\n\r\n"),
        ("cr", b"\r\r"),
        ("spaced", b"event: done\ndata: "),
        ("comments", b"\xef\xbb\xbf: heartbeat\nretry: 3000\nid: 0\n"),
        ("escapes", rb"\u4f60"),
        ("multiline-data", b'data:{\ndata: "id":'),
        ("data-first", b'data:"[DONE]"\nevent:done\n\n'),
    ],
)
async def test_odd_stream_is_odd(sandbox, bot, sign):
    assert sign in await stream(sandbox, bot)


async def test_stream_without_a_final_newline_ends_with_done(sandbox):
    assert (await stream(sandbox, "no-final-newline")).endswith(b'data:"[DONE]"')


async def test_byte_by_byte_is_byte_by_byte(sandbox):
    async with request(sandbox, "POST", "/v3/chat", chat_body("one-byte")) as response:
        while piece := await response.piece():
            assert len(piece) == 1


def spoken(bot):
    return "Everything is going well, 一切顺利" if bot.endswith("-after-text") else ""


def both(*bots):
    return [variant for bot in bots for variant in (bot, f"{bot}-after-text")]


@pytest.mark.parametrize("bot", both("cut", "reset"))
async def test_broken_connection_is_no_end_of_the_body(sandbox, bounded, bot):
    async with request(sandbox, "POST", "/v3/chat", chat_body(bot)) as response:
        with pytest.raises((asyncio.IncompleteReadError, ConnectionResetError)) as caught:
            await bounded(response.body())
    if bot.startswith("reset"):
        assert caught.type is ConnectionResetError
    else:
        assert deltas(bytes(response.seen).rpartition(b"event:")[0]) == spoken(bot)
        assert response.seen.endswith(b'data:{"id":"75')


@pytest.mark.parametrize("bot", both("eof"))
async def test_early_end_of_the_body_is_a_proper_one(sandbox, bot):
    body = await stream(sandbox, bot)
    assert deltas(body) == spoken(bot)
    assert b"chat.completed" not in body
    assert b"done" not in body


@pytest.mark.parametrize("bot", both("http10"))
async def test_http10_body_ends_with_its_connection(sandbox, bot):
    async with request(sandbox, "POST", "/v3/chat", chat_body(bot)) as response:
        body = await response.body()
    assert response.version == "HTTP/1.0"
    assert deltas(body) == spoken(bot)
    assert b"done" not in body


@pytest.mark.parametrize("bot", both("gzip"))
async def test_compressed_stream_is_whole_once_decompressed(sandbox, bot):
    async with request(sandbox, "POST", "/v3/chat", chat_body(bot)) as response:
        assert response.headers["content-encoding"] == "gzip"
        body = gzip.decompress(await response.body())
    assert deltas(body) == spoken(bot) + "This is compressed."
    assert body.endswith(b'data:"[DONE]"\n\n')


@pytest.mark.parametrize("bot", both("gzip-bomb"))
async def test_bomb_is_small_on_the_wire(sandbox, bounded, bot):
    async with request(sandbox, "POST", "/v3/chat", chat_body(bot)) as response:
        assert len(await bounded(response.body())) < 200_000


@pytest.mark.parametrize(
    ("bot", "payload"),
    [
        ("failed-code-msg", {"code": 701231, "msg": "error"}),
        (
            "failed-string-code",
            {"code": "720702204", "msg": "The conversation name does not exist"},
        ),
        (
            "error-event",
            {"code": 4013, "msg": "The model's request rate limit is exceeded."},
        ),
        (
            "error-event-4020",
            {"code": 4020, "msg": "The RPM limit of your plan has been exceeded."},
        ),
        ("error-event-empty", {}),
        ("error-event-string-code", {"code": "5000", "msg": "event interval error"}),
        ("bare-error", {"code": 5000, "msg": "event interval error"}),
    ],
)
@pytest.mark.parametrize("suffix", ["", "-after-text"])
async def test_failure_is_the_last_event(sandbox, bot, payload, suffix):
    body = await stream(sandbox, bot + suffix)
    assert deltas(body) == spoken(bot + suffix)
    assert json.loads(events(body)[-1][1]) == payload


@pytest.mark.parametrize(
    ("bot", "code"),
    [("failed", 5000), ("failed-4009", 4009), ("failed-quota", 4028), ("failed-auth", 4100)],
)
async def test_failed_chat_has_its_reason(sandbox, bot, code):
    name, data = events(await stream(sandbox, bot))[-1]
    assert name == "conversation.chat.failed"
    assert json.loads(data)["last_error"]["code"] == code


@pytest.mark.parametrize(
    ("bot", "status", "content_type", "body"),
    [
        ("html-502", 502, "text/html", b"<html>"),
        ("empty-body", 200, "application/json; charset=utf-8", b""),
        ("wrong-content-type", 200, "text/plain; charset=utf-8", b"event:"),
        ("json-garbage", 200, "application/json; charset=utf-8", b'{"code":4000,"msg":"bro'),
        ("redirect", 307, "text/plain", b""),
        ("http-503", 503, "application/json; charset=utf-8", b'{"code":5000,'),
        ("http-429-4013", 429, "application/json; charset=utf-8", b'{"code":4013,'),
        ("rate-limited", 429, "application/json; charset=utf-8", b'{"code":4020,'),
        (
            "no-permission",
            200,
            "application/json; charset=utf-8",
            b'{"code":4101,"msg":"The token does',
        ),
        (
            "unpublished",
            200,
            "application/json; charset=utf-8",
            b'{"code":4015,"msg":"The bot_id unp',
        ),
    ],
)
async def test_refusal_has_its_head_and_body(sandbox, bot, status, content_type, body):
    async with request(sandbox, "POST", "/v3/chat", chat_body(bot)) as response:
        assert (response.status, response.headers["content-type"]) == (status, content_type)
        assert (await response.body())[: len(body) or None] == body


async def test_rate_limit_says_when_to_come_back(sandbox):
    async with request(sandbox, "POST", "/v3/chat", chat_body("rate-limited")) as response:
        assert response.headers["retry-after"] == "7"


async def test_whoever_follows_the_redirect_can_be_seen(sandbox):
    async with request(sandbox, "POST", "/v3/chat", chat_body("redirect")) as response:
        location = response.headers["location"]
    assert location == f"{sandbox.base_url}/elsewhere/v3/chat"
    await call(sandbox, "POST", location.removeprefix(sandbox.base_url), {})
    assert sandbox.requests[-1].path == "/elsewhere/v3/chat"


async def test_big_events_are_as_big_as_they_say(sandbox):
    sizes = {"big-event-64k": 2**16, "big-event-1m": 2**20, "big-event-10m": 10 * 2**20}
    for bot, size in sizes.items():
        assert len(deltas(await stream(sandbox, bot))) == size


@pytest.mark.parametrize("bot", both("endless-line"))
async def test_endless_line_has_no_end_for_40_megabytes(sandbox, bounded, bot):
    async with request(sandbox, "POST", "/v3/chat", chat_body(bot)) as response:
        body = await bounded(response.body())
    assert len(body.rpartition(b"\n")[2]) > 40 * 2**20


@pytest.mark.parametrize("bot", sorted(ENDLESS - {"silent"}))
async def test_endless_chat_that_is_polled_ends_when_it_is_canceled(sandbox, bounded, bot):
    answer = await call(sandbox, "POST", "/v3/chat", chat_body(bot, stream=False))
    ids = {"conversation_id": answer["data"]["conversation_id"], "chat_id": answer["data"]["id"]}
    (play,) = sandbox._plays
    canceled = await call(sandbox, "POST", "/v3/chat/cancel", ids)
    assert canceled["data"]["status"] == "canceled"
    with pytest.raises(asyncio.CancelledError):
        await bounded(play)


async def test_flood_loses_nothing(sandbox, bounded):
    async with request(sandbox, "POST", "/v3/chat", chat_body("flood")) as response:
        body = await bounded(response.body())
    assert body.count(b"event:conversation.message.delta\n") == endurance.FLOOD_DELTAS
    assert body.endswith(b'data:"[DONE]"\n\n')


async def test_flood_waits_for_a_reader_that_does_not_read(sandbox, bounded):
    async with request(sandbox, "POST", "/v3/chat", chat_body("flood")) as response:
        await bounded(response.until("in_progress"))
        (play,) = sandbox._plays
        done, _ = await asyncio.wait([play], timeout=0.3)
        assert not done
    await bounded(play)


async def test_studio_differs_where_it_is_known_to(sandbox):
    async with request(sandbox, "POST", "/v3/chat", chat_body("studio")) as response:
        assert "x-log-id" in response.headers
        assert "x-tt-logid" not in response.headers
        body = await response.body()
    assert body.endswith(b"event:conversation.stream.done\ndata:\n\n")
    assert b"fin_data" in body
    chat = json.loads(events(body)[0][1])
    query = f"?conversation_id={chat['conversation_id']}&chat_id={chat['id']}"
    listed = await call(sandbox, "GET", f"/v3/chat/message/list{query}")
    assert "data" not in listed
    assert ECHO in [message["content"] for message in listed["Messages"]]
    path = f"/v1/conversation/retrieve?conversation_id={chat['conversation_id']}"
    retrieved = await call(sandbox, "GET", path)
    assert "creator_d" in retrieved["ConversationData"]
    refused = await call(sandbox, "POST", "/v3/chat", chat_body("studio"), token="wrong")
    assert (refused["code"], refused["msg"][:21]) == (700012006, "authentication failed")


async def test_studio_streams_unless_told_otherwise(sandbox):
    body = chat_body("studio")
    del body["stream"]
    async with request(sandbox, "POST", "/v3/chat", body) as response:
        assert response.headers["content-type"] == "text/event-stream"
        await response.body()
    answer = await call(sandbox, "POST", "/v3/chat", {**body, "stream": False})
    assert answer["data"]["status"] == "created"


async def test_studio_spells_canceled_with_two_l(sandbox):
    names_ = [name for name, _ in events(await stream(sandbox, "studio-canceled"))]
    assert "conversation.chat.cancelled" in names_


@pytest.mark.parametrize("text", ["", " a", "a  b\n\nc ", CHINESE, "tab\tnul\0é", "👨‍👩‍👧‍👦x 你"])
def test_pieces_of_a_text_are_the_text(text):
    assert "".join(pieces(text)) == text


def test_pieces_divide_emoji_that_are_made_of_several():
    assert len(pieces("👨‍👩‍👧‍👦")) > 1


def test_numbers_in_a_name_choose_its_family():
    assert scenarios.BOTS.find("code-4028").name == "code-<n>"
    assert scenarios.BOTS.find("http-500-4000").name == "http-<n>-<n>"
    assert scenarios.BOTS.find("code-") is None
    assert scenarios.BOTS.find("7500000000000000000") is None
    assert scenarios.BOTS.find(Sandbox.BOT_ID).name == "echo"
    assert scenarios.WORKFLOWS.find(Sandbox.WORKFLOW_ID).name == "echo"


def test_no_two_scenarios_have_one_name():
    doubled = [scenarios.BOTS.find("echo")] * 2
    with pytest.raises(ValueError, match="one name"):
        scenarios.Catalogue("1", doubled)
