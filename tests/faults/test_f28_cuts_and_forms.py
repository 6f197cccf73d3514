"""F28: Coze's events in every form that the standard allows, cut wherever they may be cut.

Each must come out as the same answer (WHATWG HTML, 9.2.5 and 9.2.6).
"""

import asyncio

import pytest

from tests.faults.answers import asked, failure_of, text
from tests.service.asking import objects
from tests.support import coze
from tests.support.feeding import cuts
from tests.support.streams import streamed, whole

pytestmark = pytest.mark.gen_test(timeout=60)

ANSWER = coze.answer("Fi", "ne, 好🙂")
SPOKEN = "Fine, 好🙂"
LINES = ANSWER.split(b"\n")


def mixed(answer):
    """Each line with another end than the one before it."""
    ends = [b"\r\n", b"\r", b"\n"]
    lines = answer.split(b"\n")
    # A CR before an LF would be one end, and no blank line.
    safe = [b"\r\n" if not line else ends[i % 3] for i, line in enumerate(lines[:-1])]
    return b"".join(line + end for line, end in zip(lines, safe, strict=False))


FORMS = {
    "as_coze_writes": ANSWER,
    "crlf": ANSWER.replace(b"\n", b"\r\n"),
    "cr": ANSWER.replace(b"\n", b"\r"),
    "mixed_ends": mixed(ANSWER),
    "bom": b"\xef\xbb\xbf" + ANSWER,
    "bom_and_crlf": b"\xef\xbb\xbf" + ANSWER.replace(b"\n", b"\r\n"),
    "space_after_the_colon": ANSWER.replace(b"event:", b"event: ").replace(b"data:", b"data: "),
    "comments": b": hi\n\n" + ANSWER.replace(b"\n\n", b"\n:\n\n: ping\n\n"),
    "comments_inside_events": ANSWER.replace(b"\ndata:", b"\n: between\ndata:"),
    "ids": ANSWER.replace(b"event:", b"id: 5\nevent:"),
    "retries": ANSWER.replace(b"event:", b"retry: 5\nevent:"),
    "data_before_its_name": b"".join(
        b"\n".join(reversed(event.split(b"\n"))) + b"\n\n"
        for event in ANSWER.removesuffix(b"\n\n").split(b"\n\n")
    ),
    "data_in_several_lines": ANSWER.replace(b', "', b',\ndata:"'),
    "name_said_twice": ANSWER.replace(b"event:", b"event:wrong\nevent:"),
    "blank_lines": b"\n\n" + ANSWER.replace(b"\n\n", b"\n\n\n\n"),
    "data_without_a_colon": ANSWER.removesuffix(coze.DONE) + b"event:done\ndata\n\n",
    "last_event_without_its_blank_line": ANSWER.removesuffix(b"\n\n"),
}


@pytest.mark.parametrize("said", FORMS.values(), ids=FORMS.keys())
def test_answer_is_the_same_however_it_is_cut(said):
    expected = streamed().receive_data(ANSWER)
    for pieces in cuts(said):
        stream = streamed()
        assert b"".join(map(stream.receive_data, pieces)) == expected
        assert stream.ended


@pytest.mark.parametrize("said", FORMS.values(), ids=FORMS.keys())
def test_whole_answer_is_the_same_however_it_is_cut(said):
    expected = whole().receive_data(ANSWER)
    for pieces in cuts(said):
        stream = whole()
        assert b"".join(map(stream.receive_data, pieces)) == expected


@pytest.mark.usefixtures("engine")
@pytest.mark.parametrize("said", FORMS.values(), ids=FORMS.keys())
async def test_bytes_may_come_one_by_one(dial, upstream, said):
    caller, call = await asked(dial, upstream)
    await call.start()
    for i in range(len(said)):
        await call.say(said[i : i + 1])
        # A turn of the loop, in which the service reads it.
        await asyncio.sleep(0)
    await call.end()
    response = await caller.response()
    assert text(response.body) == SPOKEN
    contents = [chunk["choices"][0]["delta"].get("content") for chunk in objects(response.body)]
    assert contents == ["", "Fi", "ne, 好🙂", None]


async def test_connection_may_be_cut_into_segments_anywhere(dial, upstream):
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: %d\r\n\r\n"
    said = head % len(ANSWER) + ANSWER
    for i in range(1, len(said), 7):
        caller, call = await asked(dial, upstream)
        await call.write(said[:i])
        for _ in range(3):
            await asyncio.sleep(0)
        await call.write(said[i:])
        call.over.set()
        assert text((await caller.response()).body) == SPOKEN


async def test_only_event_of_the_end_is_none_without_its_blank_line(dial, upstream):
    caller, call = await asked(dial, upstream)
    await call.start(coze.CREATED, coze.delta("Fine"))
    assert (await caller.head()).status == 200
    await caller.until(b'"Fine"')
    await call.end(coze.DONE.removesuffix(b"\n"))
    failure_of(await caller.rest(), said="")
