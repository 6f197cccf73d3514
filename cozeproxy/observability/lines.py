"""What may stand in a line of the log: nothing that would end it, or pass for another part of it.

Names, paths and ids are callers' text, and log ids are Coze's (CWE-117).
"""

import json
import random
import re

# Of a name that a caller makes up.
LONGEST_VALUE = 200
_PLAIN = re.compile(r"[A-Za-z0-9._~:/@%+-]{1,200}")
# What Heroku, nginx and Envoy give out, and what tracers do; at most so long as Heroku takes them.
_REQUEST_ID = re.compile(r"[A-Za-z0-9._:/+=@-]{1,200}")


def request_id(given: str | None) -> str:
    """The id of a request: what the caller gave it, if that can stand anywhere, else a new one."""
    if given and _REQUEST_ID.fullmatch(given):
        return given
    # It has to be another one each time, and is no secret.
    return f"req_{random.getrandbits(128):032x}"


def value(text: str) -> str:
    """A text as it stands in a line: plain words as they are, all else as JSON, in ASCII."""
    if _PLAIN.fullmatch(text):
        return text
    return json.dumps(text[:LONGEST_VALUE])


def printable(text: str) -> str:
    """A text without what a terminal would act on: it is escaped, line breaks too."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
