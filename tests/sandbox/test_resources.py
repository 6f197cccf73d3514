"""Files, bots, workspaces and the user, through cozepy."""

import pytest

from cozeproxy.sandbox import Sandbox
from tests.sandbox.raw import call
from tests.sandbox.sdk import cozepy, in_thread, text_of

pytestmark = pytest.mark.gen_test

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 100


async def test_sync_sdk_uploads_a_file_and_sends_it(coze):
    uploaded = await in_thread(lambda: coze.files.upload(file=("cat.png", PNG)))
    assert (uploaded.file_name, uploaded.bytes) == ("cat.png", 108)
    seen = await in_thread(lambda: coze.files.retrieve(file_id=uploaded.id))
    assert seen.id == uploaded.id
    message = cozepy.Message.build_user_question_objects(
        [
            cozepy.MessageObjectString.build_text("What is this?"),
            cozepy.MessageObjectString.build_image(file_id=uploaded.id),
        ]
    )
    events = await in_thread(
        lambda: list(
            coze.chat.stream(bot_id=Sandbox.BOT_ID, user_id="u", additional_messages=[message])
        )
    )
    assert text_of(events).startswith(f"You said: What is this? [image {uploaded.id}]")


async def test_async_sdk_uploads_a_file(async_coze):
    uploaded = await async_coze.files.upload(file=("notes.txt", b"text"))
    assert (await async_coze.files.retrieve(file_id=uploaded.id)).file_name == "notes.txt"
    with pytest.raises(cozepy.CozeAPIError) as caught:
        await async_coze.files.retrieve(file_id="1")
    assert caught.value.code == 4304


@pytest.mark.parametrize("version", [1, 2])
async def test_both_lists_of_bots_are_read_page_by_page(coze, version):
    listed = await in_thread(
        lambda: list(
            coze.bots.list(space_id=Sandbox.SPACE_ID, page_size=2, use_api_version=version)
        )
    )
    ids = [bot.id for bot in listed]
    assert ids[0] == Sandbox.BOT_ID
    assert {"plugin", "tools"} < set(ids)
    assert len(set(ids)) == len(ids)


async def test_drafts_are_listed_only_where_they_are_asked_for(async_coze):
    async def listed(status):
        paged = await async_coze.bots.list(
            space_id=Sandbox.SPACE_ID, publish_status=status, use_api_version=2
        )
        return {bot.id: bot.is_published async for bot in paged}

    published = await listed(cozepy.PublishStatus.PUBLISHED_ONLINE)
    assert all(published.values())
    assert await listed(cozepy.PublishStatus.UNPUBLISHED_DRAFT) == {"unpublished": False}
    everything = await listed(cozepy.PublishStatus.ALL)
    assert everything == {**published, "unpublished": False}


async def test_bot_lists_are_paged_by_either_name(sandbox):
    path = f"/v1/bots?workspace_id={Sandbox.SPACE_ID}&page_size=1"
    by_num = await call(sandbox, "GET", f"{path}&page_num=2")
    by_index = await call(sandbox, "GET", f"{path}&page_index=2")
    assert by_num["data"] == by_index["data"]
    assert by_num["data"]["items"][0]["id"] != Sandbox.BOT_ID


@pytest.mark.parametrize("version", [1, 2])
async def test_bot_is_described_by_both_endpoints(coze, version):
    bot = await in_thread(
        lambda: coze.bots.retrieve(bot_id=Sandbox.BOT_ID, use_api_version=version)
    )
    assert bot.bot_id == Sandbox.BOT_ID
    assert bot.bot_mode == 0
    with pytest.raises(cozepy.CozeAPIError) as caught:
        await in_thread(lambda: coze.bots.retrieve(bot_id="none", use_api_version=version))
    assert caught.value.code == 4200


async def test_workspaces_and_user_are_read_by_both_sdks(coze, async_coze):
    listed = await in_thread(lambda: list(coze.workspaces.list()))
    assert [space.id for space in listed] == [Sandbox.SPACE_ID]
    paged = await async_coze.workspaces.list()
    assert [space.id async for space in paged] == [Sandbox.SPACE_ID]
    assert (await async_coze.users.me()).user_name == "sandbox"


async def test_bots_of_another_workspace_are_not_found(sandbox):
    assert (await call(sandbox, "GET", "/v1/bots?workspace_id=1"))["code"] == 4200
