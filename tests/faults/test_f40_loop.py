"""What takes long is done beside the loop: nobody else's answer waits for it."""

import asyncio
import os
import re
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
ROUNDS = 30


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
    "a picture of 12 MiB": lambda: [picture(12 * MEBIBYTE)],
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


@pytest.fixture
def unread(io_loop, variables, tmp_path):
    """Start the service with a pipe for its log; gives it, its port, and the pipe's other end."""
    reading, writing = os.pipe()
    started = []

    async def unread():
        process = await asyncio.create_subprocess_exec(
            *COZEPROXY,
            "serve",
            cwd=tmp_path,
            env=ENVIRONMENT | variables,
            stdout=subprocess.PIPE,
            stderr=writing,
        )
        started.append(process)
        await process.stdout.readuntil(b"listens on ")
        return process, int((await process.stdout.readline()).rpartition(b":")[2]), reading

    yield unread
    for process in started:
        if process.returncode is None:
            process.kill()
            io_loop.run_sync(process.wait)
    os.close(reading)
    os.close(writing)


async def test_log_that_nobody_reads_holds_nothing_up(unread, dial_to):
    # A pipe holds 64 KiB, which is less than a thousand lines.
    requests = 3000
    process, port, reading = await unread()
    caller = await dial_to(port)
    for _ in range(requests):
        assert (await caller.ask(b"", "/nowhere", "GET")).status == 404
    log = await asyncio.to_thread(os.read, reading, 2**20)
    assert 0 < log.count(b" GET /nowhere ") < requests
    assert (await caller.ask(b"", "/v1/models", "GET")).status == 200
    # Lines may wait for others, for a moment.
    while b" GET /v1/models " not in log:
        log += await asyncio.to_thread(os.read, reading, 2**20)
    lost = re.findall(rb"(?m)^\.\.\. (\d+) lines could not be written$", log)
    assert sum(map(int, lost)) == requests - log.count(b" GET /nowhere ")
    process.terminate()
    assert await process.wait() == 0
