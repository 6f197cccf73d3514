"""HTTP that two readers could read in two ways: one request at the most comes of it."""

import pytest

from tests.faults.bad_requests import GOOD, LENGTHS
from tests.faults.conftest import CALLER_KEY
from tests.faults.raw_caller import CHAT, chunked, request
from tests.support import coze

pytestmark = pytest.mark.gen_test(timeout=15)

# What an attacker hides behind a request, for the service to take it for the next one.
HIDDEN = b"GET /v1/models/hidden HTTP/1.1\r\nHost: a\r\n\r\n"
CHUNKED = "Transfer-Encoding: chunked"


@pytest.fixture
def paths(caplog):
    """Of the requests that were answered."""

    def paths():
        lines = [r.getMessage() for r in caplog.records if r.name == "cozeproxy.access"]
        return [line.split()[2] for line in lines]

    return paths


@pytest.mark.parametrize(("line", "data"), LENGTHS.values(), ids=LENGTHS.keys())
async def test_length_that_can_be_read_in_two_ways_ends_the_connection(dial, paths, line, data):
    caller = await dial()
    await caller.send(request(b"", CHAT, "POST", line) + data + HIDDEN)
    assert await caller.closed() in (b"HTTP/1.1 400 Bad Request\r\n\r\n", b"")
    assert paths() == []


@pytest.mark.parametrize("te_first", [False, True])
async def test_length_beside_chunks_ends_the_connection(dial, paths, te_first):
    lines = [CHUNKED, "Content-Length: 5"]
    caller = await dial()
    head = request(b"", CHAT, "POST", *(lines if te_first else reversed(lines)))
    await caller.send(head + b"0\r\n\r\n" + HIDDEN)
    assert await caller.closed() == b"HTTP/1.1 400 Bad Request\r\n\r\n"
    assert paths() == []


async def test_same_length_twice_is_one_length(dial, paths):
    for line in ("Content-Length: 2\r\nContent-Length: 2", "Content-Length: 2, 2"):
        caller = await dial()
        await caller.send(request(b"", CHAT, "POST", line) + b"{}" + HIDDEN)
        assert (await caller.response()).error["param"] == "model"
        assert (await caller.response()).error["code"] == "model_not_found"
    assert paths() == [CHAT, "/v1/models/hidden"] * 2


@pytest.mark.parametrize(
    "sent",
    [
        request(HIDDEN, "/v1/nowhere"),
        request(HIDDEN, CHAT),
        request(HIDDEN, "/v1/models", "GET"),
        request(b"", "/v1/nowhere", "POST", CHUNKED) + chunked(HIDDEN),
        request(b"", CHAT, "POST", CHUNKED) + chunked(HIDDEN),
        request(HIDDEN, CHAT, "POST", "Content-Encoding: gzip"),
        request(HIDDEN, CHAT, "POST", "\r\n".join(["x: y"] * 300)),
    ],
)
async def test_request_inside_a_body_is_a_body(dial, paths, sent):
    caller = await dial()
    await caller.send(sent)
    assert (await caller.response()).status != 500
    assert (await caller.ask(b"", "/v1/models/seen", "GET")).status == 404
    assert "/v1/models/hidden" not in paths()
    assert paths()[1:] == ["/v1/models/seen"]


async def test_request_behind_a_body_that_is_not_read_is_not_one(dial, paths):
    # Answered early, and read past: what comes is never looked at.
    caller = await dial()
    await caller.send(request(b"", "/v1/nowhere", "POST", "Content-Length: 100000"))
    assert (await caller.response()).status == 404
    await caller.send(HIDDEN * 3 + b" " * (100_000 - 3 * len(HIDDEN)) + HIDDEN)
    assert await caller.closed() == b""
    assert paths() == ["/v1/nowhere"]


async def test_line_feeds_alone_make_the_same_request(dial, upstream, paths):
    # Tornado still takes them. A front that does not would have refused the request; one that does
    # sees the same lines as the service: nothing can be hidden between the two.
    data = request(GOOD)
    head, _, content = data.partition(b"\r\n\r\n")
    caller = await dial()
    await caller.send(head.replace(b"\r\n", b"\n") + b"\n\n" + content + HIDDEN)
    await (await upstream.called()).answer(coze.answer("Fine"))
    assert (await caller.response()).status == 200
    assert (await caller.response()).error["code"] == "model_not_found"
    assert paths() == [CHAT, "/v1/models/hidden"]


async def test_length_behind_a_line_feed_counts(dial, paths):
    caller = await dial()
    await caller.send(request(GOOD, CHAT, "POST", "x: y\nContent-Length: 0"))
    assert await caller.closed() == b"HTTP/1.1 400 Bad Request\r\n\r\n"
    assert paths() == []


class TestWithKeys:
    @pytest.fixture
    def environment(self):
        return {"PROXY_API_KEYS": CALLER_KEY}

    async def test_request_behind_two_line_feeds_is_one_of_its_own(self, dial, paths):
        # A front that took them for a part of a value would see one request. The second one has
        # nothing of the first: no key, no connection that is trusted for a key.
        key = f"Authorization: Bearer {CALLER_KEY}"
        hidden = HIDDEN.decode().removesuffix("\r\n\r\n")
        caller = await dial()
        await caller.send(request(b"", "/v1/models/seen", "GET", key, f"x: y\n\n{hidden}"))
        assert (await caller.response()).status == 404
        assert (await caller.response()).error["code"] == "invalid_api_key"
        assert paths() == ["/v1/models/seen", "/v1/models/hidden"]


class TestLineFeedsInChunks:
    @pytest.fixture
    def environment(self):
        return {"BODY_TIMEOUT": "1"}

    async def test_line_feeds_in_chunks_end_the_connection(self, dial, paths):
        caller = await dial()
        await caller.send(request(b"", CHAT, "POST", CHUNKED) + b"2\n{}\n0\n\n" + HIDDEN)
        assert await caller.closed() in (b"HTTP/1.1 400 Bad Request\r\n\r\n", b"")
        assert paths() == []


class TestHugeHeads:
    @pytest.mark.parametrize(
        "lines",
        [
            ["x: " + "y" * 70_000],
            ["x" * 70_000 + ": y"],
            [f"x-{i}: y" for i in range(10_000)],
            [f"{i:x}:" for i in range(10_000)],
        ],
    )
    async def test_head_that_is_too_long_ends_the_connection(self, dial, paths, lines):
        caller = await dial()
        await caller.send(request(GOOD, CHAT, "POST", *lines))
        assert await caller.closed() == b""
        assert paths() == []

    @pytest.mark.parametrize(
        "lines", [["a: b"] * 9_000, [f"{i:x}:" for i in range(6000)], ["Cookie: a=b"] * 4000]
    )
    async def test_too_many_headers_are_a_431(self, dial, upstream, lines):
        caller = await dial()
        response = await caller.ask(GOOD, CHAT, "POST", *lines)
        assert response.status == 431
        assert response.error["type"] == "invalid_request_error"
        assert (await caller.ask(b"", "/health", "GET")).status == 200
        assert upstream.accepted == 0

    async def test_head_that_never_ends_is_not_read_on(self, dial):
        async def send_on(caller):
            while True:
                await caller.send(b"x: y\r\n" * 1000)

        caller = await dial()
        await caller.send(b"GET /health HTTP/1.1\r\n")
        with pytest.raises(ConnectionError):
            await send_on(caller)
