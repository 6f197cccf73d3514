"""What settings must not say together: open doors that nobody means, names that lead nowhere."""

from collections.abc import Collection

from cozeproxy.settings.errors import CombinationError
from cozeproxy.settings.keys import digest_of
from cozeproxy.settings.table import Settings


def check_doors(settings: Settings) -> None:
    """Make sure that the service is not open by mistake.

    Raises:
        CombinationError: variables contradict each other, or production has an open door.
    """
    keys = [*settings.proxy_api_keys, *settings.proxy_keys_file]
    if len({key.digest for key in keys}) < len(keys):
        raise CombinationError(
            "a key stands twice in PROXY_API_KEYS and PROXY_KEYS_FILE, so that it is open what"
            " it may use"
        )
    admin = settings.proxy_admin_key
    if admin and digest_of(admin.reveal()) in {key.digest for key in keys}:
        raise CombinationError(
            "PROXY_ADMIN_KEY is a key of callers' too, who would see what only the owner may"
        )
    _check_metrics_door(settings, {key.digest for key in keys})
    _check_sessions(settings)
    if settings.coze_token_passthrough and keys:
        raise CombinationError(
            "COZE_TOKEN_PASSTHROUGH takes the caller's key for a token of Coze, so there can be"
            " no PROXY_API_KEYS and no PROXY_KEYS_FILE"
        )
    if settings.app_env != "production":
        return
    if settings.token_endpoints != "shut":  # noqa: S105 - it is no password
        raise CombinationError(
            "TOKEN_ENDPOINTS=loopback is for a machine of your own, not for APP_ENV=production:"
            " behind a reverse proxy everybody would look like loopback"
        )
    if not (keys or settings.coze_token_passthrough or settings.allow_anonymous):
        raise CombinationError(
            "With APP_ENV=production set PROXY_API_KEYS, or ALLOW_ANONYMOUS=true to let"
            " everybody in who reaches the service"
        )


def _check_metrics_door(settings: Settings, callers: Collection[bytes]) -> None:
    key, admin = settings.metrics_key, settings.proxy_admin_key
    if key and (key == admin or digest_of(key.reveal()) in callers):
        raise CombinationError(
            "METRICS_KEY is PROXY_ADMIN_KEY or a key of callers' too, so that whoever reads the"
            " metrics could do more"
        )
    if key and settings.metrics_public:
        raise CombinationError(
            "METRICS_PUBLIC=true lets everybody see /metrics, so METRICS_KEY would keep nobody out"
        )


def _check_sessions(settings: Settings) -> None:
    with_oauth = settings.coze_jwt_app_id and not settings.coze_token_passthrough
    # Without credentials there is only the stand-in, which mixes nobody's memory with anybody's.
    if settings.coze_jwt_session_per_user and settings.has_credentials and not with_oauth:
        raise CombinationError(
            "COZE_JWT_SESSION_PER_USER=true needs OAuth (COZE_JWT_*), as nothing else has sessions:"
            " users would not be parted"
        )


def check_models(settings: Settings) -> None:
    """Make sure that each name of the map leads somewhere.

    Raises:
        CombinationError: an entry lacks an id, and there is no default for it.
    """
    for name, entry in (settings.model_map or {}).items():
        bot = entry.get("bot_id") or settings.coze_bot_id
        missing = []
        if entry["type"] in ("chat", "conversation"):
            missing += [] if bot else ["bot_id, or COZE_BOT_ID"]
        else:
            workflow = entry.get("workflow_id") or settings.coze_workflow_id
            missing += [] if workflow else ["workflow_id, or COZE_WORKFLOW_ID"]
            if entry["type"] == "chatflow" and not (bot or entry.get("app_id")):
                missing.append("bot_id or app_id, or COZE_BOT_ID")
        if missing:
            raise CombinationError(f"MODEL_MAP: the entry {name!r} needs {' and '.join(missing)}")
