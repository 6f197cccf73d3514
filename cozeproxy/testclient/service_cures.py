"""What to do where a service refuses or fails, by OpenAI's names for what went wrong."""

from cozeproxy.testclient.troubles import AskError

SITES = "A bot of coze.cn, and a token of it, are not known to coze.com, nor the other way round."
BOT = (
    "Publish the bot to the API channel in Coze, Agent As API. Then check the bot's id, and that"
    f" the token may use its workspace. {SITES}"
)
WORKFLOW = (
    "Publish the workflow in Coze, and check its id, and that the token may use its workspace."
    f" {SITES}"
)
LATER = "Try again later."
UPSTREAM = (
    "If Coze cannot be reached, check COZE_BASE_URL and the way out of the service's machine. Else"
    " try again later; Coze's support asks for the logid."
)

# What a service says that takes no requests, in other words, and what to do.
NOT_READY = {
    "starting": (
        "it has had no token of OAuth since its start",
        "Right after its start try again. Else see its log, and cozeproxy check --jwt.",
    ),
    "stopping": ("it is being stopped", "Start it anew, or ask another copy of it."),
}

# What the service itself says.
_OWN = {
    "invalid_api_key": "Give as --key one of the keys in the service's PROXY_API_KEYS.",
    "permission_denied": "Take another key, or let this one use it: ALLOWED_BOT_IDS, bot_ids.",
    "missing_bot_id": "Set COZE_BOT_ID for the service, or name a bot, as --bot-id of chat does.",
    "missing_workflow_id": (
        "Set COZE_WORKFLOW_ID for the service, or name a workflow, as --workflow-id of chat does."
    ),
    "model_not_found": "Take a name that /v1/models lists: UNKNOWN_MODEL is reject there.",
    "tool_output_required": (
        "The bot is well: it wants a tool that its caller must run, and this program runs none."
    ),
    "rate_limit_exceeded": LATER,
    "upstream_error": UPSTREAM,
    "upstream_timeout": LATER,
    "upstream_unavailable": LATER,
    "server_shutting_down": LATER,
}
# What Coze says, through the service.
_OF_COZE: dict[str | None, str] = {
    "invalid_api_key": (
        "Make a new token in Coze and set it as COZE_API_KEY, or mend OAuth with cozeproxy check"
        f" --jwt. {SITES} For coze.cn set COZE_BASE_URL=https://api.coze.cn."
    ),
    "permission_denied": (
        "Give the token the permissions in JWT-SETUP.md: chat for bots, run for workflows."
    ),
    "model_not_available": BOT,
    "model_not_found": BOT,
    "insufficient_quota": "Coze's account has nothing left: see to its plan or credit.",
    "rate_limit_exceeded": LATER,
    "upstream_error": UPSTREAM,
    "upstream_timeout": LATER,
    "upstream_unavailable": LATER,
    "content_filter": "Coze refuses to speak of this: see the bot's prompt and settings.",
}


# The same, where it was a workflow that was asked.
_OF_A_WORKFLOW: dict[str | None, str] = {
    "model_not_available": WORKFLOW,
    "model_not_found": WORKFLOW,
    None: (
        "Where the workflow takes other parameters than one text, try it with cozeproxy chat --type"
        " workflow --param NAME=VALUE."
    ),
}


def cure_for(error: AskError, *, workflow: bool = False) -> str:
    """Say what to do about a request that has failed; empty where it tells that itself."""
    if error.cure:
        return error.cure
    if not error.is_of_coze:
        return _OWN.get(error.code or "", "")
    table = {**_OF_COZE, **(_OF_A_WORKFLOW if workflow else {})}
    return table.get(error.code, "")
