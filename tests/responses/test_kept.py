"""Responses that Coze keeps: given once more, with their input, cancelled and deleted."""

import openai
import pytest

from cozeproxy.sandbox import Sandbox
from tests.responses.asking import RAIN, calls_of, output, polled, says, text_of, to
from tests.support.files import PNG, data_url

pytestmark = pytest.mark.gen_test(timeout=15)

# What Coze does not keep of a response; see docs/responses.md.
FORGOTTEN = {
    *("max_output_tokens", "max_tool_calls", "parallel_tool_calls", "previous_response_id"),
    *("prompt_cache_key", "reasoning", "safety_identifier", "temperature", "tool_choice", "tools"),
    *("top_p", "truncation", "user", "presence_penalty", "frequency_penalty", "coze"),
}


# What the SDK's helper adds by itself.
PARSED = {"parsed", "parsed_arguments"}


def remembered(response):
    """What a response is, but for what is forgotten, and for whose clock has told its end."""
    left_out = FORGOTTEN | {"completed_at"}
    return {k: v for k, v in plain(response.model_dump()).items() if k not in left_out}


def plain(value):
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items() if k not in PARSED}
    return value


async def missing(awaitable):
    """The error of a request for what is not there."""
    with pytest.raises(openai.NotFoundError) as caught:
        await awaitable
    assert "not found" in caught.value.message
    return caught.value


async def items_of(strict, response, **query):
    """The items that a response was asked with: role and texts."""
    page = await strict.responses.input_items.list(response.id, order="asc", **query)
    return [(i.role, "".join(p.text for p in i.content)) for i in page.data]


class TestRetrieved:
    @pytest.mark.parametrize(
        "bot",
        [
            *("hello", "chinese", "reasoning", "two-answers", "completed-only", "plugin", "empty"),
            *("json-fenced", "tools", "tools-parallel", "tools-after-text", "question"),
        ],
    )
    async def test_response_is_what_it_was(self, ask, strict, bot):
        response = await ask(**to(bot, tools=[RAIN]))
        again = await strict.responses.retrieve(response.id)
        assert remembered(again) == remembered(response)
        assert again.completed_at == pytest.approx(response.completed_at, abs=2)
        ids = again.model_extra["coze"]
        assert ids["chat_id"] == response.model_extra["coze"]["chat_id"]

    async def test_fields_of_the_request_that_are_kept_come_back(self, ask, strict):
        asked = {"metadata": {"k": "v"}, "instructions": "Be brief.\nBe kind."}
        form = {"text": {"format": {"type": "json_object"}}}
        response = await ask(**to("json-fenced", "Hi", **asked, **form))
        again = await strict.responses.retrieve(response.id)
        assert (again.metadata, again.instructions) == tuple(asked.values())
        assert remembered(again) == remembered(response)
        assert text_of(again) == '{"city": "Oslo", "temperature": 21, "天气": "晴"}'

    async def test_text_is_cut_as_it_was(self, ask, strict):
        response = await ask(**to("hello", extra_body={"stop": ["lo"]}))
        assert text_of(await strict.responses.retrieve(response.id)) == "Hel"

    async def test_conversation_that_was_named_comes_back(self, ask, strict):
        first = await ask(**to("hello"))
        named = "conv_" + first.model_extra["coze"]["conversation_id"]
        second = await ask(**to("hello", conversation=named))
        assert (await strict.responses.retrieve(second.id)).conversation.id == named
        assert (await strict.responses.retrieve(first.id)).conversation is None

    async def test_turn_is_itself_whatever_follows(self, ask, strict):
        first = await ask(**to("echo", "One"))
        second = await ask(**to("echo", "Two", previous_response_id=first.id))
        fork = await ask(**to("echo", "Other", previous_response_id=first.id))
        for response in (first, second, fork):
            again = await strict.responses.retrieve(response.id)
            assert text_of(again) == text_of(response)
            assert remembered(again) == remembered(response)

    async def test_each_step_of_a_turn_with_tools_is_a_response(self, ask, strict):
        steps = [await ask(**to("tools-twice", "Rain?", tools=[RAIN]))]
        for _ in range(2):
            (call,) = calls_of(steps[-1])
            said = [output(call, "wet")]
            steps.append(await ask(**to("x", said, previous_response_id=steps[-1].id)))
        again = [await strict.responses.retrieve(step.id) for step in steps]
        assert [text_of(each) for each in again] == ["", "", "The tool said: wet"]
        assert [text_of(each) for each in again] == [text_of(each) for each in steps]
        # The tokens of all of them together are known at the end.
        assert [each.usage and each.usage.total_tokens for each in again] == [
            None,
            None,
            steps[-1].usage.total_tokens,
        ]
        # The ids of calls that were answered are forgotten; what they were stays.
        assert [[(call.name, call.arguments) for call in calls_of(each)] for each in again] == [
            [(call.name, call.arguments) for call in calls_of(each)] for each in steps
        ]
        page = await strict.responses.input_items.list(steps[1].id)
        (item,) = page.data
        (call,) = calls_of(again[0])
        assert (item.type, item.output, item.call_id) == (
            "function_call_output",
            "wet",
            call.call_id,
        )

    async def test_chatflows_turn_comes_back(self, ask, strict):
        headers = {"x-bot-id": Sandbox.BOT_ID}
        response = await ask(model="chatflow-echo", input="Hi", extra_headers=headers)
        again = await strict.responses.retrieve(response.id)
        assert text_of(again) == text_of(response)


class TestInputItems:
    async def test_messages_are_as_they_were_sent(self, ask, strict):
        items = [
            says("Be kind.", "developer"),
            says("One"),
            says("1", "assistant"),
            says([{"type": "input_text", "text": "Two"}]),
        ]
        response = await ask(**to("echo", items, instructions="Be brief."))
        assert await items_of(strict, response) == [
            ("system", "Be kind."),
            ("user", "One"),
            ("assistant", "1"),
            ("user", "Two"),
        ]

    async def test_demand_for_json_is_left_out(self, ask, strict):
        form = {"text": {"format": {"type": "json_object"}}}
        response = await ask(**to("json", "Weather?", instructions="Be brief.", **form))
        assert await items_of(strict, response) == [("user", "Weather?")]

    async def test_instructions_alone_are_no_item(self, ask, strict):
        items = [says("1", "assistant")]
        response = await ask(**to("hello", items, instructions="Be brief."))
        assert await items_of(strict, response) == [("assistant", "1")]
        assert (await strict.responses.retrieve(response.id)).instructions == "Be brief."

    async def test_answer_is_none_also_where_the_question_was_deleted(self, ask, strict):
        response = await ask(**to("hello", "One", instructions="Be brief."))
        (question,) = (await strict.responses.input_items.list(response.id)).data
        conversation = "conv_" + response.model_extra["coze"]["conversation_id"]
        await strict.conversations.items.delete(question.id, conversation_id=conversation)
        assert await items_of(strict, response) == []
        again = await strict.responses.retrieve(response.id)
        assert (text_of(again), again.instructions) == (text_of(response), None)

    async def test_turn_has_its_own_input_only(self, ask, strict):
        first = await ask(**to("hello", "One"))
        second = await ask(**to("hello", "Two", previous_response_id=first.id))
        fork = await ask(**to("hello", "Other", previous_response_id=first.id))
        found = [await items_of(strict, response) for response in (first, second, fork)]
        assert found == [[("user", "One")], [("user", "Two")], [("user", "Other")]]

    async def test_files_are_parts(self, ask, strict, sandbox):
        image = {"type": "input_image", "image_url": data_url(PNG)}
        address = {"type": "input_file", "file_url": "https://x.example/y.pdf"}
        text = {"type": "input_text", "text": "What is this?"}
        response = await ask(
            **to("hello", [says([text, image, address])], instructions="Be brief.")
        )
        (item,) = (await strict.responses.input_items.list(response.id)).data
        (stored,) = sandbox.state.files
        assert [part.type for part in item.content] == ["input_text", "input_image", "input_file"]
        assert item.content[0].text == "What is this?"
        assert item.content[1].file_id == stored
        assert item.content[2].file_url == "https://x.example/y.pdf"

    async def test_list_is_given_page_by_page_the_latest_first(self, ask, strict):
        response = await ask(**to("hello", [says(str(i)) for i in range(5)]))
        page = await strict.responses.input_items.list(response.id, limit=2)
        assert [item.content[0].text for item in page.data] == ["4", "3"]
        assert page.model_extra["first_id"] == page.data[0].id
        assert (page.last_id, page.has_more) == (page.data[1].id, True)
        assert [item.content[0].text async for item in page] == ["4", "3", "2", "1", "0"]
        found = await items_of(strict, response, after=page.data[1].id)
        assert [text for _, text in found] == ["4"]

    @pytest.mark.parametrize(
        ("query", "param"),
        [
            *(("limit=0", "limit"), ("limit=101", "limit"), ("limit=x", "limit")),
            *(("order=up", "order"), ("after=msg_1", "after")),
        ],
    )
    async def test_query_that_cannot_be_is_a_400(self, strict, query, param):
        response = await strict.responses.create(**to("hello"))
        with pytest.raises(openai.BadRequestError) as caught:
            await strict.get(f"/responses/{response.id}/input_items?{query}", cast_to=object)
        assert caught.value.param == param


class TestMissing:
    @pytest.fixture(params=["retrieve", "delete", "cancel", "input_items"])
    def use(self, request, strict):
        if request.param == "input_items":
            return strict.responses.input_items.list
        return getattr(strict.responses, request.param)

    async def test_response_that_was_not_kept_is_a_404(self, ask, use):
        response = await ask(**to("hello", store=False))
        assert response.id in (await missing(use(response.id))).message

    async def test_workflow_is_a_404_that_says_so(self, strict, use):
        response = await strict.responses.create(model="workflow-echo", input="Hi")
        assert "workflow is not kept" in (await missing(use(response.id))).message

    @pytest.mark.parametrize("id_", ["resp_1", "resp_e30"])
    async def test_id_that_was_not_given_out_is_a_404(self, use, id_):
        await missing(use(id_))

    async def test_conversation_that_is_gone_is_a_404(self, strict, sandbox, use):
        response = await strict.responses.create(**to("hello"))
        sandbox.state.conversations.clear()
        await missing(use(response.id))

    async def test_path_that_is_no_response_is_a_404(self, strict):
        for path in ("/responses/compact", "/responses/input_tokens"):
            with pytest.raises(openai.NotFoundError):
                await strict.post(path, cast_to=object, body={})

    async def test_events_are_not_given_again(self, strict):
        response = await strict.responses.create(**to("hello"))
        with pytest.raises(openai.BadRequestError) as caught:
            await strict.responses.retrieve(response.id, stream=True)
        assert caught.value.param == "stream"


class TestDeleted:
    async def test_response_alone_in_its_conversation_takes_that_along(self, ask, strict, sandbox):
        response = await ask(**to("hello"))
        await strict.responses.delete(response.id)
        assert not sandbox.state.conversations
        await missing(strict.responses.retrieve(response.id))
        await missing(strict.responses.delete(response.id))

    async def test_answer_has_openais_form(self, strict):
        response = await strict.responses.create(**to("hello"))
        answer = await strict.delete(f"/responses/{response.id}", cast_to=object)
        assert answer == {"id": response.id, "object": "response", "deleted": True}

    async def test_others_stay(self, ask, strict):
        first = await ask(**to("hello", "One"))
        second = await ask(**to("hello", "Two", previous_response_id=first.id))
        await strict.responses.delete(first.id)
        await missing(strict.responses.retrieve(first.id))
        with pytest.raises(openai.BadRequestError) as caught:
            await ask(**to("hello", previous_response_id=first.id))
        assert caught.value.code == "previous_response_not_found"
        third = await ask(**to("memory", "Three", previous_response_id=second.id))
        assert text_of(third) == "You said: Three Before that: Two | Hello"

    @pytest.mark.parametrize(
        "naming",
        [
            lambda id_: {"conversation": f"conv_{id_}"},
            lambda id_: {"extra_headers": {"x-conversation-id": id_}},
            lambda id_: {"coze": {"conversation_id": id_}},
        ],
        ids=["conversation", "header", "coze"],
    )
    async def test_conversation_that_was_named_stays(self, ask, strict, sandbox, naming):
        conversation = sandbox.state.new_conversation("")
        response = await ask(**to("hello", **naming(conversation.id)))
        await strict.responses.delete(response.id)
        assert conversation.messages == []
        assert conversation.id in sandbox.state.conversations
        await missing(strict.responses.retrieve(response.id))

    async def test_conversation_that_was_named_turns_ago_stays(self, ask, strict, sandbox):
        conversation = sandbox.state.new_conversation("")
        first = await ask(**to("hello", conversation=f"conv_{conversation.id}"))
        second = await ask(**to("tools", previous_response_id=first.id, tools=[RAIN]))
        (call,) = calls_of(second)
        third = await ask(**to("tools", [output(call, "wet")], previous_response_id=second.id))
        await strict.responses.delete(first.id)
        await strict.responses.delete(third.id)
        assert conversation.messages == []
        assert conversation.id in sandbox.state.conversations

    async def test_conversation_that_was_begun_turns_ago_goes_with_the_last(
        self, ask, strict, sandbox
    ):
        first = await ask(**to("hello", "One"))
        second = await ask(**to("hello", "Two", previous_response_id=first.id))
        fork = await ask(**to("hello", "Other", previous_response_id=first.id))
        for response in (first, second, fork):
            await strict.responses.delete(response.id)
        assert not sandbox.state.conversations

    async def test_end_of_a_failed_one_stays_with_its_conversation(self, ask, strict):
        first = await ask(**to("hello"))
        asked = to("failed", previous_response_id=first.id)
        begun = await strict.responses.create(**asked, background=True)
        failed = await polled(strict, begun)
        await strict.responses.delete(failed.id)
        assert (await strict.responses.retrieve(failed.id)).status == "failed"
        assert await items_of(strict, failed) == []
        await strict.responses.delete(first.id)
        await missing(strict.responses.retrieve(failed.id))


class TestCancelled:
    async def test_response_that_runs_is_cancelled(self, strict, sandbox):
        asked = {**to("gated", user="ann"), "background": True, "metadata": {"k": "v"}}
        response = await strict.responses.create(**asked)
        await sandbox.gates.reached("ann")
        cancelled = await strict.responses.cancel(response.id)
        assert (cancelled.id, cancelled.status) == (response.id, "cancelled")
        assert cancelled.metadata == {"k": "v"}
        assert (await strict.responses.retrieve(response.id)).status == "cancelled"

    async def test_stream_that_runs_is_cancelled_too(self, strict, sandbox):
        sandbox.gates.release("ann")
        stream = await strict.responses.create(**to("gated", user="ann"), stream=True)
        created = await anext(aiter(stream))
        await sandbox.gates.reached("ann")
        cancelled = await strict.responses.cancel(created.response.id)
        assert (cancelled.id, cancelled.status) == (created.response.id, "cancelled")
        await stream.close()

    async def test_response_that_has_ended_is_not(self, ask, strict):
        response = await ask(**to("hello"))
        with pytest.raises(openai.BadRequestError, match="still being made"):
            await strict.responses.cancel(response.id)
        assert (await strict.responses.retrieve(response.id)).status == "completed"


async def test_response_is_found_while_it_is_made(strict, sandbox):
    sandbox.gates.release("ann")
    stream = await strict.responses.create(**to("gated", user="ann"), stream=True)
    events = aiter(stream)
    created = await anext(events)
    response = await strict.responses.retrieve(created.response.id)
    assert (response.id, response.status) == (created.response.id, "in_progress")
    with pytest.raises(openai.BadRequestError, match="cannot be deleted"):
        await strict.responses.delete(response.id)
    sandbox.gates.release("ann", 2)
    last = [event async for event in events][-1]
    assert text_of(await strict.responses.retrieve(response.id)) == text_of(last.response)
