"""HEAD, OPTIONS, paths that are not there and methods that are not served, on every endpoint."""

import pytest

from tests.faults.raw_caller import CHAT

pytestmark = pytest.mark.gen_test(timeout=15)

SERVED = {
    CHAT: "POST, OPTIONS",
    "/v1/completions": "POST, OPTIONS",
    "/v1/audio/speech": "POST, OPTIONS",
    "/v1/audio/transcriptions": "POST, OPTIONS",
    "/v1/models": "GET, OPTIONS",
    "/v1/models/gpt-4": "GET, OPTIONS",
    "/health": "GET, HEAD, OPTIONS",
    "/ready": "GET, HEAD, OPTIONS",
}
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW", "get"]
NOWHERE = [
    "/",
    "/v1",
    "/v1/",
    "/v1/chat/completions/",
    "/v1/chat/completions/7",
    "/chat/completions",
    "/V1/CHAT/COMPLETIONS",
    "//v1/models",
    "/v1//models",
    "/v1/./models",
    "/v1/models/",
    "/v1/images/generations",
    "/v1/embeddings",
    "/health/",
    "/metrics/",
    "/favicon.ico",
    "/.env",
    "/%2e%2e/etc/passwd",
    "*",
    "v1/models",
    "http://localhost/v1/models",
]


@pytest.mark.parametrize("path", SERVED)
@pytest.mark.parametrize("method", METHODS)
async def test_method_is_served_or_a_405_that_says_which_are(dial, path, method):
    caller = await dial()
    response = await caller.ask(b"", path, method)
    if method == "OPTIONS":
        assert response.status == 204
        assert "x-request-id" in response.headers
    elif method in SERVED[path].split(", "):
        assert response.status in (200, 400)
    else:
        assert response.status == 405
        assert response.headers["allow"] == SERVED[path]
        if method != "HEAD":
            assert response.error["code"] == "method_not_supported"


@pytest.mark.parametrize("path", NOWHERE)
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "DELETE", "OPTIONS"])
async def test_path_that_is_not_there_is_a_404(dial, path, method):
    caller = await dial()
    for _ in range(2):
        response = await caller.ask(b"", path, method)
        assert response.status == 404
        if method != "HEAD":
            assert response.error["type"] == "invalid_request_error"


async def test_head_has_no_body_and_all_the_rest(dial):
    caller = await dial()
    for path in (*SERVED, "/nowhere"):
        response = await caller.ask(b"", path, "HEAD")
        # What follows would be taken for a body, or a body for what follows.
        assert int(response.headers["content-length"]) > 0
        assert (await caller.ask(b"", "/health", "GET")).json == {"status": "ok"}
