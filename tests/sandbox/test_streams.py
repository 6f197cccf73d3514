"""The very bytes of the streams; expectations are the documented and recorded samples."""

import re
from pathlib import Path

import pytest

from cozeproxy.sandbox import Sandbox
from cozeproxy.sandbox.wire import dump
from tests.sandbox.raw import call, chat_body, request, stream

pytestmark = pytest.mark.gen_test


# Invented ids in the shapes of these sources:
# simple        docs.coze.cn, chat_v3; cozepy 0.20.0, tests/testdata/chat_text_stream_resp.txt
# plugin        docs.coze.cn, chat_v3
# tool-call     docs.coze.cn, use_local_plugin and workflow_chat
# tool-output   docs.coze.cn, use_local_plugin
# failed        cozepy 0.20.0, tests/testdata/chat_failed_resp.txt, its last event
# workflow      docs.coze.cn, workflow_stream_run; cozepy 0.20.0,
#               tests/testdata/workflow_run_stream_resp.txt
# chatflow      cozepy 0.20.0, tests/testdata/workflows_chat_stream_resp.txt, with another text
SAMPLES = Path(__file__).parent / "samples"


def without_particulars(text: str) -> str:
    """Replace what differs from run to run: ids by the order they appear in, times, counts."""
    names: dict[str, str] = {}
    text = re.sub(r'"bot_id":"[^"]*"', '"bot_id":"BOT"', text)
    text = re.sub(r'"[^"]{50,}="', '"CALL"', text)
    text = re.sub(r'"\d{19}(/\d{19})?"', lambda m: names.setdefault(m[0], f"ID{len(names)}"), text)
    text = re.sub(r'_at":\d{10}', '_at":TIME', text)
    text = re.sub(r'_count":[1-9]\d*', '_count":COUNT', text)
    return re.sub(r"(execute_id|space_id|workflow_id)=[\w-]+", r"\1=ID", text)


def assert_same(body: bytes, sample: str) -> None:
    expected = (SAMPLES / f"{sample}.txt").read_text(encoding="utf-8")
    assert without_particulars(body.decode()) == without_particulars(expected)


@pytest.mark.parametrize(("bot", "sample"), [("hello", "simple"), ("plugin", "plugin")])
async def test_chat_stream_is_the_documented_one_to_the_byte(sandbox, bot, sample):
    assert_same(await stream(sandbox, bot), sample)


async def test_both_legs_of_a_tool_call_are_the_documented_ones(sandbox):
    first = await stream(sandbox, "tools")
    assert_same(first, "tool-call")
    chat_id, conversation_id = re.findall(rb'"(?:id|conversation_id)":"(\d{19})"', first)[:2]
    call_id = re.search(rb'"tool_calls":\[\{"id":"([^"]+)"', first)[1].decode()
    path = (
        "/v3/chat/submit_tool_outputs"
        f"?conversation_id={conversation_id.decode()}&chat_id={chat_id.decode()}"
    )
    output = {"tool_call_id": call_id, "output": '{"probability":0.5}'}
    body = {"stream": True, "tool_outputs": [output]}
    async with request(sandbox, "POST", path, body) as response:
        assert_same(await response.body(), "tool-output")


async def test_failed_chat_ends_with_the_recorded_event(sandbox):
    body = await stream(sandbox, "failed")
    assert_same(body[body.index(b"event:conversation.chat.failed") :], "failed")


@pytest.mark.parametrize(
    ("workflow", "sample"), [("output-nodes", "workflow"), ("question", "workflow-question")]
)
async def test_workflow_stream_is_the_documented_one_to_the_byte(sandbox, workflow, sample):
    body = {"workflow_id": workflow, "parameters": {"input": "Hello"}}
    async with request(sandbox, "POST", "/v1/workflow/stream_run", body) as response:
        assert response.headers["content-type"] == "text/event-stream"
        assert_same(await response.body(), sample)


async def test_chatflow_stream_is_the_recorded_one_to_the_byte(sandbox):
    body = {
        "workflow_id": "hello",
        "app_id": "7400000000000000004",
        "additional_messages": [{"role": "user", "content": "Hi", "content_type": "text"}],
    }
    async with request(sandbox, "POST", "/v1/workflows/chat", body) as response:
        assert_same(await response.body(), "chatflow")


async def test_head_of_a_stream_has_its_type_and_a_log_id(sandbox):
    async with request(sandbox, "POST", "/v3/chat", chat_body("hello")) as response:
        assert response.status == 200
        assert response.headers["content-type"] == "text/event-stream"
        assert re.fullmatch(r"\d{14}[0-9A-F]{20}", response.headers["x-tt-logid"])
        assert "server" not in response.headers


async def test_error_in_place_of_a_stream_is_json_without_a_final_newline(sandbox):
    async with request(sandbox, "POST", "/v3/chat", chat_body("code-4028")) as response:
        assert response.status == 200
        assert response.headers["content-type"].startswith("application/json")
        body = await response.body()
    assert body.startswith(b'{"code":4028,"msg":"Your free quota has been used up.')
    assert body.endswith(b'"detail":{"logid":"%s"}}' % response.headers["x-tt-logid"].encode())


async def test_success_has_the_envelope_with_an_empty_message(sandbox):
    answer = await call(sandbox, "GET", "/v1/users/me")
    assert list(answer) == ["code", "msg", "data", "detail"]
    assert (answer["code"], answer["msg"]) == (0, "")


async def test_each_delta_is_a_chunk_of_its_own(sandbox):
    async with request(sandbox, "POST", "/v3/chat", chat_body(Sandbox.BOT_ID)) as response:
        while piece := await response.piece():
            assert piece.count(b"event:") == 1
            assert piece.endswith(b"\n\n")


def test_json_is_escaped_as_go_does():
    assert dump({"a": "<&>\u2028 é 你"}) == '{"a":"\\u003c\\u0026\\u003e\\u2028 é 你"}'
