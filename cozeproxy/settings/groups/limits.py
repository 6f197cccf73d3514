"""Settings of how long things may take, and how much of them there may be."""

from dataclasses import dataclass

from cozeproxy.settings import values
from cozeproxy.settings.declaring import variable

MEBIBYTE = 1024 * 1024


@dataclass(frozen=True)
class LimitSettings:
    """Times are in seconds, sizes in bytes."""

    upstream_connect_timeout: float = variable(
        values.seconds, 10.0, "Seconds that a connection to Coze may take to be made"
    )
    upstream_first_byte_timeout: float = variable(
        values.seconds, 60.0, "Seconds until Coze must have begun to answer a chat"
    )
    upstream_idle_timeout: float = variable(
        values.seconds, 120.0, "Seconds for which Coze may be silent inside the answer of a chat"
    )
    workflow_idle_timeout: float = variable(
        values.seconds, 300.0, "Seconds for which a workflow may be silent, at first and later"
    )
    request_timeout: float = variable(
        values.seconds, 600.0, "Seconds that the whole answer of a chat may take"
    )
    workflow_request_timeout: float = variable(
        values.seconds, 660.0, "Seconds that the whole answer of a workflow may take"
    )
    nonstream_deadline: float = variable(
        values.seconds_or_off,
        0.0,
        "Seconds after which an answer that is not streamed is given up, for routers; 0 is never",
    )
    heartbeat_seconds: float = variable(
        values.seconds, 15.0, "Seconds of silence after which a stream gets a sign of life"
    )
    max_retries: int = variable(
        values.count_or_none, 2, "New attempts where Coze cannot have got the request"
    )
    caller_stall_timeout: float = variable(
        values.seconds, 60.0, "Seconds for which a caller may take nothing of its answer"
    )
    body_timeout: float = variable(
        values.seconds, 60.0, "Seconds that the body of a request may take to come"
    )
    idle_timeout: float = variable(
        values.seconds, 95.0, "Seconds that a connection may wait for the head of a request"
    )
    max_concurrent_requests: int = variable(
        values.count, 1000, "Requests that may be open at a time; others get a 503"
    )
    max_body_bytes: int = variable(
        values.count, 32 * MEBIBYTE, "Bytes that the body of a request may have"
    )
    max_buffered_bytes: int = variable(
        values.count, 256 * MEBIBYTE, "Bytes that all bodies in memory may have together"
    )
    shutdown_delay: float = variable(
        values.seconds_or_off,
        0.0,
        "Seconds between the signal to stop and the end of listening, for balancers to notice",
    )
    shutdown_grace: float = variable(
        values.seconds, 25.0, "Seconds that open answers have to end when the service stops"
    )
