"""What a request says of where it comes from is not believed, and not written down."""

import pytest

from tests.faults.raw_caller import CHAT
from tests.service.asking import body

pytestmark = pytest.mark.gen_test(timeout=15)

SPOOFED = (
    "X-Forwarded-For: 203.0.113.7",
    "X-Real-Ip: 203.0.113.7",
    "Forwarded: for=203.0.113.7;proto=https",
    "X-Forwarded-Proto: https",
    "X-Scheme: https",
    "X-Forwarded-Host: 203.0.113.7",
    "Via: 1.1 203.0.113.7",
)


@pytest.fixture
def environment():
    return {"TOKEN_ENDPOINTS": "loopback"}


async def test_addresses_that_a_request_names_are_in_no_log_and_no_answer(dial, caplog):
    caller = await dial()
    response = await caller.ask({**body("7"), "n": 2}, CHAT, "POST", *SPOOFED)
    assert response.status == 400
    assert "203.0.113.7" not in str(response.headers) + response.body.decode()
    assert "203.0.113.7" not in caplog.text


async def test_nobody_comes_nearer_by_saying_so(dial):
    # Without headers the caller is on this machine, and may; that it is, no header can claim.
    caller = await dial()
    assert (await caller.ask(b"", "/get_jwt", "GET")).error["code"] == "jwt_not_configured"
    for name in ("X-Forwarded-For", "X-Real-Ip", "Forwarded"):
        for address in ("127.0.0.1", "::1", "localhost", "for=127.0.0.1"):
            response = await caller.ask(b"", "/get_jwt", "GET", f"{name}: {address}")
            assert response.error["code"] == "permission_denied"
