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


class Uploader:
    """Uploads the files of requests.

    A conversation repeats its images with every turn, so what was uploaded is remembered by its
    content. What is being uploaded is waited for, not uploaded twice.
    """

    def __init__(self) -> None:
        self._ids: LRUCache[tuple[bytes, bytes, str], asyncio.Task[str]] = LRUCache(REMEMBERED)

    async def upload(self, account: Account, attachments: Sequence[Attachment]) -> list[str]:
        """Upload files; give their Coze ids, in the same order.

        Raises:
            UpstreamError: Coze refused one, or cannot be reached.
        """
        # Shielded: a task may be another request's, too, and must outlive the one that gives up.
        return list(
            await asyncio.gather(*(asyncio.shield(self._task(account, a)) for a in attachments))
        )

    def _task(self, account: Account, attachment: Attachment) -> "asyncio.Task[str]":
        # Only the account that uploaded a file can use it.
        key = (account.owner, attachment.digest, attachment.name)
        task = self._ids.get(key)
        if task is None or (task.done() and (task.cancelled() or task.exception())):
            task = self._ids[key] = asyncio.create_task(self._upload(account, attachment))
        return task

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
