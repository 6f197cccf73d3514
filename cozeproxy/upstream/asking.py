"""One question to Coze, until its answer has come: files, token, call, and all that once more."""

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from cozeproxy.errors import CozeError, ServiceError
from cozeproxy.protocol.attachments import Attachment
from cozeproxy.protocol.request import Call
from cozeproxy.upstream.account import Account
from cozeproxy.upstream.files import Uploader
from cozeproxy.upstream.retrying import Attempts
from cozeproxy.upstream.stream import UpstreamStream


class Receiver(Protocol):
    """Whoever gets the answer.

    Attributes:
        begun: something of it has gone on to where it cannot be taken back.
    """

    begun: bool

    def opened(self, upstream: UpstreamStream) -> None:
        """Take note of a call that begins: what comes from now on is its answer."""

    def receive(self) -> None:
        """Take what has come of the answer, and let more come, now or later: see UpstreamStream."""


class Question(Protocol):
    """What is asked."""

    @property
    def call(self) -> Callable[[Iterator[str]], Call]:
        """Makes the call, from the ids of the attachments."""

    @property
    def attachments(self) -> Sequence[Attachment]:
        """Files that must be uploaded before the call."""


async def ask(
    question: Question, account: Account, uploader: Uploader, attempts: Attempts, to: Receiver
) -> None:
    """Ask Coze, and wait for the end of its answer.

    A token that Coze refuses is exchanged for a new one, and what cannot have reached Coze is sent
    again, as long as nothing of an answer is with the caller.

    Raises:
        ServiceError: there is no answer, or not all of it.
    """
    ids = await uploader.upload(account, question.attachments) if question.attachments else ()
    call = question.call(iter(ids))
    renewed = False
    while True:
        token = await account.token()
        # Where one kept connection was stale, others are as well.
        upstream = account.stream(call, token, to.receive, fresh=attempts.made > 0)
        to.opened(upstream)
        try:
            await upstream.wait()
        except ServiceError as error:
            if isinstance(error, CozeError):
                error.hide(token.reveal())
            if to.begun:
                raise
            if not renewed and account.may_try_again(error, token):
                renewed = True
            elif not await attempts.again(error):
                raise
        else:
            return
