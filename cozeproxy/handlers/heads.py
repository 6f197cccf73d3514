"""How answers begin, and how their failures are told once they have begun."""

import logging
from collections.abc import Mapping
from typing import Any

from tornado.web import RequestHandler

from cozeproxy.errors import InternalError, ServiceError
from cozeproxy.handlers.base import BaseHandler

logger = logging.getLogger(__name__)

# Coze's ids, and the headers that callers find them in.
ID_HEADERS = (("conversation_id", "X-Conversation-Id"), ("logid", "X-Coze-Logid"))


def set_head(handler: RequestHandler, info: Mapping[str, Any], *, streaming: bool) -> None:
    """Set the headers of a good answer, from what is known of it by then."""
    for name, header in ID_HEADERS:
        if name in info:
            handler.set_header(header, info[name])
    if streaming:
        handler.set_header("Content-Type", "text/event-stream; charset=utf-8")
        handler.set_header("Cache-Control", "no-cache")
        # nginx would hold tokens back until its buffer is full.
        handler.set_header("X-Accel-Buffering", "no")


def told_in_stream(handler: BaseHandler, failure: BaseException) -> ServiceError:
    """What the caller is told of a failure, after the log has been told all of it."""
    if isinstance(failure, ServiceError):
        told = failure
    else:
        logger.error("unhandled error in a stream", exc_info=failure)
        told = InternalError()
    handler.record.failed(told, midway=True)
    return told
