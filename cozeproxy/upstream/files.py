"""Uploading files to Coze: those of messages each once."""

import asyncio
import secrets
from collections.abc import Sequence

from cachetools import LRUCache

from cozeproxy.protocol.attachments import Attachment
from cozeproxy.protocol.files import CozeFile, read_file
from cozeproxy.protocol.transcription import read_transcription
from cozeproxy.upstream.account import UPLOAD_PATH, UPLOAD_TIMEOUT, Account

# Coze keeps uploaded files for three months (docs.coze.cn, upload_files), longer than a process
# lives on most platforms; an id is some hundred bytes.
REMEMBERED = 1000


class _Upload:
    """An upload, under way or done, and how many wait for it."""

    def __init__(self, task: "asyncio.Task[str]") -> None:
        self.task = task
        self._waiting = 0

    @property
    def is_good(self) -> bool:
        """Whether it gives an id, or may yet."""
        task = self.task
        if not task.done():
            return not task.cancelling()
        return not task.cancelled() and task.exception() is None

    def join(self) -> None:
        """Begin to wait for it."""
        self._waiting += 1

    def leave(self) -> None:
        """Wait no more. An upload that all have left is ended; one that is done stays."""
        self._waiting -= 1
        if not self._waiting:
            self.task.cancel()


class Uploader:
    """Uploads the files of requests.

    A conversation repeats its images with every turn, so what was uploaded is remembered by its
    content. What is being uploaded is waited for, not uploaded twice.
    """

    def __init__(self) -> None:
        self._uploads: LRUCache[tuple[bytes, bytes, str], _Upload] = LRUCache(REMEMBERED)

    async def upload(self, account: Account, attachments: Sequence[Attachment]) -> list[str]:
        """Upload files; give their Coze ids, in the same order.

        Raises:
            UpstreamError: Coze refused one, or cannot be reached.
        """
        uploads = [self._joined(account, attachment) for attachment in attachments]
        try:
            # Shielded: an upload may be another request's, too, and outlives the one that gives up.
            return list(await asyncio.gather(*(asyncio.shield(u.task) for u in uploads)))
        finally:
            for upload in uploads:
                upload.leave()

    def _joined(self, account: Account, attachment: Attachment) -> _Upload:
        # Only the account that uploaded a file can use it.
        key = (account.owner, attachment.digest, attachment.name)
        upload = self._uploads.get(key)
        if upload is None or not upload.is_good:
            task = asyncio.create_task(self._upload(account, attachment))
            upload = self._uploads[key] = _Upload(task)
        upload.join()
        return upload

    async def _upload(self, account: Account, attachment: Attachment) -> str:
        return read_file(await account.upload(*multipart(attachment))).id


async def keep(account: Account, attachment: Attachment) -> CozeFile:
    """Upload a file for its own sake: as a file of its own, whatever was uploaded before.

    Raises:
        ServiceError: Coze refused it, or cannot be reached, or too much is uploaded already.
    """
    content_type, body = multipart(attachment)
    # Once is enough to have it in memory, for as long as this may take.
    del attachment
    return read_file(await account.send(UPLOAD_PATH, content_type, body, UPLOAD_TIMEOUT))


async def describe(account: Account, file_id: str) -> CozeFile:
    """Ask about a file.

    Raises:
        UpstreamError: Coze does not know it, or cannot be reached.
    """
    return read_file(await account.get("/v1/files/retrieve", {"file_id": file_id}))


async def transcribe(account: Account, attachment: Attachment, seconds: float) -> str:
    """Have a recording transcribed, which may take so many seconds.

    Raises:
        UpstreamError: Coze refused it, or cannot be reached, or not in time.
    """
    content_type, body = multipart(attachment)
    del attachment
    path = "/v1/audio/transcriptions"
    return read_transcription(await account.send(path, content_type, body, seconds))


def multipart(attachment: Attachment) -> tuple[str, bytes]:
    """A file as Coze takes it: the type of the content, and the content."""
    boundary = secrets.token_hex(16)
    head = (
        f"--{boundary}\r\n"
        f'Content-Disposition: form-data; name="file"; filename="{attachment.name}"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n"
    )
    body = b"".join([head.encode(), attachment.data, f"\r\n--{boundary}--\r\n".encode()])
    return f"multipart/form-data; boundary={boundary}", body
