"""What takes long is done beside the loop: nobody else's answer waits for it."""

import asyncio
import os
import subprocess
import sys
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.faults.raw_caller import request
from tests.service.asking import body, says, text_part
from tests.support import coze
from tests.support.files import PNG, data_url
from tests.support.processes import COZEPROXY, ENVIRONMENT

pytestmark = pytest.mark.gen_test(timeout=100)

MEBIBYTE = 2**20
# Seconds. Whatever else the machine does can only add to what the service takes, so that one round
# under the bound shows that it can; a loop that is held up is held up in each.
BOUND = 0.02
ROUNDS = 12


def picture(size):
    url = data_url(PNG + os.urandom(size * 3 // 4))
    return body("7", [text_part(), {"type": "image_url", "image_url": {"url": url}}])


def turns(size):
    """A long conversation."""
    turn = [says("Tell me more. " * 40), says("There is more. " * 40, "assistant")]
    return body("7", messages=[*turn * (size // 1200), says("And then?")])


LARGE = {
    "many prompts of 100 kB": lambda: [body("7", "Hello w\u00f6rld " * 8000)] * 20,
    "a prompt of 4 MiB": lambda: [body("7", "Hello world " * (4 * MEBIBYTE // 12))],
    "a Chinese prompt of 2 MiB": lambda: [body("7", "\u4f60\u597d" * (2 * MEBIBYTE // 12))],
    "a conversation of 2 MiB": lambda: [turns(2 * MEBIBYTE)],
    "a picture of 20 MiB": lambda: [picture(20 * MEBIBYTE)],
    "tools of 1 MiB": lambda: [
        body("7", tools=[{"type": "function", "function": {"name": "f"}}] * (MEBIBYTE // 50))
    ],
}


@pytest.fixture
def longest_wait():
    """How long a caller waits for the least of answers, while something else goes on."""

    @asynccontextmanager
    async def probe(port):
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            Path(__file__).parent / "probe.py",
            str(port),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        await process.stdout.readline()

        async def stop():
            process.stdin.close()
            return float(await process.stdout.readline())

        yield stop
        await process.wait()

    return probe


@pytest.mark.parametrize("make", LARGE.values(), ids=LARGE.keys())
async def test_large_request_does_not_hold_up_others(serve, dial_to, upstream, longest_wait, make):
    _, port = await asyncio.to_thread(serve)
    waits = []
    while len(waits) < ROUNDS and not any(wait < BOUND for wait in waits):
        sent = [request(asked) for asked in make()]
        async with longest_wait(port) as stop:
            caller = await dial_to(port)
            for data in sent:
                await caller.send(data)
                await answered(upstream)
                assert (await caller.response()).status == 200
            waits.append(await stop())
    assert min(waits) < BOUND


async def answered(upstream):
    call = await upstream.called()
    if call.path == "/v1/files/upload":
        await call.reply({"code": 0, "data": {"id": "1"}})
        call = await upstream.called()
    await call.answer(coze.answer("Fine"))


async def test_caller_that_leaves_while_its_body_is_read_asks_nothing(dial, upstream):
    caller = await dial()
    await caller.send(request(picture(20 * MEBIBYTE)))
    caller.reset()
    # What comes next is the next one's.
    caller = await dial()
    await caller.send(request(body("8")))
    call = await upstream.called()
    assert call.json["bot_id"] == "8"
    await call.answer(coze.answer("Fine"))
    assert (await caller.response()).status == 200


async def test_log_that_nobody_reads_holds_nothing_up(variables, dial_to, tmp_path):
    # A pipe holds 64 KiB, which is less than a thousand lines.
    requests = 3000
    reading, writing = os.pipe()
    process = await asyncio.create_subprocess_exec(
        *COZEPROXY,
        "serve",
        cwd=tmp_path,
        env=ENVIRONMENT | variables,
        stdout=subprocess.PIPE,
        stderr=writing,
    )
    os.close(writing)
    banner = await process.stdout.readuntil(b"listens on ")
    port = int((await process.stdout.readline()).rpartition(b":")[2])
    assert banner
    caller = await dial_to(port)
    for _ in range(requests):
        assert (await caller.ask(b"", "/health", "GET")).status == 200
    log = await asyncio.to_thread(os.read, reading, 2**20)
    assert 0 < log.count(b"GET /health") < requests
    assert (await caller.ask(b"", "/nowhere", "GET")).status == 404
    log = await asyncio.to_thread(os.read, reading, 2**20)
    assert b" lines could not be written\n" in log
    assert b"404 GET /nowhere" in log
    process.terminate()
    assert await process.wait() == 0
    os.close(reading)
