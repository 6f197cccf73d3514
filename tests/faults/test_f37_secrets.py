"""Coze gives back what it was sent, wherever it can: the token is in no answer and no log line.

What callers send, and every other secret, is looked for in tests/doors/test_secrets.py, on the
stand-in and with every logger at DEBUG, too.
"""

import asyncio
import json
import sys
from pathlib import Path

import pytest

from tests.faults.conftest import API_KEY
from tests.faults.raw_caller import request
from tests.service.asking import body
from tests.support import coze
from tests.support.processes import Process

pytestmark = pytest.mark.gen_test(timeout=60)

LOUD = [sys.executable, Path(__file__).parents[1] / "doors" / "loud.py", "serve"]
KEY = "sk-canary-of-a-caller"
SAID = "canary-in-a-message"


def error(token):
    return {"code": 4100, "msg": f"no: {token}", "detail": {"logid": token}, "token": token}


# What the upstream answers with, made from the header that it was sent.
ECHOES = {
    "error": lambda call, sent: call.reply(error(sent)),
    "error with a status": lambda call, sent: call.reply(error(sent), status="401 Unauthorized"),
    "error with a code of text": lambda call, sent: call.reply({"code": sent, "msg": sent}),
    "page": lambda call, sent: call.reply(sent.encode(), status="500 Oops", kind="text/html"),
    "kind": lambda call, sent: call.reply(b"", status="500 Oops", kind=sent),
    "status": lambda call, sent: call.reply(b"", status=f"500 {sent}"),
    "no JSON": lambda call, sent: call.reply(sent.encode()),
    "redirect": lambda call, sent: call.reply(b"", status="302 Found", Location=f"/{sent}"),
    "names": lambda call, sent: call.reply(error(""), X_Tt_Logid=sent, Retry_After=sent),
    "head": lambda call, sent: call.answer_and_close(f"HTTP/1.1 {sent}\r\n\r\n".encode()),
    "no HTTP": lambda call, sent: call.answer_and_close(sent.encode()),
    "failure": lambda call, sent: call.answer(
        coze.CREATED, coze.chat("failed", last_error={"code": 4100, "msg": sent})
    ),
    "failure after text": lambda call, sent: call.answer(
        coze.CREATED,
        coze.delta("Fi"),
        coze.chat("failed", last_error={"code": 4100, "msg": sent}),
    ),
    "event of an error": lambda call, sent: call.answer(coze.event("error", error(sent))),
    "event that is no JSON": lambda call, sent: call.answer(
        coze.event("conversation.message.delta", sent)
    ),
    "event of no kind": lambda call, sent: call.answer(coze.event(sent, "{}"), coze.answer("Fi")),
    "state": lambda call, sent: call.answer(coze.event("conversation.chat.completed", sent)),
    "cut": lambda call, sent: call.answer_and_close(sent.encode()),
}


def found(text):
    return [canary for canary in (API_KEY, KEY, SAID) if canary in text]


@pytest.fixture
def loud(variables, tmp_path):
    process = Process(LOUD, tmp_path, **variables, PROXY_API_KEYS=KEY, MAX_RETRIES="0")
    yield process
    process.__exit__()


async def test_token_that_coze_gives_back_is_shown_to_nobody(loud, dial_to, upstream):
    port = int((await asyncio.to_thread(loud.address)).rpartition(":")[2])
    for name, echo in ECHOES.items():
        for stream in (False, True):
            caller = await dial_to(port)
            line = f"Authorization: Bearer {KEY}"
            asked = request(body("7", SAID, stream=stream), "/v1/chat/completions", "POST", line)
            await caller.send(asked)
            call = await upstream.called("/v3/chat")
            sent = call.headers["authorization"]
            assert sent == f"Bearer {API_KEY}"
            await echo(call, sent)
            response = await caller.response()
            told = f"{response.headers}{response.body.decode()}"
            assert found(told) == [], name
    assert loud.end() == 0
    log = loud.complaints()
    assert "DEBUG:" in log
    assert found(log) == []


async def test_crash_is_one_500_and_one_traceback_without_what_was_sent(loud, dial_to, upstream):
    port = int((await asyncio.to_thread(loud.address)).rpartition(":")[2])
    line = f"Authorization: Bearer {KEY}"
    caller = await dial_to(port)
    for stream in (False, True):
        asked = {**body("7", SAID, stream=stream), "model": "crash"}
        await caller.send(request(asked, "/v1/chat/completions", "POST", line))
        response = await caller.response()
        assert response.status == 500
        assert json.loads(response.body) == {
            "error": {
                "message": "The service failed to answer this request.",
                "type": "server_error",
                "param": None,
                "code": None,
            }
        }
    # The connection and the process are as good as before.
    await caller.send(request(body("7"), "/v1/chat/completions", "POST", line))
    await (await upstream.called()).answer(coze.answer("Fine"))
    assert (await caller.response()).status == 200
    assert loud.end() == 0
    log = loud.complaints()
    assert log.count("Traceback (most recent call last)") == 2
    assert log.count("RuntimeError: a bug") == 2
    assert found(log) == []
