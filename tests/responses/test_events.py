"""The events of a streamed response: which, in what order, and what each has."""

import pytest

from tests.responses.asking import body, frames
from tests.service.asking import TOOLS
from tests.support import coze

pytestmark = pytest.mark.gen_test(timeout=15)

BEGIN = ["response.created", "response.in_progress"]
TEXT = "response.output_text"
SUMMARY = "response.reasoning_summary"


@pytest.fixture
def events(post):
    async def events(asked):
        response = await post({**asked, "stream": True}, "/v1/responses")
        assert response.code == 200, response.body
        return frames(response.body)

    return events


def item_of(*text_events):
    return ["response.output_item.added", *text_events, "response.output_item.done"]


def part_of(part, text, deltas):
    return [f"{part}.added", *[f"{text}.delta"] * deltas, f"{text}.done", f"{part}.done"]


async def test_text_comes_in_the_order_of_the_contract(events):
    found = await events(body("hello"))
    message = item_of(*part_of("response.content_part", TEXT, 2))
    assert [name for name, _ in found] == [*BEGIN, *message, "response.completed", None]
    _, _, added, part, first, second, done, part_done, item_done, completed, _ = [
        data for _, data in found
    ]
    place = {"item_id": added["item"]["id"], "output_index": 0, "content_index": 0}
    empty = {"type": "output_text", "text": "", "annotations": [], "logprobs": []}
    assert added["item"] == {
        "type": "message",
        "id": place["item_id"],
        "role": "assistant",
        "status": "in_progress",
        "content": [],
    }
    assert part == part | place | {"part": empty}
    assert first == first | place | {"delta": "Hel", "logprobs": []}
    assert second == second | place | {"delta": "lo", "logprobs": []}
    assert done == done | place | {"text": "Hello", "logprobs": []}
    assert part_done == part_done | place | {"part": {**empty, "text": "Hello"}}
    whole = {**added["item"], "status": "completed", "content": [part_done["part"]]}
    assert item_done == item_done | {"output_index": 0, "item": whole}
    assert completed["response"]["output"] == [whole]


async def test_reasoning_is_an_item_of_its_own_before_the_message(events):
    found = await events(body("reasoning"))
    thought = item_of(*part_of(f"{SUMMARY}_part", f"{SUMMARY}_text", 8))
    message = item_of(*part_of("response.content_part", TEXT, 5))
    assert [name for name, _ in found] == [*BEGIN, *thought, *message, "response.completed", None]
    places = {
        data["item_id"]: data["output_index"] for _, data in found if "item_id" in (data or {})
    }
    assert sorted(places.values()) == [0, 1]
    added = [data["item"] for name, data in found if name == "response.output_item.added"]
    assert added[0] == {"type": "reasoning", "id": added[0]["id"], "summary": []}
    *_, (_, completed), _ = found
    (part,) = completed["response"]["output"][0]["summary"]
    assert part["text"].startswith("The user greets me.")


async def test_calls_are_items_of_their_own_after_the_text(events):
    found = await events(body("tools-after-text", tools=TOOLS))
    call = item_of(
        "response.function_call_arguments.delta", "response.function_call_arguments.done"
    )
    names = [name for name, _ in found]
    assert names[-6:] == [*call, "response.completed", None]
    added, delta, done, item_done, completed = [data for _, data in found[-6:-1]]
    assert added["item"] == {
        "type": "function_call",
        "id": added["item"]["id"],
        "status": "in_progress",
        "call_id": added["item"]["call_id"],
        "name": "get_rain_probability",
        "arguments": "",
    }
    place = {"item_id": added["item"]["id"], "output_index": 1}
    assert delta == delta | place | {"delta": '{"location":"Oslo"}'}
    assert done == done | place | {"name": "get_rain_probability", "arguments": delta["delta"]}
    whole = {**added["item"], "status": "completed", "arguments": delta["delta"]}
    assert item_done["item"] == whole
    assert completed["response"]["output"][1] == whole
    assert completed["response"]["output"][0]["content"][0]["text"] == "Let me look that up."


async def test_response_and_its_parts_have_one_id_each(events):
    found = await events(body("reasoning"))
    responses = [data["response"]["id"] for _, data in found if data and "response" in data]
    assert len(responses) == 3
    assert len(set(responses)) == 1
    *_, (_, completed), _ = found
    ids = [item["id"] for item in completed["response"]["output"]]
    assert [data["item_id"] for _, data in found if data and "delta" in data] == [
        *[ids[0]] * 8,
        *[ids[1]] * 5,
    ]


async def test_answer_without_text_is_begun_and_completed(events):
    found = await events(body("empty"))
    assert [name for name, _ in found] == [*BEGIN, "response.completed", None]


class TestSlowly:
    """The server in Coze's place says its text when the caller has been seen to wait."""

    @pytest.fixture
    def environment(self, raw_coze):
        return {"COZE_BASE_URL": raw_coze.base_url, "HEARTBEAT_SECONDS": "0.05"}

    async def test_sign_of_life_is_a_comment_while_there_is_no_chat(self, connect, raw_coze):
        exchange = await connect(body("7", stream=True), path="/v1/responses")
        call = await raw_coze.called()
        await call.start()
        await exchange.until(": still working\n\n")
        assert b"event:" not in exchange.seen
        await call.say(coze.answer("Hi"))
        await call.end()
        found = frames(await exchange.rest())
        assert [name for name, _ in found][:2] == BEGIN
        assert found[-1] == (None, None)

    async def test_sign_of_life_is_the_beginning_once_there_is_a_chat(self, connect, raw_coze):
        exchange = await connect(body("7", stream=True), path="/v1/responses")
        call = await raw_coze.called()
        await call.start(coze.CREATED)
        await exchange.until("response.in_progress")
        await exchange.until(": still working\n\n")
        await call.say(coze.delta("Hi"), coze.completed("Hi"), coze.END)
        await call.end()
        names = [name for name, _ in frames(await exchange.rest())]
        assert names.count("response.created") == 1
        assert names[-2:] == ["response.completed", None]

    async def test_items_of_one_message_have_ids_of_their_own(self, connect, raw_coze):
        exchange = await connect(body("7", stream=True), path="/v1/responses")
        call = await raw_coze.called()
        pieces = [
            coze.delta(text, reasoning_content=reasoning)
            for text, reasoning in (("", "Well"), ("One", ""), ("", "Hm"), ("Two", ""))
        ]
        await call.start(coze.CREATED, *pieces, coze.completed("OneTwo"), coze.END)
        await call.end()
        *between, (_, completed), _ = frames(await exchange.rest())
        items = completed["response"]["output"]
        assert [item["type"] for item in items] == ["reasoning", "message"] * 2
        ids = [item["id"] for item in items]
        assert len(set(ids)) == 4
        told = [data["item_id"] for _, data in between if "delta" in data]
        assert told == ids

    async def test_failure_after_signs_of_life_begins_and_ends_the_response(
        self, connect, raw_coze
    ):
        exchange = await connect(body("7", stream=True), path="/v1/responses")
        call = await raw_coze.called()
        await call.start()
        await exchange.until(": still working\n\n")
        call.close()
        found = frames(await exchange.rest())
        assert [name for name, _ in found] == [*BEGIN, "error", "response.failed"]
