"""Where requests go: kind and ids, each from the first place that names it."""

import pytest

from cozeproxy.errors import RequestError
from cozeproxy.protocol.routing import Defaults, Target, route
from tests.support.requests import request, says

MAP = {
    "gpt-4o": Target("chat", bot_id="11"),
    "report": Target("workflow", workflow_id="22", parameters={"tone": "dry"}),
    "talk": Target("conversation", bot_id="12"),
    "flow": Target("chatflow", workflow_id="23", app_id="33"),
}
DEFAULTS = Defaults(bot_id="1", workflow_id="2", models=MAP)


def routed(model="gpt-4", headers=None, defaults=DEFAULTS, **fields):
    asked = request(says("user", "Hi"), **{"model": model, **fields})
    return route(asked, headers or {}, defaults)


def places(found):
    return found.kind, found.bot_id, found.workflow_id, found.conversation_id


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        # The first place wins, for each key by itself.
        ({}, ("chat", "1", None, None)),
        ({"model": "bot-5"}, ("chat", "5", None, None)),
        ({"model": "bot-5", "x-bot-id": "6"}, ("chat", "6", None, None)),
        ({"model": "bot-5", "extra_headers": {"x-bot-id": "6"}}, ("chat", "6", None, None)),
        ({"x-bot-id": "6", "extra_headers": {"x-bot-id": "9"}}, ("chat", "6", None, None)),
        ({"headers": {"x-bot-id": "7"}, "x-bot-id": "6"}, ("chat", "7", None, None)),
        ({"extra_headers": {"X-Bot-Id": "6", "other": 1}}, ("chat", "6", None, None)),
        (
            {"headers": {"x-model-type": "conversation"}, "x-model-type": "workflow"},
            ("conversation", "1", None, None),
        ),
        # Model names.
        ({"model": "conversation-5"}, ("conversation", "5", None, None)),
        ({"model": "workflow-5"}, ("workflow", None, "5", None)),
        ({"model": "chatflow-5"}, ("chatflow", "1", "5", None)),
        ({"model": "bot-"}, ("chat", "1", None, None)),
        ({"model": "robot-5"}, ("chat", "1", None, None)),
        ({"model": "gpt-4o"}, ("chat", "11", None, None)),
        ({"model": "report"}, ("workflow", None, "22", None)),
        ({"model": "talk"}, ("conversation", "12", None, None)),
        ({"model": "flow"}, ("chatflow", None, "23", None)),
        ({"model": "gpt-4o", "headers": {"x-bot-id": "7"}}, ("chat", "7", None, None)),
        # An id tells the kind where nothing else does.
        ({"headers": {"x-conversation-id": "8"}}, ("conversation", "1", None, "8")),
        ({"coze": {"conversation_id": "8"}}, ("conversation", "1", None, "8")),
        ({"model": "bot-5", "x-conversation-id": "8"}, ("conversation", "5", None, "8")),
        ({"headers": {"x-workflow-id": "3"}}, ("workflow", None, "3", None)),
        (
            {"headers": {"x-workflow-id": "3", "x-conversation-id": "8"}},
            ("workflow", None, "3", "8"),
        ),
        (
            {"headers": {"x-model-type": "chat", "x-conversation-id": "8"}},
            ("chat", "1", None, "8"),
        ),
        ({"model": "gpt-4o", "x-conversation-id": "8"}, ("chat", "11", None, "8")),
        # A workflow has the bot that is named, never the default one.
        (
            {"headers": {"x-workflow-id": "3", "x-bot-id": "7"}},
            ("workflow", "7", "3", None),
        ),
        ({"headers": {"x-model-type": "workflow"}}, ("workflow", None, "2", None)),
        ({"headers": {"x-model-type": "chatflow"}}, ("chatflow", "1", "2", None)),
        (
            {"headers": {"x-model-type": "chatflow"}, "coze": {"app_id": "4"}},
            ("chatflow", None, "2", None),
        ),
        (
            {"headers": {"x-model-type": "chatflow", "x-bot-id": "7"}, "coze": {"app_id": "4"}},
            ("chatflow", None, "2", None),
        ),
        # OpenAI's spelling of a conversation.
        ({"x-conversation-id": "conv_74"}, ("conversation", "1", None, "74")),
        ({"x-conversation-id": "conv_abc"}, ("conversation", "1", None, "conv_abc")),
    ],
)
def test_request_goes_where_its_first_place_says(asked, expected):
    assert places(routed(**asked)) == expected


@pytest.mark.parametrize("kind", ["chat", "conversation", "workflow", "chatflow"])
def test_default_kind_is_taken_where_nothing_names_one(kind):
    defaults = DEFAULTS._replace(kind=kind)
    assert routed(defaults=defaults).kind == kind
    # A bot is asked as a bot, whatever the default.
    bot = "conversation" if kind == "conversation" else "chat"
    assert places(routed("bot-5", defaults=defaults))[:2] == (bot, "5")
    # A conversation goes on where it may have begun.
    turn = "chatflow" if kind == "chatflow" else "conversation"
    assert routed("gpt-4", {"x-conversation-id": "8"}, defaults=defaults).kind == turn


@pytest.mark.parametrize(
    ("asked", "bot", "app"),
    [
        ({"model": "flow"}, None, "33"),
        ({"model": "flow", "headers": {"x-bot-id": "9"}}, "9", None),
        ({"model": "flow", "coze": {"app_id": "4"}}, None, "4"),
        ({"model": "botflow"}, "12", None),
        ({"model": "botflow", "coze": {"app_id": "4"}}, None, "4"),
        ({"model": "appwork", "headers": {"x-bot-id": "9"}}, "9", None),
        ({"model": "botwork", "coze": {"app_id": "4"}}, None, "4"),
    ],
)
def test_bot_or_app_of_the_request_takes_the_place_of_the_maps(asked, bot, app):
    models = {
        **MAP,
        "botflow": Target("chatflow", bot_id="12", workflow_id="23"),
        "appwork": Target("workflow", workflow_id="22", app_id="33"),
        "botwork": Target("workflow", workflow_id="22", bot_id="12"),
    }
    found = routed(**asked, defaults=DEFAULTS._replace(models=models))
    assert (found.bot_id, found.app_id) == (bot, app)


def test_parameters_and_app_of_the_map_are_kept():
    assert routed("report").parameters == {"tone": "dry"}
    assert routed("flow").app_id == "33"


@pytest.mark.parametrize(
    ("asked", "code", "text"),
    [
        (
            {"headers": {"x-model-type": "magic"}},
            "invalid_model_type",
            "chat, conversation, workflow, chatflow",
        ),
        ({"x-model-type": "CHAT"}, "invalid_model_type", "chat, conversation"),
        ({"defaults": Defaults()}, "missing_bot_id", "Bot ID is required for chat completion"),
        (
            {"defaults": Defaults(), "headers": {"x-model-type": "conversation"}},
            "missing_bot_id",
            "Bot ID is required for chat completion",
        ),
        (
            {"defaults": Defaults(), "headers": {"x-model-type": "workflow"}},
            "missing_workflow_id",
            "Workflow ID is required for workflow completion",
        ),
        ({"defaults": Defaults(), "model": "chatflow-5"}, "missing_bot_id", "coze.app_id"),
    ],
)
def test_what_is_missing_or_unknown_is_named(asked, code, text):
    with pytest.raises(RequestError) as caught:
        routed(**asked)
    assert caught.value.answer[:3] == (400, "invalid_request_error", code)
    assert text in str(caught.value)


@pytest.mark.parametrize("bad", ["../v1", "a b", "1\r\nX: y", "x" * 65, "机器人", "1?a=b"])
@pytest.mark.parametrize("key", ["x-bot-id", "x-workflow-id", "x-conversation-id"])
def test_id_that_cannot_be_one_is_refused_without_repeating_it(key, bad):
    with pytest.raises(RequestError) as caught:
        routed(headers={key: bad})
    assert caught.value.param == key
    assert caught.value.answer.status == 400
    assert bad not in str(caught.value)


@pytest.mark.parametrize("model", ["bot-../x", "workflow-a b"])
def test_id_in_a_model_name_is_checked_too(model):
    with pytest.raises(RequestError) as caught:
        routed(model)
    assert caught.value.param == "model"


def test_extra_header_that_is_no_string_is_refused():
    with pytest.raises(RequestError) as caught:
        routed(extra_headers={"x-bot-id": 5})
    assert caught.value.param == "extra_headers.x-bot-id"


def test_unknown_model_is_refused_only_where_that_is_set():
    strict = DEFAULTS._replace(reject_unknown=True, known=("gpt-4",))
    assert routed("unheard-of").kind == "chat"
    with pytest.raises(RequestError) as caught:
        routed("unheard-of", defaults=strict)
    assert caught.value.answer[:3] == (404, "invalid_request_error", "model_not_found")
    for model in ("gpt-4", "gpt-4o", "bot-5"):
        assert routed(model, defaults=strict).kind == "chat"
    assert routed("unheard-of", {"x-bot-id": "5"}, defaults=strict).bot_id == "5"
