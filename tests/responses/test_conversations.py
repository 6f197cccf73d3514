"""OpenAI's Conversations API through the stock SDK, over Coze's conversations."""

import asyncio
import json

import openai
import pytest

from cozeproxy.sandbox import Sandbox
from tests.responses.asking import says, text_of, to
from tests.service.asking import error_of, last_arrived
from tests.support.files import PNG, data_url

pytestmark = pytest.mark.gen_test(timeout=15)

CREATE = "/v1/conversation/create"
ADD = "/v1/conversation/message/create"
NOWHERE = "conv_7400000000000000000"


def said(item):
    """Who says an item, and what."""
    return item.role, "".join(part.text for part in item.content if hasattr(part, "text"))


async def all_said(strict, conversation, **query):
    """What is in a conversation, page by page."""
    query = {"order": "asc", **query}
    return [said(i) async for i in strict.conversations.items.list(conversation.id, **query)]


class TestLife:
    async def test_conversation_is_made_seen_renamed_and_deleted(self, strict, sandbox):
        made = await strict.conversations.create(metadata={"topic": "rain", "name": "first"})
        assert made.id.removeprefix("conv_") in sandbox.state.conversations
        assert made.object == "conversation"
        assert made.metadata == {"topic": "rain", "name": "first"}
        arrived = last_arrived(sandbox, CREATE).body
        assert arrived == {
            "bot_id": Sandbox.BOT_ID,
            "name": "first",
            "meta_data": {"topic": "rain"},
        }
        assert await strict.conversations.retrieve(made.id) == made
        renamed = await strict.conversations.update(made.id, metadata={"name": "second"})
        assert renamed.metadata == {"topic": "rain", "name": "second"}
        gone = await strict.conversations.delete(made.id)
        assert (gone.id, gone.deleted, gone.object) == (made.id, True, "conversation.deleted")
        with pytest.raises(openai.NotFoundError, match=f"Conversation with id '{made.id}' not"):
            await strict.conversations.retrieve(made.id)

    async def test_nothing_is_needed_to_make_one(self, strict, post):
        assert (await strict.conversations.create()).metadata == {}
        assert (await post("", "/v1/conversations")).code == 200

    @pytest.mark.parametrize(
        "metadata", [{}, None, {"topic": "x"}, {"name": "x", "topic": "y"}, {"name": "x" * 101}]
    )
    async def test_all_but_a_name_cannot_be_changed(self, strict, metadata):
        made = await strict.conversations.create(metadata={"topic": "rain"})
        with pytest.raises(openai.BadRequestError) as caught:
            await strict.conversations.update(made.id, metadata=metadata)
        assert caught.value.param == "metadata"
        assert (await strict.conversations.retrieve(made.id)) == made

    @pytest.mark.parametrize("named", ["header", "body"])
    async def test_bot_may_be_named(self, strict, sandbox, named):
        where = {"extra_headers": {"x-bot-id": "hello"}} if named == "header" else {}
        where = where or {"extra_body": {"x-bot-id": "hello"}}
        await strict.conversations.create(**where)
        assert last_arrived(sandbox, CREATE).body["bot_id"] == "hello"

    @pytest.mark.parametrize(
        ("body", "param"),
        [
            ({"metadata": {"k": ""}}, "metadata"),
            ({"metadata": {"k": 1}}, "metadata"),
            ({"metadata": {"name": "x" * 101}}, "metadata"),
            ({"items": [says("Hi")] * 21}, "items"),
            ({"items": 1}, "items"),
            ({"items": [says("")]}, "items[0]"),
            ({"items": [says("Hi"), {"type": "web_search_call", "id": "1"}]}, "items[1].type"),
            ({"items": [says([{"type": "video"}])]}, "items[0].content[0].type"),
            (
                {"items": [says([{"type": "input_image", "image_url": "https://x/y"}])]},
                "items",
            ),
            ({"items": [{"type": "reasoning", "id": "rs_1", "summary": []}]}, "items"),
        ],
    )
    async def test_conversation_that_cannot_be_made_is_a_400(self, post, sandbox, body, param):
        response = await post(body, "/v1/conversations")
        assert response.code == 400
        assert error_of(response)["param"] == param
        assert sandbox.requests == []


class TestItems:
    async def test_what_was_said_before_is_remembered(self, strict):
        items = [says("I am Ann."), says("Hello, Ann.", "assistant")]
        made = await strict.conversations.create(items=items)
        response = await strict.responses.create(**to("memory", "And?", conversation=made.id))
        assert text_of(response) == "You said: And? Before that: I am Ann. | Hello, Ann."
        assert response.conversation.id == made.id
        found = await all_said(strict, made)
        assert found == [
            ("user", "I am Ann."),
            ("assistant", "Hello, Ann."),
            ("user", "And?"),
            ("assistant", text_of(response)),
        ]

    async def test_output_has_the_id_of_its_item(self, strict):
        made = await strict.conversations.create()
        response = await strict.responses.create(**to("hello", conversation=made.id))
        (message,) = response.output
        item = await strict.conversations.items.retrieve(message.id, conversation_id=made.id)
        assert (item.id, said(item)) == (message.id, ("assistant", "Hello"))

    async def test_more_than_coze_takes_at_first_is_added(self, strict, sandbox):
        items = [says(str(number)) for number in range(20)]
        made = await strict.conversations.create(items=items)
        assert len(last_arrived(sandbox, CREATE).body["messages"]) == 16
        assert [r.path for r in sandbox.requests].count(ADD) == 4
        assert await all_said(strict, made) == [("user", str(number)) for number in range(20)]

    async def test_list_is_given_page_by_page_the_latest_first(self, strict):
        items = [says(str(number)) for number in range(5)]
        made = await strict.conversations.create(items=items)
        page = await strict.conversations.items.list(made.id, limit=2)
        assert [said(item)[1] for item in page.data] == ["4", "3"]
        assert (page.has_more, page.last_id) == (True, page.data[-1].id)
        assert [said(item)[1] async for item in page] == ["4", "3", "2", "1", "0"]
        assert await all_said(strict, made, limit=2) == [("user", str(n)) for n in range(5)]

    async def test_page_may_be_larger_than_cozes(self, strict, sandbox):
        made = await strict.conversations.create()
        conversation = sandbox.state.conversations[made.id.removeprefix("conv_")]
        for number in range(120):
            conversation.keep(
                {
                    "id": str(number + 1),
                    "role": "user",
                    "type": "question",
                    "content": str(number),
                    "content_type": "text",
                    "chat_id": "",
                }
            )
        page = await strict.conversations.items.list(made.id, order="asc", limit=100)
        assert [said(item)[1] for item in page.data] == [str(number) for number in range(100)]
        assert page.has_more
        assert len([item async for item in page]) == 120

    async def test_empty_list_has_texts_for_ids(self, strict):
        made = await strict.conversations.create()
        page = await strict.conversations.items.list(made.id)
        assert (page.data, page.has_more, page.last_id) == ([], False, "")

    async def test_items_are_added_seen_and_deleted(self, strict):
        made = await strict.conversations.create(items=[says("One")])
        added = await strict.conversations.items.create(
            made.id, items=[says("Two"), says("2", "assistant")]
        )
        assert [said(item) for item in added.data] == [("user", "Two"), ("assistant", "2")]
        assert (added.first_id, added.last_id) == (added.data[0].id, added.data[1].id)
        where = {"conversation_id": made.id}
        assert await strict.conversations.items.retrieve(added.last_id, **where) == added.data[1]
        assert await strict.conversations.items.delete(added.first_id, **where) == made
        assert await all_said(strict, made) == [("user", "One"), ("assistant", "2")]
        with pytest.raises(openai.NotFoundError, match="Item with id"):
            await strict.conversations.items.retrieve(added.first_id, **where)

    async def test_item_is_of_its_own_conversation_only(self, strict):
        one = await strict.conversations.create(items=[says("One")])
        (item,) = (await strict.conversations.items.list(one.id)).data
        two = await strict.conversations.create()
        for use in (strict.conversations.items.retrieve, strict.conversations.items.delete):
            with pytest.raises(openai.NotFoundError):
                await use(item.id, conversation_id=two.id)
        with pytest.raises(openai.BadRequestError) as caught:
            await strict.conversations.items.list(two.id, after=item.id)
        assert caught.value.param == "after"

    async def test_what_coze_has_no_kind_for_is_text(self, strict):
        items = [
            says("Be brief.", "system"),
            {"type": "function_call", "call_id": "call_1", "name": "f", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "call_1", "output": "wet"},
            {"type": "reasoning", "id": "rs_1", "summary": []},
        ]
        made = await strict.conversations.create(items=items)
        assert await all_said(strict, made) == [
            ("user", "Be brief."),
            ("assistant", "[Call of f] {}"),
            ("user", "[Result of f] wet"),
        ]

    async def test_files_are_uploaded_and_are_parts(self, strict, sandbox):
        text = {"type": "input_text", "text": "What is this?"}
        image = {"type": "input_image", "detail": "auto", "image_url": data_url(PNG)}
        made = await strict.conversations.create(items=[says([text, image])])
        (stored,) = sandbox.state.files
        (item,) = (await strict.conversations.items.list(made.id)).data
        assert [part.type for part in item.content] == ["input_text", "input_image"]
        assert item.content[1].file_id == stored


class TestHalf:
    """Items are added one by one, and one of them cannot be."""

    @pytest.fixture
    def environment(self, raw_coze):
        return {"COZE_BASE_URL": raw_coze.base_url}

    @pytest.mark.parametrize("before", [0, 1])
    async def test_it_is_sent_again_only_where_nothing_was_added(self, post, raw_coze, before):
        asked = {"items": [says("One"), says("Two")]}
        asking = asyncio.create_task(post(asked, "/v1/conversations/conv_7/items"))
        for _ in range(before):
            await (await raw_coze.called()).reply(code=0, data={"id": "1"}, msg="")
        call = await raw_coze.called()
        assert call.path == f"{ADD}?conversation_id=7"
        await call.reply(code=4013, msg="too many")
        response = await asking
        assert response.code == 429
        assert response.headers.get("x-should-retry") == ("false" if before else None)

    async def test_conversation_is_not_made_twice(self, post, raw_coze):
        asked = {"items": [says(str(number)) for number in range(17)]}
        asking = asyncio.create_task(post(asked, "/v1/conversations"))
        made = {"id": "7", "created_at": 1, "meta_data": {}, "last_section_id": "7"}
        await (await raw_coze.called()).reply(code=0, data=made, msg="")
        await (await raw_coze.called()).reply(code=4013, msg="too many")
        response = await asking
        assert response.code == 429
        assert response.headers["x-should-retry"] == "false"

    async def test_message_that_coze_refuses_is_no_missing_conversation(self, post, raw_coze):
        asking = asyncio.create_task(
            post({"items": [says("One")]}, "/v1/conversations/conv_7/items")
        )
        await (await raw_coze.called()).reply(code=4005, msg="invalid message content")
        response = await asking
        assert response.code == 400
        assert "invalid message content" in error_of(response)["message"]


class TestMissing:
    @pytest.mark.parametrize("id_", [NOWHERE, "conv_x", "x", "conv_"])
    async def test_conversation_that_is_not_there_is_a_404(self, strict, id_):
        uses = [
            strict.conversations.retrieve(id_),
            strict.conversations.update(id_, metadata={"name": "x"}),
            strict.conversations.delete(id_),
            strict.conversations.items.list(id_),
            strict.conversations.items.create(id_, items=[says("Hi")]),
            strict.conversations.items.retrieve("msg_1", conversation_id=id_),
            strict.get(f"/conversations/{id_}/history", cast_to=object),
        ]
        for use in uses:
            with pytest.raises(openai.NotFoundError) as caught:
                await use
            assert "not found" in caught.value.message

    async def test_no_items_are_a_400(self, strict):
        made = await strict.conversations.create()
        with pytest.raises(openai.BadRequestError) as caught:
            await strict.conversations.items.create(made.id, items=[])
        assert caught.value.param == "items"


class TestHistory:
    async def test_messages_are_those_of_chat_completions(self, strict, caller):
        text = {"type": "input_text", "text": "One"}
        image = {"type": "input_image", "detail": "auto", "image_url": "https://x.example/y.png"}
        made = await strict.conversations.create(items=[says([text, image])])
        first = await strict.responses.create(**to("hello", "Two", conversation=made.id))
        found = await strict.get(f"/conversations/{made.id}/history", cast_to=object)
        assert [(m["role"], m["content"]) for m in found["data"]] == [
            (
                "user",
                [
                    {"type": "text", "text": "One"},
                    {"type": "image_url", "image_url": {"url": "https://x.example/y.png"}},
                ],
            ),
            ("user", "Two"),
            ("assistant", text_of(first)),
        ]
        # They can be sent as they are.
        messages = [*found["data"], says("Three")]
        answer = await caller.chat.completions.create(model="bot-echo", messages=messages)
        assert answer.choices[0].message.content.startswith("You said: Three. (4 messages")

    async def test_history_is_given_page_by_page(self, strict):
        made = await strict.conversations.create(items=[says(str(n)) for n in range(3)])
        path = f"/conversations/{made.id}/history"
        page = await strict.get(f"{path}?limit=2", cast_to=object)
        assert [message["content"] for message in page["data"]] == ["0", "1"]
        rest = await strict.get(f"{path}?after={page['last_id']}", cast_to=object)
        assert [message["content"] for message in rest["data"]] == ["2"]
        assert (page["has_more"], rest["has_more"]) == (True, False)
        last = await strict.get(f"{path}?order=desc&limit=1", cast_to=object)
        assert [message["content"] for message in last["data"]] == ["2"]


class TestList:
    """The list of all, for the owner."""

    @pytest.fixture
    def environment(self):
        return {"PROXY_ADMIN_KEY": "sk-owner-1"}

    @pytest.fixture
    def listed(self, post):
        async def listed(query="", key="sk-owner-1"):
            headers = {"Authorization": f"Bearer {key}"}
            return await post(None, f"/v1/conversations{query}", "GET", **headers)

        return listed

    async def test_owner_sees_the_conversations_of_a_bot_page_by_page(self, strict, listed):
        made = [await strict.conversations.create() for _ in range(3)]
        await strict.conversations.create(extra_headers={"x-bot-id": "hello"})
        response = await strict.responses.create(model="gpt-4", input="Hi")
        ids = [conversation.id for conversation in made]
        ids.append("conv_" + response.model_extra["coze"]["conversation_id"])
        page = json.loads((await listed("?limit=3")).body)
        assert [each["id"] for each in page["data"]] == ids[:0:-1]
        assert (page["object"], page["has_more"]) == ("list", True)
        assert page["data"][1] == made[2].model_dump()
        rest = json.loads((await listed("?limit=3&page=2")).body)
        assert ([each["id"] for each in rest["data"]], rest["has_more"]) == ([ids[0]], False)
        first = json.loads((await listed("?order=asc&limit=1")).body)
        assert first["data"][0]["id"] == ids[0]
        other = json.loads((await listed("?bot_id=hello")).body)
        assert len(other["data"]) == 1

    @pytest.mark.parametrize("key", ["any-string", ""])
    async def test_nobody_else_does(self, listed, sandbox, key):
        response = await listed(key=key)
        assert response.code == 403
        assert error_of(response)["code"] == "permission_denied"
        assert sandbox.requests == []

    async def test_page_of_another_origin_cannot_read_it(self, post):
        headers = {"Origin": "https://a.example"}
        key = {"Authorization": "Bearer sk-owner-1"}
        shown = await post(None, "/v1/conversations", "GET", **headers, **key)
        assert "Access-Control-Allow-Origin" not in shown.headers
        made = await post({}, "/v1/conversations", **headers)
        assert made.headers["Access-Control-Allow-Origin"] == "*"

    @pytest.mark.parametrize(
        ("query", "param"),
        [
            ("?limit=51", "limit"),
            ("?page=0", "page"),
            ("?page=x", "page"),
            ("?order=x", "order"),
            ("?after=conv_1", "after"),
            ("?bot_id=a/b", "bot_id"),
        ],
    )
    async def test_query_that_cannot_be_is_a_400(self, listed, query, param):
        response = await listed(query)
        assert (response.code, error_of(response)["param"]) == (400, param)


class TestListWithoutABot:
    @pytest.fixture
    def environment(self):
        return {"TOKEN_ENDPOINTS": "loopback", "COZE_BOT_ID": ""}

    async def test_bot_has_to_be_named(self, post, sandbox):
        response = await post(None, "/v1/conversations", "GET")
        assert (response.code, error_of(response)["param"]) == (400, "bot_id")
        sandbox.state.new_conversation("", "hello")
        response = await post(None, "/v1/conversations?bot_id=hello", "GET")
        assert len(json.loads(response.body)["data"]) == 1


class TestOwnTokens:
    @pytest.fixture
    def environment(self):
        return {"COZE_TOKEN_PASSTHROUGH": "true", "COZE_API_KEY": ""}

    async def test_token_of_cozes_lists_what_it_can_see(self, post, sandbox):
        sandbox.state.new_conversation("", Sandbox.BOT_ID)
        headers = {"Authorization": f"Bearer {Sandbox.API_KEY}"}
        response = await post(None, "/v1/conversations", "GET", **headers)
        assert len(json.loads(response.body)["data"]) == 1
        assert (await post(None, "/v1/conversations", "GET", Authorization="x")).code == 401
