"""Answers of Coze's that no stand-in would give, byte by byte."""

import asyncio
import json

import pytest

from cozeproxy.protocol import coze as payloads_of_coze
from tests.service.asking import body, error_of, objects, payloads, says
from tests.support import coze

pytestmark = [pytest.mark.gen_test(timeout=15), pytest.mark.usefixtures("engine")]

JSON_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


@pytest.fixture
def environment(raw_coze):
    return {"COZE_BASE_URL": raw_coze.base_url}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("id_", ["7\r\nX-Evil: 1", "7 2", "七", "../7", "7" * 65])
async def test_id_that_is_fit_for_no_header_is_left_out(post, raw_coze, id_, stream):
    asking = asyncio.create_task(post(body("7", stream=stream)))
    call = await raw_coze.called()
    ended = coze.chat("completed", conversation_id=id_)
    await call.start(coze.chat("created", conversation_id=id_), coze.delta("Hi"), ended)
    await call.end()
    response = await asking
    assert response.code == 200
    assert "X-Conversation-Id" not in response.headers
    assert "X-Evil" not in response.headers


def thought(text):
    return coze.delta("", reasoning_content=text)


@pytest.mark.parametrize("stream", [False, True])
async def test_reasoning_that_came_in_deltas_is_not_repeated_with_the_whole(post, raw_coze, stream):
    asking = asyncio.create_task(post(body("7", stream=stream)))
    call = await raw_coze.called()
    whole = coze.message("completed", "answer", "Hi", reasoning_content="Let me think.")
    await call.start(coze.CREATED, thought("Let me "), thought("think."), whole, coze.END)
    await call.end()
    raw = (await asking).body.decode()
    assert raw.count("think.") == 1
    assert raw.count('"Hi"') == 1


async def test_fence_is_taken_off_after_tools_as_well(post, raw_coze):
    tools = [{"type": "function", "function": {"name": "f"}}]
    asked = body("7", tools=tools, response_format={"type": "json_object"})
    asking = asyncio.create_task(post(asked))
    call = await raw_coze.called()
    waiting = {"id": "b=", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    action = {"type": "submit_tool_outputs", "submit_tool_outputs": {"tool_calls": [waiting]}}
    await call.start(coze.CREATED, coze.chat("requires_action", required_action=action), coze.DONE)
    await call.end()
    message = json.loads((await asking).body)["choices"][0]["message"]
    output = says("wet", "tool", tool_call_id=message["tool_calls"][0]["id"])
    asking = asyncio.create_task(post(asked | {"messages": [says("Hi"), message, output]}))
    call = await raw_coze.called()
    assert call.path.startswith("/v3/chat/submit_tool_outputs?")
    await call.start(coze.answer('```json\n{"rain": true}\n```'))
    await call.end()
    response = await asking
    assert json.loads(response.body)["choices"][0]["message"]["content"] == '{"rain": true}'
    assert response.headers["X-Cozeproxy-Emulated"] == "response_format"


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"HTTP/1.1 abc OK\r\n\r\n", id="status_is_no_number"),
        pytest.param(b"HTTP/1.1 200 OK\r\n no colon\r\n\r\n", id="header_is_none"),
        pytest.param(b"SSH-2.0-OpenSSH_9.2\r\n", id="no_http"),
        pytest.param(JSON_HEAD + b'Content-Length: 4\r\n\r\n{"\xff"', id="body_is_no_utf8"),
        pytest.param(JSON_HEAD + b"Content-Length: 9\r\n\r\n{}", id="body_is_cut"),
        pytest.param(JSON_HEAD + b'Content-Length: 10\r\n\r\n{"code":0}', id="success_in_json"),
        pytest.param(b"HTTP/1.1 204 No Content\r\n\r\n", id="no_content"),
    ],
)
async def test_answer_that_makes_no_sense_is_a_502(post, raw_coze, data):
    asking = asyncio.create_task(post(body("7", stream=True)))
    call = await raw_coze.called()
    await call.write(data)
    call.close()
    response = await asking
    assert response.code == 502
    assert error_of(response)["code"] == "upstream_error"


async def test_error_that_does_not_end_is_a_502_and_not_kept(post, raw_coze):
    asking = asyncio.create_task(post(body("7")))
    call = await raw_coze.called()
    await call.write(JSON_HEAD + b"\r\n")
    filling = asyncio.create_task(call.write(b" " * 2**23))
    response = await asking
    assert response.code == 502
    await call.left()
    filling.cancel()


async def test_interim_response_is_passed_over(post, raw_coze):
    asking = asyncio.create_task(post(body("7", stream=True)))
    call = await raw_coze.called()
    await call.write(b"HTTP/1.1 103 Early Hints\r\nX-Tt-Logid: early\r\n\r\n")
    await call.start(coze.answer("Fine"))
    await call.end()
    response = await asking
    assert response.headers["X-Coze-Logid"] == "2024RAW"
    assert objects(response.body)[1]["choices"][0]["delta"] == {"content": "Fine"}


async def test_bug_inside_a_stream_is_an_error_frame_without_internals(
    connect, raw_coze, monkeypatch, caplog
):
    def broken(*_args):
        raise ZeroDivisionError("an internal detail")

    exchange = await connect(body("7", stream=True))
    call = await raw_coze.called()
    await call.start(coze.CREATED, coze.delta("Hi"))
    await exchange.until("Hi")
    monkeypatch.setattr(payloads_of_coze, "decode", broken)
    await call.say(coze.delta("there"))
    *_, frame = payloads(await exchange.rest())
    assert json.loads(frame)["error"]["message"] == "The service failed to answer this request."
    await call.left()
    (record,) = [r for r in caplog.records if r.exc_info]
    assert record.exc_info[0] is ZeroDivisionError
    caplog.clear()


@pytest.mark.parametrize("stream", [False, True])
async def test_caller_may_leave_while_the_end_is_on_its_way(connect, raw_coze, stream):
    exchange = await connect(body("7", stream=stream), receive_buffer=4096)
    call = await raw_coze.called()
    await call.start(coze.CREATED)
    saying = asyncio.create_task(call.say(coze.delta("x" * 2**23), coze.END))
    await exchange.head()
    exchange.reset()
    await saying
    await call.end()
    exchange = await connect(body("7"))
    call = await raw_coze.called()
    await call.start(coze.answer("Fine"))
    await call.end()
    assert b'"Fine"' in await exchange.rest()


@pytest.mark.parametrize("stream", [False, True])
async def test_stream_that_breaks_off_before_any_event_must_not_be_asked_for_again(
    post, raw_coze, stream
):
    asking = asyncio.create_task(post(body("7", stream=stream)))
    call = await raw_coze.called()
    await call.start()
    call.close()
    response = await asking
    assert response.code == 502
    assert response.headers["x-should-retry"] == "false"
