"""``POST /v1/files`` and ``GET /v1/files/{id}``: files at Coze, which keeps them for three months.

Coze takes a file and tells about it. It does not list files, delete them or give them back, so what
is left of OpenAI's endpoints for files is a 404 that says so.
"""

from functools import partial
from typing import ClassVar, NamedTuple

from cozeproxy.errors import BAD_REQUEST, NOT_FOUND, CozeError, RequestError
from cozeproxy.handlers.api import ApiHandler
from cozeproxy.handlers.asking import AskingHandler
from cozeproxy.handlers.forms import read_form
from cozeproxy.protocol.attachments import Attachment, attach
from cozeproxy.protocol.files import check_purpose, file_object
from cozeproxy.protocol.ids import unpack_file_id
from cozeproxy.upstream.files import describe, keep

INSTEAD = "There are POST /v1/files and GET /v1/files/{id}."
# When a file ends is Coze's business.
IGNORED = ("expires_after",)


class Upload(NamedTuple):
    """A file that is to be kept."""

    attachment: Attachment
    purpose: str
    user: str | None
    ignored: list[str]


def read_upload(pieces: list[bytes], content_type: str) -> Upload:
    """Read the form of an upload.

    Raises:
        RequestError: something is missing, or wrong.
    """
    form = read_form(pieces, content_type)
    purpose = check_purpose(form.get("purpose"))
    attachment = attach(form.file.body, form.file.filename)
    return Upload(attachment, purpose, form.get("user"), form.given(IGNORED))


class FilesHandler(AskingHandler):
    """The files."""

    lacking: ClassVar = {"GET": f"Coze does not list files. {INSTEAD}"}

    async def post(self) -> None:
        """Give a file to Coze."""
        with self.context.load.entered():
            content_type = self.request.headers.get("Content-Type", "")
            upload = await self.read_body(partial(read_upload, content_type=content_type))
            self.body.become(len(upload.attachment.data))
            self.note_ignored(upload.ignored)
            purpose = upload.purpose
            keeping = keep(self.account(self.end_user(upload.user)), upload.attachment)
            del upload
            file = await self.wait_for(keeping)
            if file:
                self.write_json(file_object(file, purpose))


class FileHandler(ApiHandler):
    """One file."""

    lacking: ClassVar = {
        "DELETE": f"Coze does not delete files: it keeps them for 3 months. {INSTEAD}"
    }

    async def get(self, id_: str) -> None:
        """Tell about a file."""
        asked = unpack_file_id(id_)
        if not asked:
            raise no_such_file(id_)
        try:
            file = await describe(self.account(self.end_user()), asked.id)
        except CozeError as error:
            # The call holds nothing but the id, so that it can only be that which is wrong.
            if error.answer in (BAD_REQUEST, NOT_FOUND):
                raise no_such_file(id_) from error
            raise
        self.write_json(file_object(file, asked.purpose))


class FileContentHandler(ApiHandler):
    """What is in a file."""

    lacking: ClassVar = {"GET": f"Coze does not give files back. {INSTEAD}"}


def no_such_file(id_: str) -> RequestError:
    """OpenAI's error for a file that there is none of."""
    return RequestError(f"No such File object: {id_[:200]}", param="id", status=404)
