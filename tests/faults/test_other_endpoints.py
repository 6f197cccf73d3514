"""Speech, transcriptions and files: callers that leave or do not read, an upstream that fails."""

import asyncio

import pytest

from cozeproxy.upstream import client
from tests.endpoints.forms import KIND, field_part, file_part, form
from tests.faults.raw_caller import request
from tests.faults.waiting import eventually
from tests.support.files import WAV

pytestmark = pytest.mark.gen_test(timeout=30)

SPEECH = "/v1/audio/speech"
SOUND = (
    b"HTTP/1.1 200 OK\r\nContent-Type: audio/mpeg\r\nX-Tt-Logid: 2024RAW\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n"
)
# What the system's buffers can hold of an answer, on both of its ways, and some more.
MOST_HELD = 32 * 2**20
BLOCK = bytes(range(256)) * 256
BLOCKS = 800
# The answers of the upstream leave out what is nothing.
EMPTY = {"body": b"", "Content_Length": "0"}
FORMS = {
    "/v1/audio/transcriptions": form(file_part(WAV, "a.wav"), field_part("model", "whisper-1")),
    "/v1/files": form(file_part(WAV, "a.wav"), field_part("purpose", "user_data")),
}
ANSWERS = {
    "/v1/audio/transcriptions": {"code": 0, "msg": "", "data": {"text": "Hi."}},
    "/v1/files": {"code": 0, "msg": "", "data": {"id": "77", "bytes": len(WAV)}},
}

each_form = pytest.mark.parametrize("path", FORMS)


def asking(**fields):
    """A request for speech."""
    return request({"model": "tts-1", "input": "Hi", "voice": "7", **fields}, SPEECH)


def sending(path):
    """A request with a form."""
    return request(FORMS[path], path, "POST", f"Content-Type: {KIND}")


@pytest.fixture
def speak(dial, upstream):
    """Ask for speech; gives the caller and the call, whose answer has not begun."""

    async def speak(data=None, **options):
        caller = await dial(**options)
        await caller.send(data or asking())
        return caller, await upstream.called(SPEECH)

    return speak


@pytest.fixture
def spoken(speak):
    """The same, where the caller has got the first piece."""

    async def spoken(**options):
        caller, call = await speak(**options)
        await call.write(SOUND)
        await call.say(b"one ")
        assert (await caller.head()).status == 200
        assert await caller.piece() == b"one "
        return caller, call

    return spoken


@pytest.fixture
def lines(caplog):
    """The statuses in the lines of the log."""

    def lines():
        records = [r for r in caplog.records if r.name == "cozeproxy.access"]
        return [r.getMessage()[:3] for r in records]

    return lines


async def test_pieces_of_a_sound_go_out_as_they_come(spoken):
    caller, call = await spoken()
    for piece in (b"two ", b"three"):
        await call.say(piece)
        assert await caller.piece() == piece
    await call.end()
    assert await caller.rest() == b""


@pytest.mark.parametrize("how", ["close", "reset"])
async def test_sound_that_breaks_off_ends_its_connection_inside_the_body(
    spoken, upstream, dial, caplog, how
):
    caller, call = await spoken()
    getattr(call, how)()
    with pytest.raises((asyncio.IncompleteReadError, ConnectionResetError)):
        await caller.rest()
    failed = [r.getMessage() for r in caplog.records if r.name == "cozeproxy.upstream"]
    assert len(failed) == 1
    # All is well for the next one.
    caller = await dial()
    await caller.send(asking())
    call = await upstream.called(SPEECH)
    await call.reply(b"whole", kind="audio/mpeg")
    assert (await caller.response()).body == b"whole"


async def test_sound_that_is_shorter_than_announced_has_broken_off(speak):
    caller, call = await speak()
    await call.write(
        b"HTTP/1.1 200 OK\r\nContent-Type: audio/mpeg\r\nContent-Length: 100\r\n\r\none "
    )
    assert (await caller.head()).status == 200
    assert await caller.piece() == b"one "
    call.close()
    with pytest.raises(asyncio.IncompleteReadError):
        await caller.rest()


async def test_caller_of_old_http_is_told_by_a_reset_that_a_sound_broke_off(speak):
    # There a body has no other end than that of its connection.
    caller, call = await speak(asking().replace(b"HTTP/1.1", b"HTTP/1.0"))
    await call.write(SOUND)
    await call.say(b"one ")
    assert "transfer-encoding" not in (await caller.head()).headers
    call.close()
    with pytest.raises(ConnectionResetError):
        await caller.closed_cleanly()


async def test_caller_of_old_http_gets_a_whole_sound(speak):
    caller, call = await speak(asking().replace(b"HTTP/1.1", b"HTTP/1.0"))
    await call.reply(b"whole", kind="audio/mpeg")
    await caller.head()
    assert await caller.closed_cleanly() == b"whole"


@pytest.mark.parametrize(
    ("answer", "status", "code"),
    [
        ({"body": {"code": 4000, "msg": "bad"}}, 400, None),
        ({"body": {"code": 4028, "msg": "no credit"}}, 429, "insufficient_quota"),
        ({"body": {"code": 0, "msg": ""}}, 502, "upstream_error"),
        ({"kind": "audio/mpeg", **EMPTY}, 502, "upstream_error"),
        ({"kind": "", **EMPTY}, 502, "upstream_error"),
        ({"body": b"<html>", "kind": "text/html", "status": "502 Bad"}, 502, "upstream_error"),
        ({"body": b"ID3", "kind": "text/event-stream"}, 502, "upstream_error"),
        ({"body": b"ID3", "kind": "audio/mpeg", "status": "500 Oh"}, 502, "upstream_error"),
        ({"body": b"slow down", "kind": "text/plain", "status": "429 No"}, 429, None),
    ],
)
async def test_what_is_no_sound_is_a_status(speak, answer, status, code):
    caller, call = await speak()
    await call.reply(**answer)
    response = await caller.response()
    assert response.status == status
    assert response.error["code"] in (code, "rate_limit_exceeded")


@pytest.mark.parametrize("how", ["close", "reset"])
async def test_call_that_breaks_off_before_the_sound_is_a_status(speak, how):
    caller, call = await speak()
    getattr(call, how)()
    assert (await caller.response()).status == 502


@pytest.mark.parametrize("begun", [False, True])
async def test_caller_that_leaves_ends_the_call(speak, spoken, lines, begun):
    caller, call = await (spoken() if begun else speak())
    await caller.close()
    await call.left()
    await eventually(lambda: lines() == ["499"])


async def test_caller_that_does_not_read_holds_coze_back_and_loses_nothing(speak, dial):
    caller, call = await speak(receive_buffer=4096)
    await call.write(SOUND)
    sent = 0

    async def flood():
        nonlocal sent
        for _ in range(BLOCKS):
            await call.say(BLOCK)
            sent += len(BLOCK)
        await call.end()

    flooding = asyncio.create_task(flood())
    other = await dial()
    before = -1
    while sent != before:
        before = sent
        for _ in range(20):
            assert (await other.ask(b"", "/health", "GET")).status == 200
    assert 0 < sent < MOST_HELD < BLOCKS * len(BLOCK)
    assert (await caller.head()).status == 200
    pieces = []
    while piece := await caller.piece():
        pieces.append(piece)
    assert b"".join(pieces) == BLOCK * BLOCKS
    await flooding


class TestTimes:
    @pytest.fixture
    def environment(self):
        return {"UPSTREAM_FIRST_BYTE_TIMEOUT": "0.3", "UPSTREAM_IDLE_TIMEOUT": "0.2"}

    async def test_silence_before_the_sound_is_a_504(self, speak):
        caller, call = await speak()
        response = await caller.response()
        assert response.status == 504
        assert response.headers["x-should-retry"] == "false"
        assert "0.3 seconds" in response.error["message"]
        await call.left()

    async def test_silence_inside_the_sound_ends_it(self, spoken):
        caller, call = await spoken()
        with pytest.raises(asyncio.IncompleteReadError):
            await caller.rest()
        await call.left()


class TestHeartbeat:
    @pytest.fixture
    def environment(self):
        return {"HEARTBEAT_SECONDS": "0.05", "UPSTREAM_FIRST_BYTE_TIMEOUT": "0.5"}

    async def test_sound_has_no_signs_of_life_in_it(self, speak, spoken):
        caller, call = await spoken()
        silent, other = await speak()
        # In which there would have been several.
        assert (await silent.response()).status == 504
        await other.left()
        await call.end(b"two")
        assert await caller.rest() == b"two"


class TestDeadline:
    @pytest.fixture
    def environment(self):
        return {"NONSTREAM_DEADLINE": "0.3"}

    async def test_routers_wait_for_a_sound_as_for_what_is_not_streamed(self, speak):
        caller, call = await speak()
        assert (await caller.response()).status == 504
        await call.left()

    async def test_sound_that_has_begun_may_take_longer(self, speak, spoken):
        caller, call = await spoken()
        silent, _ = await speak()
        assert (await silent.response()).status == 504
        await call.end(b"two")
        assert await caller.rest() == b"two"

    async def test_transcription_is_given_up(self, dial, upstream):
        path = "/v1/audio/transcriptions"
        caller = await dial()
        await caller.send(sending(path))
        call = await upstream.called()
        response = await caller.response()
        assert response.status == 504
        assert response.error["code"] == "upstream_timeout"
        await call.left()


@each_form
async def test_form_leads_to_an_answer(dial, upstream, path):
    caller = await dial()
    await caller.send(sending(path))
    call = await upstream.called()
    assert WAV in call.body
    assert int(call.headers["content-length"]) == len(call.body)
    await call.reply(ANSWERS[path])
    response = await caller.response()
    assert response.status == 200
    assert response.json.get("text", "Hi.") == "Hi."


@each_form
@pytest.mark.parametrize(
    ("answer", "status"),
    [
        ({"body": {"code": 4302, "msg": "large"}}, 413),
        ({"body": {"code": 0, "msg": ""}}, 502),
        ({"body": {"code": 0, "data": {"text": 5, "id": 5}}}, 502),
        ({"kind": "", **EMPTY}, 502),
        ({"body": b"\xff", "kind": "application/json"}, 502),
        ({"body": {}, "status": "503 Later", "Retry_After": "7"}, 503),
    ],
)
async def test_answer_to_a_form_that_is_none_is_a_status(dial, upstream, path, answer, status):
    caller = await dial()
    await caller.send(sending(path))
    await (await upstream.called()).reply(**answer)
    response = await caller.response()
    assert response.status == status
    assert response.headers.get("retry-after") == answer.get("Retry_After")


@each_form
async def test_caller_that_leaves_ends_what_it_sent_a_form_for(dial, upstream, lines, path):
    caller = await dial()
    await caller.send(sending(path))
    call = await upstream.called()
    await caller.close()
    await call.left()
    await eventually(lambda: lines() == ["499"])


async def test_form_beyond_those_that_there_may_be_is_refused_and_waits_for_nothing(
    dial, upstream, monkeypatch
):
    monkeypatch.setattr(client, "MAX_FORMS", 1)
    (path, answer), (other, _) = ANSWERS.items()
    first, second = await dial(), await dial()
    await first.send(sending(path))
    call = await upstream.called()
    await second.send(sending(other))
    response = await second.response()
    assert (response.status, response.error["code"]) == (503, "server_overloaded")
    assert response.headers["retry-after"] == "1"
    await call.reply(answer)
    assert (await first.response()).status == 200
    # There is room again.
    await second.send(sending(other))
    await (await upstream.called()).reply(ANSWERS[other])
    assert (await second.response()).status == 200


class TestLoad:
    @pytest.fixture
    def environment(self):
        return {"MAX_CONCURRENT_REQUESTS": "1", "MAX_BODY_BYTES": "20000"}

    @pytest.mark.parametrize("data", [asking(), *map(sending, FORMS)])
    async def test_all_count_as_requests_that_lead_to_coze(self, spoken, dial, data):
        _, call = await spoken()
        caller = await dial()
        await caller.send(data)
        response = await caller.response()
        assert (response.status, response.error["code"]) == (503, "server_overloaded")
        await call.end()

    @each_form
    async def test_form_that_is_too_large_is_a_413(self, dial, upstream, path):
        data = form(file_part(bytes(20_000), "a.wav"))
        caller = await dial()
        await caller.send(request(data, path, "POST", f"Content-Type: {KIND}"))
        assert (await caller.response()).status == 413
        assert upstream.waiting() == 0
