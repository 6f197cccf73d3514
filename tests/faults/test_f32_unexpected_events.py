"""F32: events that are new, out of order, repeated, late or missing. Each character comes once."""

import pytest

from tests.faults.answers import asked, fine, text
from tests.service.asking import objects
from tests.support import coze

pytestmark = [pytest.mark.gen_test(timeout=15), pytest.mark.usefixtures("engine")]

NEW = (
    coze.event("conversation.audio.delta", {"content": "AAAA"})
    + coze.event("conversation.message.revoked", {"id": "81"})
    + coze.event("conversation.chat.paused", {"id": "71"})
    + coze.event("ping", "")
    + b"event:\ndata:{}\n\n"
    + b": a comment\n\n"
    + b"retry: 10\n\n"
    + b"id: 5\n\n"
    + b"nonsense\n\n"
    + b"event:alone\n\n"
)
KINDS = ("function_call", "tool_response", "tool_output", "knowledge", "follow_up", "something")
OTHERS = b"".join(coze.message("completed", kind, "Not this.", "90") for kind in KINDS)
ANSWERS = {
    "new_events": (
        NEW + coze.CREATED + NEW + coze.delta("Fi") + NEW + coze.delta("ne") + NEW + coze.END + NEW,
        "Fine",
    ),
    "messages_of_other_kinds": (OTHERS + coze.answer("Fi", "ne") + OTHERS, "Fine"),
    "deltas_of_other_kinds": (
        coze.CREATED
        + b"".join(coze.message("delta", kind, "Not this.", "90") for kind in KINDS)
        + coze.delta("Fine")
        + coze.END,
        "Fine",
    ),
    "no_created": (coze.delta("Fine") + coze.END, "Fine"),
    "created_late": (coze.delta("Fine") + coze.CREATED + coze.END, "Fine"),
    "created_twice": (coze.CREATED + coze.CREATED + coze.delta("Fine") + coze.END, "Fine"),
    "completed_without_deltas": (coze.CREATED + coze.completed("Fine") + coze.END, "Fine"),
    "completed_twice": (coze.CREATED + coze.completed("Fine") * 2 + coze.END, "Fine"),
    "completed_repeats_deltas": (coze.answer("Fi", "ne"), "Fine"),
    "delta_after_completed": (
        coze.CREATED + coze.delta("Fi") + coze.completed("Fine") + coze.delta("ne") + coze.END,
        "Fine",
    ),
    "deltas_after_completed_alone": (
        coze.CREATED + coze.completed("Fine") + coze.delta("Fi") + coze.delta("ne") + coze.END,
        "Fine",
    ),
    "deltas_after_completed_that_was_empty": (
        coze.CREATED + coze.completed("") + coze.delta("Fi") + coze.delta("ne") + coze.END,
        "Fine",
    ),
    "two_answers": (
        coze.CREATED
        + coze.delta("One", "81")
        + coze.completed("One", "81")
        + coze.delta("Two", "82")
        + coze.completed("Two", "82")
        + coze.END,
        "One\n\nTwo",
    ),
    "two_answers_in_turns": (
        coze.CREATED
        + coze.delta("One", "81")
        + coze.delta("Two", "82")
        + coze.completed("One", "81")
        + coze.completed("Two", "82")
        + coze.END,
        "One\n\nTwo",
    ),
    "empty_deltas": (
        coze.CREATED + coze.delta("") * 3 + coze.delta("Fine") + coze.delta("") + coze.END,
        "Fine",
    ),
    "done_without_completed": (coze.CREATED + coze.delta("Fine") + coze.DONE, "Fine"),
    "done_without_anything": (coze.CREATED + coze.DONE, ""),
    "done_twice": (coze.CREATED + coze.delta("Fine") + coze.DONE * 2, "Fine"),
    "completed_chat_twice": (coze.CREATED + coze.delta("Fine") + coze.END * 2, "Fine"),
    "text_after_the_end": (
        coze.answer("Fine") + coze.delta("never") + coze.answer("never"),
        "Fine",
    ),
    "failure_after_the_end": (
        coze.answer("Fine") + coze.chat("failed", last_error={"code": 5000, "msg": "late"}),
        "Fine",
    ),
    "rubbish_after_the_end": (coze.answer("Fine") + b"\xff" * 100, "Fine"),
}


@pytest.mark.parametrize(("said", "spoken"), ANSWERS.values(), ids=ANSWERS.keys())
async def test_stream_has_each_character_once_and_one_end(dial, upstream, said, spoken):
    caller, call = await asked(dial, upstream)
    await call.answer(said)
    response = await caller.response()
    assert response.status == 200
    assert text(response.body) == spoken
    roles = [chunk["choices"][0]["delta"].get("role") for chunk in objects(response.body)]
    assert roles[0] == "assistant"
    assert roles.count("assistant") == 1
    await fine(dial, upstream)


@pytest.mark.parametrize(("said", "spoken"), ANSWERS.values(), ids=ANSWERS.keys())
async def test_whole_answer_has_each_character_once(dial, upstream, said, spoken):
    caller, call = await asked(dial, upstream, stream=False)
    await call.answer(said)
    (choice,) = (await caller.response()).json["choices"]
    assert choice["message"]["content"] == spoken
    assert choice["finish_reason"] == "stop"


async def test_end_that_never_comes_is_not_waited_for(dial, upstream):
    caller, call = await asked(dial, upstream)
    await call.start(coze.CREATED, coze.delta("Fine"), coze.FINISH_MARKER)
    assert text((await caller.response()).body) == "Fine"
    await call.end(coze.delta("never"), coze.END)
    await fine(dial, upstream)
    assert upstream.accepted == 1
