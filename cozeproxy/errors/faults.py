"""What can go wrong. The tree stands in the package's own description."""

from typing import Self

from cozeproxy.errors.answers import (
    HINTS,
    INTERNAL,
    OVERLOADED,
    STOPPING,
    TIMEOUT,
    UPSTREAM,
    Answer,
    answer_for,
    answer_for_status,
)


class ServiceError(Exception):
    """Everything that is told to the caller as an OpenAI error. Never raised itself."""

    answer = INTERNAL
    # The place in the request that is wrong, as `messages[0].content`.
    param: str | None = None
    # Seconds or a date, as the upstream's Retry-After header gave it.
    retry_after: str | None = None
    # Whether Coze had accepted the chat already, so that a resend would be a second one.
    accepted: bool = False
    # Whether Coze may have done what it was asked for, which nobody can tell.
    is_unsure: bool = False

    @property
    def should_retry(self) -> bool | None:
        """False where a resend cannot help or would repeat the chat, else None: SDKs decide."""
        return False if self.accepted or not self.answer.resend else None


class RequestError(ServiceError):
    """The caller's request cannot be served, and sending it again will not help."""

    def __init__(
        self, message: str, *, param: str | None = None, code: str | None = None, status: int = 400
    ) -> None:
        super().__init__(message)
        self.param = param
        self.answer = Answer(status, "invalid_request_error", code, resend=False)

    @classmethod
    def invalid(cls, param: str, reason: str) -> Self:
        """The error for a value that cannot be; ``param`` is its place."""
        return cls(f"Invalid '{param}': {reason}.", param=param, code="invalid_value")

    @classmethod
    def missing(cls, param: str) -> Self:
        """The error for something that must be there; ``param`` is its place."""
        text = f"Missing required parameter: '{param}'."
        return cls(text, param=param, code="missing_required_parameter")


class InternalError(ServiceError):
    """A bug of ours. What happened is in the log and not in the message."""

    def __init__(self) -> None:
        super().__init__("The service failed to answer this request.")


class StoppingError(ServiceError):
    """The service stops, and ends what it was doing."""

    answer = STOPPING

    def __init__(self) -> None:
        super().__init__("The service is shutting down.")


class OverloadedError(ServiceError):
    """The service has as much to do as it may have."""

    answer = OVERLOADED
    retry_after = "1"

    def __init__(self, message: str = "The service has too many requests open.") -> None:
        super().__init__(message)


class UpstreamError(ServiceError):
    """Coze, or the way to it, failed. Never raised itself.

    Attributes:
        fault: what failed, in a word, for counting.
    """

    answer = UPSTREAM
    fault = "other"


class CozeError(UpstreamError):
    """Coze refused or failed, and said so with a code.

    Attributes:
        code: Coze's number, None where it sent something that is none.
        msg: Coze's text.
        logid: what Coze's support asks for.
    """

    def __init__(self, code: int | None, msg: str, logid: str | None = None) -> None:
        super().__init__(code, msg, logid)
        self.code = code
        self.msg = msg
        self.logid = logid
        self.answer = UPSTREAM if code is None else answer_for(code, msg)

    def hide(self, secret: str) -> None:
        """Take a secret out of Coze's text: some servers quote what they were sent."""
        self.msg = self.msg.replace(secret, "***")
        self.args = (self.code, self.msg, self.logid)

    def __str__(self) -> str:
        marks = [f"code {self.code}"] if self.code is not None else []
        if self.logid:
            marks.append(f"logid {self.logid}")
        text = f"Coze: {self.msg or 'no message'}" + (f" ({', '.join(marks)})" if marks else "")
        # The hints are for what Coze refuses; a chat that it took on has other reasons to fail.
        hint = None if self.accepted else HINTS.get(self.code or 0)
        return f"{text.removesuffix('.')}. {hint}" if hint else text


class UpstreamStatusError(UpstreamError):
    """The upstream answered with an HTTP error that carries no code of Coze's."""

    fault = "status"

    def __init__(self, status: int, content_type: str) -> None:
        super().__init__(status, content_type)
        self.status = status
        self.content_type = content_type
        self.answer = answer_for_status(status)

    def __str__(self) -> str:
        return f"Coze answered with HTTP {self.status} ({self.content_type}) and no error code."


class UpstreamUnreachableError(UpstreamError):
    """No connection to Coze could be made.

    Attributes:
        may_pass: it could be otherwise a moment later.
    """

    def __init__(self, message: str, *, may_pass: bool = True) -> None:
        super().__init__(message)
        self.may_pass = may_pass

    fault = "unreachable"


class UpstreamTimeoutError(UpstreamError):
    """Coze took longer than it may."""

    answer = TIMEOUT
    fault = "timeout"
    is_unsure = True


class DeadlineError(UpstreamTimeoutError):
    """An answer that is not streamed took longer than routers wait for one."""

    answer = TIMEOUT._replace(resend=False)

    def __init__(self, seconds: float) -> None:
        super().__init__(
            f"There was no whole answer within {seconds:g} seconds. This service waits no longer"
            ' where nothing can be sent before the end. Ask with "stream": true.'
        )


class UpstreamBrokenError(UpstreamError):
    """Coze's answer broke off, or is none that can be understood."""

    fault = "broken"
    is_unsure = True


class StaleConnectionError(UpstreamBrokenError):
    """Coze had closed a kept connection when a request came to it."""

    def __init__(self) -> None:
        super().__init__("The connection to Coze broke off.")


class UnansweredToolError(UpstreamError):
    """The bot called a tool that the caller must run, in a request that does not allow for it."""

    answer = Answer(400, "invalid_request_error", "tool_output_required", resend=False)
    fault = "tool"

    def __init__(self, names: list[str], remedy: str) -> None:
        super().__init__(names, remedy)
        self.names = names
        self.remedy = remedy

    def __str__(self) -> str:
        names = ", ".join(self.names)
        return f"The bot calls a tool that the caller must run ({names}). {self.remedy}"
