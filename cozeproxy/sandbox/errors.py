"""What Coze says when it refuses.

The authoritative part of an error is ``code`` and ``msg`` in the body; HTTP 200 with a ``code``
other than 0 is the normal case, also where a stream was asked for.
"""

BAD_REQUEST = (
    "The field http body provided is not a valid json or chat request. Please check your input."
)
WRONG_CREDENTIAL = (
    "The token you entered is incorrect. Please check and try again. For more information, refer to"
    " https://coze.cn/docs/developer_guides/authentication"
)
SERVER_ISSUES = (
    "We're currently experiencing server issues. Please try your request again after a short delay."
    " If the problem persists, contact our support team."
)

# Texts that were seen on the wire, and for the rest the meaning that Coze's table of error codes
# gives (docs.coze.cn, coze_error_codes).
MESSAGES = {
    4000: BAD_REQUEST,
    4001: "The chat does not exist or you are not its owner.",
    4002: "The conversation does not exist or you are not its owner.",
    4003: "The number of metadata pairs or the length of one exceeds the limit.",
    4004: "The number of additional messages exceeds the limit.",
    4005: "The message id or its content is invalid.",
    4006: "The bot does not exist.",
    4007: "When stream is false, auto_save_history must be true.",
    4008: "The daily usage limit of this bot has been reached.",
    4009: "The system is busy. Please try again later.",
    4010: "The prompt is longer than the model allows.",
    4011: "Your Coze token balance is insufficient.",
    4012: "The model is invalid.",
    4013: "The model's request rate limit has been exceeded. Please try again later.",
    4014: "The bot cannot answer this question.",
    4015: "The bot_id provided has not been published to the channel Agent As API.",
    4016: "The conversation is occupied by another chat. Please try again after it has ended.",
    4019: "Your pay-as-you-go balance is insufficient.",
    4020: "The RPM limit of your plan has been exceeded.",
    4021: "The chatflow or workflow is not configured.",
    4022: "The model service is in arrears.",
    4027: "Your account is overdue.",
    4028: (
        "Your free quota has been used up. Please upgrade to a paid plan to continue:"
        " https://console.volcengine.com/coze-pro"
    ),
    4100: "authentication is invalid",
    4101: WRONG_CREDENTIAL,
    4104: "The chat cannot be canceled in its current status.",
    4200: "Requested resource does not exist. Ensure you are the correct resource identifier.",
    4300: "The file is empty.",
    4301: "Only one file can be uploaded at a time.",
    4302: "The file is too large.",
    4303: "The file type is not supported.",
    4304: "The file is invalid.",
    4314: "The execution record does not exist.",
    4315: "The execution has already finished.",
    5000: SERVER_ISSUES,
    6003: "Asynchronous runs need a paid plan.",
    700012006: "access token invalid",
    720702011: "The workflow has not been published.",
}


class CozeError(Exception):
    """A refusal: raised wherever it is found, written by the base handler as Coze writes it.

    Attributes:
        code: Coze's error code, never 0.
        message: Its text, as ``msg``.
        status: The HTTP status that goes with it.
        headers: Further response headers.
    """

    def __init__(
        self,
        code: int,
        message: str | None = None,
        *,
        status: int = 200,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message or MESSAGES.get(code, "Unknown error.")
        self.status = status
        self.headers = headers or {}

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"


def missing_resource(kind: str, identifier: str) -> CozeError:
    """Return 4200 in the words it was seen in, e.g. ``missing_resource("bot_id", "1")``."""
    return CozeError(
        4200,
        f"Requested resource {kind}={identifier} does not exist."
        " Ensure you are the correct resource identifier.",
    )
