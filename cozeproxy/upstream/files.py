"""Uploading files to Coze, each once."""

import asyncio
import secrets
from collections.abc import Sequence

import msgspec
from cachetools import LRUCache

from cozeproxy.errors import UpstreamBrokenError
from cozeproxy.protocol.attachments import Attachment
from cozeproxy.upstream.account import Account

# Coze keeps uploaded files for three months (docs.coze.cn, upload_files), longer than a process
# lives on most platforms; an id is some hundred bytes.
REMEMBERED = 1000


class _File(msgspec.Struct):
    id: str


class _Uploaded(msgspec.Struct):
    data: _File


_decoder = msgspec.json.Decoder(_Uploaded)


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
        boundary = secrets.token_hex(16)
        head = (
            f"--{boundary}\r\n"
            f'Content-Disposition: form-data; name="file"; filename="{attachment.name}"\r\n'
            "Content-Type: application/octet-stream\r\n\r\n"
        )
        body = b"".join([head.encode(), attachment.data, f"\r\n--{boundary}--\r\n".encode()])
        answer = await account.upload(f"multipart/form-data; boundary={boundary}", body)
        try:
            return _decoder.decode(answer).data.id
        except msgspec.MsgspecError as error:
            raise UpstreamBrokenError("Coze took a file but gave no id for it.") from error
