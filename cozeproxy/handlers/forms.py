"""Forms: requests with a file in them."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from tornado.httputil import HTTPFile, HTTPInputError, parse_body_arguments

from cozeproxy.errors import RequestError


class Form(NamedTuple):
    """A form with one file.

    Attributes:
        file: the field ``file``.
        fields: the other ones. Lists have names that end in ``[]``, as SDKs send them.
    """

    file: HTTPFile
    fields: Mapping[str, Sequence[str]]

    def get(self, name: str) -> str | None:
        """The value of a field; an empty one counts as none."""
        values = self.fields.get(name)
        return values[-1] or None if values else None

    def need(self, name: str) -> str:
        """The value of a field.

        Raises:
            RequestError: there is none.
        """
        value = self.get(name)
        if value is None:
            raise RequestError.missing(name)
        return value

    def given(self, names: Sequence[str]) -> list[str]:
        """Which of these fields there are: as they are, or as lists or parts of objects."""
        there = {field.partition("[")[0] for field in self.fields}
        return [name for name in names if name in there]


def read_form(pieces: list[bytes], content_type: str) -> Form:
    """Read a form, whose body is used up by it.

    Raises:
        RequestError: it is none, or has no file.
    """
    if not content_type.lower().startswith("multipart/form-data"):
        raise RequestError(
            "The request body must be multipart/form-data, with a file in the field 'file'."
        )
    body = b"".join(pieces)
    pieces.clear()
    values: dict[str, list[bytes]] = {}
    files: dict[str, list[HTTPFile]] = {}
    try:
        parse_body_arguments(content_type, body, values, files)
        fields = {name: [value.decode() for value in values[name]] for name in values}
    except HTTPInputError as error:
        # The words of the exception may be the caller's own, and be as long as it likes.
        raise RequestError(f"The request body cannot be read: {str(error)[:200]}.") from error
    except UnicodeDecodeError as error:
        raise RequestError("The request body cannot be read: a field is not UTF-8.") from error
    found = files.get("file", [])
    if len(found) > 1:
        raise RequestError.invalid("file", "one file at a time")
    if not found:
        raise RequestError.missing("file")
    return Form(found[0], fields)
