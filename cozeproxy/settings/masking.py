"""Masking what looks like a credential, in texts that should have none."""

import re

from cozeproxy.settings.values import MASK

# JWTs; tokens, by the beginnings that Coze's are known to have; private keys, as PEM, as base64 of
# that, and as the lines of PEM alone, which somebody may have put into the wrong variable.
_CREDENTIALS = re.compile(
    r"eyJ[\w-]+\.[\w.-]*|\b(pat|sat|cz[a-z]{1,4})_[\w-]+"
    r"|-----BEGIN [A-Z0-9 ]+-----\s*\S{10}.*|LS0tLS1CRUdJTi\S*|\bMII[\w+/=]{40,}",
    re.DOTALL,
)


def masked(text: str) -> str:
    """A text without what looks like a credential."""
    return _CREDENTIALS.sub(MASK, text)
