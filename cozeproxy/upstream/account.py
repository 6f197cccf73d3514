"""Coze as one end user sees it: calls with that user's token."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import TypeVar

import msgspec

from cozeproxy.errors import BAD_TOKEN, CozeError, ServiceError
from cozeproxy.observability import Metrics
from cozeproxy.protocol.request import Call
from cozeproxy.protocol.response import RunningChat
from cozeproxy.settings import Secret
from cozeproxy.upstream.client import CozeClient
from cozeproxy.upstream.credentials import Credentials
from cozeproxy.upstream.stream import UpstreamStream

T = TypeVar("T")

UPLOAD_PATH = "/v1/files/upload"
# Seconds.
UPLOAD_TIMEOUT = 120.0
CANCEL_TIMEOUT = 10.0

logger = logging.getLogger(__name__)


class Account:
    """Makes calls on behalf of one end user.

    A token that Coze refuses is exchanged for a new one, and the call made once more, as long as
    Coze has not begun to serve it.

    Args:
        client: towards Coze.
        credentials: where tokens come from.
        metrics: where calls that are made once more are counted, and chats that are cancelled.
        owner: whose files and bots these are; caches are kept by it.
        user_id: the end user, for tokens that are made for one.
    """

    def __init__(
        self,
        client: CozeClient,
        credentials: Credentials,
        metrics: Metrics,
        owner: bytes = b"",
        user_id: str | None = None,
    ) -> None:
        self.owner = owner
        self._client = client
        self._credentials = credentials
        self._user_id = user_id
        self._metrics = metrics

    async def token(self) -> Secret:
        """Give a token for a streaming call.

        Raises:
            UpstreamError: there is none to be had.
        """
        return await self._credentials.token(self._user_id)

    def stream(
        self, call: Call, token: Secret, receiver: Callable[[], None], *, fresh: bool = False
    ) -> UpstreamStream:
        """Start a streaming call; the receiver is called when there is something to take()."""
        return self._client.stream(call, token, receiver, fresh=fresh)

    def may_try_again(self, error: ServiceError, token: Secret) -> bool:
        """Whether a call that failed should be made once more, with a new token."""
        may = (
            error.answer == BAD_TOKEN
            and not error.accepted
            and self._credentials.rejected(token, self._user_id)
        )
        if may:
            self._metrics.retry(error)
        return may

    async def get(self, path: str, query: Mapping[str, str]) -> bytes:
        """Ask for something; give the JSON of Coze's answer.

        Raises:
            UpstreamError: Coze refused, or cannot be reached.
        """
        return await self._authorized(lambda token: self._client.get(path, query, token))

    async def call(self, method: str, call: Call) -> bytes:
        """Make a call that is no stream, with any method; give the JSON of Coze's answer.

        Raises:
            UpstreamError: Coze refused, or cannot be reached.
        """
        return await self._authorized(lambda token: self._client.call(method, call, token))

    async def upload(self, content_type: str, body: bytes) -> bytes:
        """Upload a file as multipart data; give the JSON of Coze's answer.

        Raises:
            UpstreamError: Coze refused it, or cannot be reached.
        """
        call = Call(UPLOAD_PATH, {}, body)
        return await self._authorized(
            lambda token: self._client.call("POST", call, token, content_type, UPLOAD_TIMEOUT)
        )

    async def send(self, path: str, content_type: str, body: bytes, seconds: float) -> bytes:
        """Send something large whose answer may take as long; give the JSON of the answer.

        Raises:
            ServiceError: Coze refused it, or cannot be reached, or not in time; or there are as
                many such calls as there may be.
        """
        return await self._authorized(
            lambda token: self._client.send(path, content_type, body, token, seconds)
        )

    async def cancel(self, chat: RunningChat) -> None:
        """End a chat that nobody waits for any more, as far as Coze lets it end."""
        body = msgspec.json.encode(chat)
        try:
            # However long it waits, be it for a token or behind others of its kind.
            async with asyncio.timeout(CANCEL_TIMEOUT):
                await self._authorized(lambda token: self._client.cancel(body, token))
        except (ServiceError, TimeoutError) as error:
            # It may have ended by itself.
            logger.info("a chat could not be cancelled: %s", type(error).__name__)
            self._metrics.cancel(done=False)
        else:
            self._metrics.cancel(done=True)

    async def _authorized(self, call: Callable[[Secret], Awaitable[T]]) -> T:
        token = await self.token()
        try:
            return await self._quietly(call, token)
        except ServiceError as error:
            if not self.may_try_again(error, token):
                raise
        return await self._quietly(call, await self.token())

    async def _quietly(self, call: Callable[[Secret], Awaitable[T]], token: Secret) -> T:
        try:
            return await call(token)
        except CozeError as error:
            error.hide(token.reveal())
            raise
