"""Bots, workspaces and the user (docs.coze.cn: bots_list_draft_published, list_workspace, ...)."""

from typing import Any

from cozeproxy.sandbox import scenarios
from cozeproxy.sandbox.errors import CozeError, missing_resource
from cozeproxy.sandbox.handler import Handler
from cozeproxy.sandbox.scenarios.steps import Scenario

SPACE_ID = "7400000000000000003"
USER_ID = "7400000000000000009"
MODEL_ID = "7400000000000000008"
# When everything here was made.
MADE_AT = 1718289297
STATUSES = ("all", "published_online", "published_draft", "unpublished_draft")
# The bots that only exist as drafts.
DRAFTS = ("unpublished",)


class ListHandler(Handler):
    """GET /v1/bots."""

    def get(self) -> None:
        """List the bots of a workspace, by default those that are published."""
        self.authorize()
        _check_space(self.need("workspace_id"))
        status = self.query().get("publish_status", "published_online")
        if status not in STATUSES:
            raise CozeError(4000)
        listed = [] if status == "unpublished_draft" else scenarios.BOTS.published()
        drafts = [bot for bot in scenarios.BOTS if bot.name in DRAFTS]
        if status not in ("all", "unpublished_draft"):
            drafts = []
        items = [*(_item(bot) for bot in listed), *(_item(bot, draft=True) for bot in drafts)]
        self.succeed({"items": self.page(items)[0], "total": len(items)})


class OldListHandler(Handler):
    """GET /v1/space/published_bots_list: the same with other names."""

    def get(self) -> None:
        """List the published bots; the time is a string here."""
        self.authorize()
        _check_space(self.need("space_id"))
        bots = [
            {
                "bot_id": bot.name,
                "bot_name": bot.about.rstrip("."),
                "description": bot.about,
                "icon_url": "",
                "publish_time": str(MADE_AT),
            }
            for bot in scenarios.BOTS.published()
        ]
        self.succeed({"space_bots": self.page(bots)[0], "total": len(bots)})


class DetailHandler(Handler):
    """GET /v1/bots/<id>."""

    def get(self, bot_id: str) -> None:
        """Describe a bot."""
        self.authorize()
        self.succeed(_detail(bot_id))


class OnlineInfoHandler(Handler):
    """GET /v1/bot/get_online_info."""

    def get(self) -> None:
        """Describe a bot as it is published; of a draft there is nothing to describe."""
        self.authorize()
        bot_id = self.need("bot_id")
        if bot_id in DRAFTS:
            # The code is a chat's; that of this call is not documented.
            raise CozeError(4015)
        self.succeed(_detail(bot_id))


class WorkspacesHandler(Handler):
    """GET /v1/workspaces."""

    def get(self) -> None:
        """List the one workspace."""
        self.authorize()
        spaces = [
            {
                "id": SPACE_ID,
                "name": "Sandbox",
                "icon_url": "",
                "role_type": "owner",
                "workspace_type": "personal",
                "enterprise_id": "",
                "owner_uid": USER_ID,
                "admin_uids": [],
                "description": "The scenarios of the stand-in",
                "joined_status": "joined",
            }
        ]
        self.succeed({"workspaces": self.page(spaces)[0], "total_count": len(spaces)})


class UserHandler(Handler):
    """GET /v1/users/me."""

    def get(self) -> None:
        """Tell whose token it is."""
        self.authorize()
        self.succeed(
            {"user_id": USER_ID, "user_name": "sandbox", "nick_name": "Sandbox", "avatar_url": ""}
        )


def _check_space(space_id: str) -> None:
    if space_id != SPACE_ID:
        raise missing_resource("workspace_id", space_id)


def _item(bot: Scenario, *, draft: bool = False) -> dict[str, Any]:
    return {
        "id": bot.name,
        "name": bot.about.rstrip("."),
        "description": bot.about,
        "icon_url": "",
        "folder_id": "0",
        "is_published": not draft,
        "published_at": 0 if draft else MADE_AT,
        "updated_at": MADE_AT,
        "owner_user_id": USER_ID,
    }


def _detail(bot_id: str) -> dict[str, Any]:
    bot = scenarios.BOTS.find(bot_id)
    if bot is None:
        raise missing_resource("bot_id", bot_id)
    return {
        "bot_id": bot_id,
        "name": bot.about.rstrip("."),
        "description": bot.about,
        "icon_url": "",
        "create_time": MADE_AT,
        "update_time": MADE_AT,
        "version": str(MADE_AT * 1000),
        "bot_mode": 0,
        "prompt_info": {"prompt": ""},
        "onboarding_info": {"prologue": "Hello.", "suggested_questions": ["Who are you?"]},
        "plugin_info_list": [],
        "model_info": {"model_id": MODEL_ID, "model_name": "Sandbox", "temperature": 1.0},
        "knowledge": {"knowledge_infos": []},
        "variables": [],
        "workflow_info_list": [],
        "shortcut_commands": [],
        "suggest_reply_info": {"reply_mode": "disable", "customized_prompt": ""},
        "voice_info_list": [],
        "default_user_input_type": "text",
        "folder_id": "0",
        "owner_user_id": USER_ID,
    }
