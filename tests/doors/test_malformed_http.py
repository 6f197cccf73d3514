"""HTTP that cannot be read: what stands in it is not repeated in any log."""

import asyncio
import logging

import pytest

from tests.support.canaries import MARK

pytestmark = pytest.mark.gen_test

KEY = f"{MARK}1234567"


@pytest.mark.parametrize(
    "header",
    [
        f"Authorization: Bearer {KEY}\x01",
        f"Authorization: Bearer {KEY}\x00",
        f"Content-Length: {KEY}",
        f"Transfer-Encoding: {KEY}",
        f"Host: {KEY} {KEY}",
    ],
)
@pytest.mark.usefixtures("http_server")
async def test_header_that_cannot_be_read_is_not_quoted(http_port, caplog, header):
    caplog.set_level(logging.DEBUG)
    reader, writer = await asyncio.open_connection("127.0.0.1", http_port)
    writer.write(f"GET /v1/models HTTP/1.1\r\n{header}\r\n\r\n".encode())
    answer = await reader.read()
    writer.close()
    assert KEY.encode() not in answer
    assert KEY not in caplog.text
    assert "HTTP that cannot be read" in caplog.text
