"""How faults are told to callers: one table from Coze's codes to OpenAI's errors."""

from collections.abc import Mapping
from typing import NamedTuple


class Answer(NamedTuple):
    """How a fault is told to the caller.

    ``resend`` says whether the same request could succeed a moment later. The OpenAI SDKs resend
    408, 409, 429 and 5xx by themselves unless ``x-should-retry: false`` stands beside them
    (openai-python 3.54, ``_base_client.py``).
    """

    status: int
    type: str
    code: str | None = None
    resend: bool = True


BAD_REQUEST = Answer(400, "invalid_request_error")
CONTEXT_TOO_LONG = Answer(400, "invalid_request_error", "context_length_exceeded")
CONTENT_FILTER = Answer(400, "invalid_request_error", "content_filter")
BAD_TOKEN = Answer(401, "invalid_request_error", "invalid_api_key")
FORBIDDEN = Answer(403, "invalid_request_error", "permission_denied")
NOT_PUBLISHED = Answer(403, "invalid_request_error", "model_not_available")
NOT_FOUND = Answer(404, "invalid_request_error", "not_found")
MODEL_NOT_FOUND = Answer(404, "invalid_request_error", "model_not_found")
CLOSED = Answer(408, "server_error", "session_closed", resend=False)
CONFLICT = Answer(409, "invalid_request_error", "conflict", resend=False)
OCCUPIED = Answer(409, "invalid_request_error", "conversation_occupied")
TOO_LARGE = Answer(413, "invalid_request_error", "file_too_large")
MEDIA_TYPE = Answer(415, "invalid_request_error", "unsupported_file_type")
RATE_LIMIT = Answer(429, "requests", "rate_limit_exceeded")
DAILY_LIMIT = Answer(429, "requests", "rate_limit_exceeded", resend=False)
NO_CREDIT = Answer(429, "insufficient_quota", "insufficient_quota", resend=False)
INTERNAL = Answer(500, "server_error")
OVERLOADED = Answer(503, "server_error", "server_overloaded")
UPSTREAM = Answer(502, "server_error", "upstream_error")
STOPPING = Answer(503, "server_error", "server_shutting_down")
UNAVAILABLE = Answer(503, "server_error", "upstream_unavailable")
TIMEOUT = Answer(504, "server_error", "upstream_timeout")

# The meanings are Coze's own (docs.coze.cn, error codes; chat-sdk of coze-js; types/errno of
# coze-studio). Coze publishes no HTTP statuses: those are chosen so that SDKs raise the class that
# fits and resend only what a resend can mend.
COZE_ANSWERS: Mapping[int, Answer] = {
    4000: BAD_REQUEST,
    4001: NOT_FOUND,  # chat
    4002: NOT_FOUND,  # conversation
    4003: BAD_REQUEST,  # meta_data over its limits
    4004: BAD_REQUEST,  # too many messages
    4005: BAD_REQUEST,  # message id or content
    4006: MODEL_NOT_FOUND,  # bot
    4007: BAD_REQUEST,  # stream=false without auto_save_history
    4008: DAILY_LIMIT,  # of this bot or user
    4009: RATE_LIMIT,  # system busy
    4010: CONTEXT_TOO_LONG,
    4011: NO_CREDIT,
    4012: BAD_REQUEST,  # the bot's model was taken offline
    4013: RATE_LIMIT,  # of the model; one page calls it a model error: both pass
    4014: CONTENT_FILTER,  # the bot cannot answer this
    4015: NOT_PUBLISHED,
    4016: OCCUPIED,
    4019: NO_CREDIT,
    4020: RATE_LIMIT,  # of the plan
    4021: BAD_REQUEST,  # chatflow without a workflow
    4022: NO_CREDIT,
    4027: NO_CREDIT,
    4028: NO_CREDIT,
    4029: CLOSED,  # realtime session, inactive
    4033: NO_CREDIT,  # shown to users together with 4027 and 4028; not documented
    4100: BAD_TOKEN,
    4101: FORBIDDEN,  # or a wrong token: see answer_for()
    4102: FORBIDDEN,  # risk control
    4104: CONFLICT,  # cannot be cancelled now
    4105: CONTENT_FILTER,
    4200: MODEL_NOT_FOUND,
    4201: CONFLICT,  # member exists
    4300: BAD_REQUEST,  # no file
    4301: BAD_REQUEST,  # more than one file
    4302: TOO_LARGE,
    4303: MEDIA_TYPE,
    4304: BAD_REQUEST,  # invalid file
    4314: NOT_FOUND,  # execution record
    4315: CONFLICT,  # execution has finished
    5000: UPSTREAM,
    6003: FORBIDDEN,  # asynchronous runs need a paid plan
    6006: TIMEOUT,  # code node
    6023: TIMEOUT,  # workflow
    6031: MODEL_NOT_FOUND,  # workflow not published
    6039: BAD_REQUEST,  # interrupt in a synchronous run
    103000000: BAD_REQUEST,  # 103...: coze-studio, conversations and agent runs
    103000001: FORBIDDEN,
    103000002: NOT_FOUND,
    103100001: UPSTREAM,
    103100002: MODEL_NOT_FOUND,
    103200002: UPSTREAM,
    103200003: NOT_FOUND,
    103200005: CONFLICT,
    104000000: BAD_REQUEST,  # 104...: coze-studio, uploads
    104000001: FORBIDDEN,
    104000002: TOO_LARGE,
    305000002: UPSTREAM,  # code node
    700012006: BAD_TOKEN,
    700012054: FORBIDDEN,
    702093204: BAD_REQUEST,
    708232001: BAD_REQUEST,  # knowledge
    708232003: FORBIDDEN,
    708230702: UPSTREAM,
    710005002: RATE_LIMIT,
    720702001: BAD_REQUEST,  # 7207...: workflows
    720702002: BAD_REQUEST,
    720702004: MODEL_NOT_FOUND,
    720702011: MODEL_NOT_FOUND,
    720702078: BAD_REQUEST,
    720702085: TIMEOUT,
    720702200: BAD_REQUEST,  # conversation nodes
    720702201: BAD_REQUEST,
    720702204: NOT_FOUND,  # named conversation
    720702250: BAD_REQUEST,
    720712014: BAD_REQUEST,
    720712023: UPSTREAM,
    720712033: BAD_REQUEST,
    720712049: BAD_REQUEST,
    777777776: TIMEOUT,  # node
    788788103: NO_CREDIT,
}

HINTS: Mapping[int, str] = {
    4000: "Where a file was sent: its extension and its content must agree.",
    4015: "Publish the bot to the API channel in Coze (Publish > API).",
    4100: "A token of coze.cn does not work on api.coze.com, nor the other way round.",
    4101: "Check the token's permissions, and that it belongs to the site of COZE_BASE_URL.",
    4200: "Check the id, that it is published, and that the token may use its space.",
    5000: "Coze also answers this way for a bot id that it does not know.",
    700012006: "A token of coze.cn does not work on api.coze.com, nor the other way round.",
}


def answer_for(code: int, msg: str) -> Answer:
    """What a code of Coze's means for the caller, also for a code that is in no table."""
    if code == 4101 and "incorrect" in msg.lower():
        # Coze says "The token you entered is incorrect" under the code for missing permission.
        return BAD_TOKEN
    known = COZE_ANSWERS.get(code)
    if known is not None:
        return known
    if 100 <= code < 600:
        return answer_for_status(code)  # coze-studio puts HTTP statuses there
    thousands = code // 1000
    # 4xxx is the request's fault, 6xxx the workflow's settings; 5xxx and the nine-digit codes of
    # Coze's inner services are Coze's.
    return BAD_REQUEST if thousands in (4, 6) else UPSTREAM


def answer_for_status(status: int) -> Answer:
    """What an HTTP error of the upstream means where no code of Coze's came with it."""
    by_status = {
        400: BAD_REQUEST,
        401: BAD_TOKEN,
        403: FORBIDDEN,
        404: NOT_FOUND,
        409: OCCUPIED,
        413: TOO_LARGE,
        429: RATE_LIMIT,
        503: UNAVAILABLE,
        504: TIMEOUT,
    }
    return by_status.get(status, UPSTREAM)
