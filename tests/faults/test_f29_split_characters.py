"""F29: characters that are cut in the middle. None of their halves may come out as a mark."""

import json

import pytest

from tests.faults.answers import asked, failure_of, text
from tests.faults.raw_caller import request
from tests.service.asking import body
from tests.support import coze
from tests.support.feeding import cuts
from tests.support.streams import streamed, text_of

pytestmark = pytest.mark.gen_test(timeout=30)

# Of two, three and four bytes, joined ones, and one whose escape is a pair.
TEXT = "é好🙂👩‍👩‍👧🇩🇪\U0001f600\u2028e\u0301"


def said(content):
    """A stream whose text is this JSON string."""
    data = b'{"id":"81","type":"answer","content":%b}' % content
    return coze.CREATED + b"event:conversation.message.delta\ndata:" + data + b"\n\n" + coze.END


ANSWERS = {
    "bytes": said(json.dumps(TEXT, ensure_ascii=False).encode()),
    "escapes": said(json.dumps(TEXT).encode()),
    "capital_escapes": said(json.dumps(TEXT).upper().encode().replace(b"\\U", b"\\u")),
}


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS.keys())
def test_text_is_the_same_however_it_is_cut(answer):
    for pieces in cuts(answer):
        stream = streamed()
        out = b"".join(map(stream.receive_data, pieces))
        assert text_of(out).lower() == TEXT


@pytest.mark.usefixtures("engine")
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS.keys())
async def test_bytes_may_come_one_by_one(dial, upstream, answer, stream):
    caller, call = await asked(dial, upstream, stream=stream)
    await call.start()
    for i in range(len(answer)):
        await call.say(answer[i : i + 1])
    await call.end()
    response = await caller.response()
    assert "\ufffd" not in response.body.decode()
    content = text(response.body) if stream else response.json["choices"][0]["message"]["content"]
    assert content.lower() == TEXT


async def test_workflow_is_no_exception(dial, upstream):
    caller = await dial()
    await caller.send(request(body("7", stream=True) | {"model": "workflow-8"}))
    call = await upstream.called()
    await call.start()
    node = {"content": TEXT, "node_title": "Say", "node_is_finish": True}
    for byte in coze.event("Message", node):
        await call.say(bytes([byte]))
    await call.end(coze.event("Done", {}))
    assert text((await caller.response()).body) == TEXT


@pytest.mark.parametrize("half", [b'"\\ud83d"', b'"\\ude00"', b'"\xf0\x9f"'])
async def test_half_a_character_that_has_no_other_half_is_a_failure(dial, upstream, half):
    caller, call = await asked(dial, upstream)
    await call.start(coze.CREATED, coze.delta("Fine"))
    assert (await caller.head()).status == 200
    seen = await caller.until(b'"Fine"')
    await call.say(said(half))
    failure_of(seen + await caller.rest(), said="Fine")
