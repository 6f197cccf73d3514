"""What can go wrong, whose fault it is, and how the caller is told.

::

    ServiceError                      never raised itself
    ├── RequestError                  the caller's request is wrong: 4xx, no call to Coze was made
    ├── InternalError                 a bug of ours: 500, without internals
    ├── StoppingError                 the service stops: 503
    ├── OverloadedError               the service has too much to do: 503
    └── UpstreamError                 never raised itself
        ├── CozeError                 Coze answered with a code: COZE_ANSWERS says what it means
        ├── UpstreamStatusError       the upstream answered with an HTTP error and no such code
        ├── UpstreamUnreachableError  no connection could be made: 502
        ├── UpstreamTimeoutError      it took longer than it may: 504
        │   └── DeadlineError         ... where nothing can be sent before the end
        ├── UpstreamBrokenError       the answer broke off or makes no sense: 502
        │   └── StaleConnectionError  ... as there could be none on this connection
        └── UnansweredToolError       the bot waits for a tool that nobody is ready to run: 400

Others stand where they belong: ``TokenError``, an UpstreamError, beside the tokens that it is about
(``upstream.grant``), and the ways of being turned away at the door (``handlers.access``).
Anything else that escapes is a bug, and is told as an InternalError.
"""

from cozeproxy.errors.answers import (
    BAD_REQUEST,
    BAD_TOKEN,
    CLOSED,
    CONFLICT,
    CONTENT_FILTER,
    CONTEXT_TOO_LONG,
    COZE_ANSWERS,
    DAILY_LIMIT,
    FORBIDDEN,
    HINTS,
    INTERNAL,
    MEDIA_TYPE,
    MODEL_NOT_FOUND,
    NO_CREDIT,
    NOT_FOUND,
    NOT_PUBLISHED,
    OCCUPIED,
    OVERLOADED,
    RATE_LIMIT,
    STOPPING,
    TIMEOUT,
    TOO_LARGE,
    UNAVAILABLE,
    UPSTREAM,
    Answer,
    answer_for,
    answer_for_status,
)
from cozeproxy.errors.faults import (
    CozeError,
    DeadlineError,
    InternalError,
    OverloadedError,
    RequestError,
    ServiceError,
    StaleConnectionError,
    StoppingError,
    UnansweredToolError,
    UpstreamBrokenError,
    UpstreamError,
    UpstreamStatusError,
    UpstreamTimeoutError,
    UpstreamUnreachableError,
)

__all__ = [
    "BAD_REQUEST",
    "BAD_TOKEN",
    "CLOSED",
    "CONFLICT",
    "CONTENT_FILTER",
    "CONTEXT_TOO_LONG",
    "COZE_ANSWERS",
    "DAILY_LIMIT",
    "FORBIDDEN",
    "HINTS",
    "INTERNAL",
    "MEDIA_TYPE",
    "MODEL_NOT_FOUND",
    "NOT_FOUND",
    "NOT_PUBLISHED",
    "NO_CREDIT",
    "OCCUPIED",
    "OVERLOADED",
    "RATE_LIMIT",
    "STOPPING",
    "TIMEOUT",
    "TOO_LARGE",
    "UNAVAILABLE",
    "UPSTREAM",
    "Answer",
    "CozeError",
    "DeadlineError",
    "InternalError",
    "OverloadedError",
    "RequestError",
    "ServiceError",
    "StaleConnectionError",
    "StoppingError",
    "UnansweredToolError",
    "UpstreamBrokenError",
    "UpstreamError",
    "UpstreamStatusError",
    "UpstreamTimeoutError",
    "UpstreamUnreachableError",
    "answer_for",
    "answer_for_status",
]
