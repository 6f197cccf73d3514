"""Conversations and their messages through cozepy, and their memory."""

import pytest

from cozeproxy.sandbox.state import MOST_KEPT
from tests.sandbox.raw import call, deltas, stream
from tests.sandbox.sdk import cozepy, in_thread

pytestmark = pytest.mark.gen_test

QUESTION = cozepy.Message.build_user_question_text


async def test_sync_sdk_leads_a_conversation_through_its_life(coze):
    def life():
        made = coze.conversations.create(
            bot_id="echo", name="first", meta_data={"k": "v"}, messages=[QUESTION("Hi")]
        )
        assert made.last_section_id == made.id
        seen = coze.conversations.retrieve(conversation_id=made.id)
        assert (seen.name, seen.meta_data) == ("first", {"k": "v"})
        assert coze.conversations.update(conversation_id=made.id, name="new").name == "new"
        section = coze.conversations.clear(conversation_id=made.id)
        assert section.id != made.last_section_id
        assert section.conversation_id == made.id
        coze.conversations.delete(conversation_id=made.id)
        with pytest.raises(cozepy.CozeAPIError) as caught:
            coze.conversations.retrieve(conversation_id=made.id)
        assert caught.value.code == 4002

    await in_thread(life)


async def test_async_sdk_lists_the_conversations_of_a_bot_page_by_page(async_coze):
    made = [await async_coze.conversations.create(bot_id="echo") for _ in range(3)]
    await async_coze.conversations.create(bot_id="hello")
    paged = await async_coze.conversations.list(bot_id="echo", page_size=2)
    assert [found.id async for found in paged] == [found.id for found in reversed(made)]


async def test_sync_sdk_works_on_messages(coze):
    def work():
        conversation = coze.conversations.create()
        messages = coze.conversations.messages
        made = messages.create(
            conversation_id=conversation.id,
            role=cozepy.MessageRole.USER,
            content="Hi",
            content_type=cozepy.MessageContentType.TEXT,
            meta_data={"k": "v"},
        )
        where = {"conversation_id": conversation.id, "message_id": made.id}
        assert messages.retrieve(**where).content == "Hi"
        changed = messages.update(**where, content="Hello")
        assert (changed.content, changed.meta_data) == ("Hello", {"k": "v"})
        assert messages.delete(**where).id == made.id
        with pytest.raises(cozepy.CozeAPIError) as caught:
            messages.retrieve(**where)
        assert caught.value.code == 4005

    await in_thread(work)


async def test_async_sdk_lists_messages_page_by_page_the_latest_first(async_coze):
    conversation = await async_coze.conversations.create(
        messages=[QUESTION(f"message {number}") for number in range(5)]
    )
    paged = await async_coze.conversations.messages.list(conversation_id=conversation.id, limit=2)
    assert [message.content async for message in paged] == [
        f"message {number}" for number in (4, 3, 2, 1, 0)
    ]


async def test_message_list_says_where_to_go_on(sandbox):
    first = {"role": "user", "content_type": "text", "content": "Hi"}
    made = await call(sandbox, "POST", "/v1/conversation/create", {"messages": [first] * 5})
    path = f"/v1/conversation/message/list?conversation_id={made['data']['id']}"
    page = await call(sandbox, "POST", path, {"order": "asc", "limit": 2})
    assert page["has_more"] is True
    assert [page["first_id"], page["last_id"]] == [message["id"] for message in page["data"]]
    page = await call(
        sandbox, "POST", path, {"order": "asc", "limit": 50, "after_id": page["last_id"]}
    )
    assert (len(page["data"]), page["has_more"]) == (3, False)
    page = await call(
        sandbox, "POST", path, {"order": "asc", "limit": 1, "before_id": page["first_id"]}
    )
    assert (len(page["data"]), page["has_more"]) == (1, True)
    assert all(isinstance(message["updated_at"], str) for message in page["data"])


async def test_modified_message_comes_back_under_message(sandbox):
    body = {"role": "user", "content_type": "text", "content": "Hi"}
    made = await call(sandbox, "POST", "/v1/conversation/create", {"messages": [body]})
    listed = f"?conversation_id={made['data']['id']}"
    page = await call(sandbox, "POST", f"/v1/conversation/message/list{listed}", {})
    path = f"/v1/conversation/message/modify{listed}&message_id={page['first_id']}"
    answer = await call(sandbox, "POST", path, {"content": "Hello"})
    assert "data" not in answer
    assert answer["message"]["content"] == "Hello"


async def test_conversation_remembers_its_chats_but_not_their_steps(sandbox):
    made = await call(sandbox, "POST", "/v1/conversation/create", {})
    query = f"?conversation_id={made['data']['id']}"
    await stream(sandbox, "plugin", query)
    page = await call(sandbox, "POST", f"/v1/conversation/message/list{query}", {"order": "asc"})
    assert [(m["role"], m["type"], m["content"]) for m in page["data"]] == [
        ("user", "question", "Hello"),
        ("assistant", "answer", "It is sunny, 21C."),
    ]
    body = await stream(sandbox, "memory", query)
    assert deltas(body) == "You said: Hello Before that: Hello | It is sunny, 21C."


async def test_deleted_answer_takes_its_steps_along(coze):
    def work():
        chat = coze.chat.create_and_poll(
            bot_id="plugin",
            user_id="ann",
            additional_messages=[QUESTION("Weather?")],
        ).chat
        where = {"conversation_id": chat.conversation_id}
        listed = coze.chat.messages.list(**where, chat_id=chat.id)
        assert {message.type.value for message in listed} > {"answer", "function_call"}
        answer, question = coze.conversations.messages.list(**where, chat_id=chat.id).items
        coze.conversations.messages.delete(**where, message_id=answer.id)
        assert list(coze.chat.messages.list(**where, chat_id=chat.id)) == []
        left = coze.conversations.messages.list(**where, chat_id=chat.id).items
        assert [message.id for message in left] == [question.id]

    await in_thread(work)


async def test_cleared_conversation_remembers_nothing_but_keeps_its_messages(sandbox):
    made = await call(sandbox, "POST", "/v1/conversation/create", {})
    conversation_id = made["data"]["id"]
    query = f"?conversation_id={conversation_id}"
    await stream(sandbox, "echo", query)
    await call(sandbox, "POST", f"/v1/conversations/{conversation_id}/clear")
    assert deltas(await stream(sandbox, "echo", query)).endswith("0 remembered)")
    page = await call(sandbox, "POST", f"/v1/conversation/message/list{query}", {})
    assert len(page["data"]) == 4


async def test_chat_without_a_conversation_makes_one(sandbox):
    body = await stream(sandbox, "echo")
    conversation_id = body.split(b'"conversation_id":"')[1][:19].decode()
    answer = await call(
        sandbox, "GET", f"/v1/conversation/retrieve?conversation_id={conversation_id}"
    )
    assert answer["data"]["id"] == conversation_id


async def test_oldest_conversation_is_dropped_when_there_are_too_many(sandbox):
    oldest = sandbox.state.new_conversation("")
    for _ in range(MOST_KEPT):
        sandbox.state.new_conversation("")
    path = f"/v1/conversation/retrieve?conversation_id={oldest.id}"
    assert (await call(sandbox, "GET", path))["code"] == 4002
    assert len(sandbox.state.conversations) == MOST_KEPT


@pytest.mark.parametrize(
    ("method", "path", "body", "code"),
    [
        ("POST", "/v1/conversation/create", {"name": "n" * 101}, 4000),
        ("POST", "/v1/conversation/create", {"meta_data": {"k": "v" * 513}}, 4003),
        ("GET", "/v1/conversation/retrieve", None, 4000),
        ("GET", "/v1/conversations?bot_id=echo&page_num=x", None, 4000),
        ("GET", "/v1/conversations?bot_id=echo&page_num=0", None, 4000),
        ("PUT", "/v1/conversations/1", {"name": "n"}, 4002),
        ("DELETE", "/v1/conversations/1", None, 4002),
        ("POST", "/v1/conversations/1/clear", None, 4002),
        ("POST", "/v1/conversation/message/list?conversation_id=1", {}, 4002),
        ("POST", "/v1/conversation/message/create?conversation_id=1", {}, 4002),
    ],
)
async def test_conversation_endpoints_refuse(sandbox, method, path, body, code):
    assert (await call(sandbox, method, path, body))["code"] == code
