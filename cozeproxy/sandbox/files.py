"""/v1/files/... (docs.coze.cn: upload_files, retrieve_files)."""

from typing import Any

from cozeproxy.sandbox.errors import CozeError
from cozeproxy.sandbox.handler import Handler
from cozeproxy.sandbox.state import StoredFile

# By which the type of a file shows.
HEAD_BYTES = 16
# The types that can be uploaded (docs.coze.cn, upload_files).
EXTENSIONS = """
    doc docx xls xlsx ppt pptx pdf numbers csv
    jpg jpeg png gif webp heic heif bmp pcd tiff
    wav mp3 flac m4a aac ogg wma midi
    mp4 avi mov 3gp 3gpp flv wmv mkv webm rmvb m4v
    txt md html json xml log py java js ts c cpp css go
    zip rar 7z gz bz2
"""


class UploadHandler(Handler):
    """POST /v1/files/upload."""

    def post(self) -> None:
        """Take one multipart file named ``file``.

        Its extension decides what it may be used as; that it is true is found out on use.
        """
        caller = self.authorize()
        parts = self.request.files.get("file", [])
        if len(parts) > 1:
            raise CozeError(4301)
        if not parts:
            raise CozeError(4000, "A multipart field named file is required.")
        content, name = parts[0].body, parts[0].filename
        if not content:
            raise CozeError(4300)
        if name.rpartition(".")[2].lower() not in EXTENSIONS.split():
            raise CozeError(4303)
        stored = StoredFile(
            id=self.state.new_id(),
            owner=caller.owner,
            size=len(content),
            name=name,
            created_at=self.state.now,
            head=content[:HEAD_BYTES],
        )
        self.state.files[stored.id] = stored
        self.write_json({"code": 0, "data": _shown(stored), "msg": ""})


class RetrieveHandler(Handler):
    """GET /v1/files/retrieve."""

    def get(self) -> None:
        """Describe a file; its content cannot be had again."""
        caller = self.authorize()
        found = self.state.files.get(self.need("file_id"))
        if found is None or found.owner != caller.owner:
            raise CozeError(4304)
        self.succeed(_shown(found))


def _shown(stored: StoredFile) -> dict[str, Any]:
    return {
        "id": stored.id,
        "bytes": stored.size,
        "file_name": stored.name,
        "created_at": stored.created_at,
    }
