"""What a process has shown that it must not: printed, said to callers, or logged."""

import json
import tempfile

from cozeproxy.sandbox import Sandbox
from cozeproxy.settings import Settings
from tests.support import canaries

# The stand-in tells whoever runs it what a service has to have, and its documents say it too.
TOLD = f"COZE_API_KEY={Sandbox.API_KEY}"


class Report:
    """Looks for the secrets of one process, those in its variables too.

    Attributes:
        environment: variables by which a service in that process joins in; see ``inside``.
    """

    def __init__(self, environment):
        self._secrets = canaries.looked_for() | _secrets_in(environment)
        self._file = tempfile.NamedTemporaryFile("r+", suffix=".shown")  # noqa: SIM115 - see check
        told = [self._secrets, canaries.ACCESS_TOKENS, self._file.name]
        self.environment = {"TESTS_WATCH": json.dumps(told)}

    def check(self, printed):
        """Make sure that nothing was shown, once the process has ended."""
        with self._file as file:
            shown = file.read()
        text = printed.replace(TOLD, "")
        shown += "".join(f"{name} is printed\n" for name, s in self._secrets.items() if s in text)
        assert not shown, f"{shown}{printed}"


def _secrets_in(environment):
    """Each secret by its variable; of short ones there is too much that looks like them."""
    found = {}
    for name, row in Settings.variables.items():
        lines = environment.get(name, "").replace("\\n", "\n").splitlines() if row.secret else []
        for number, line in enumerate(part for text in lines for part in text.split(",")):
            secret = line.rpartition(":")[2].strip("\"' ")
            if len(secret) >= 8 and "-----" not in secret and not secret.startswith("your-"):
                found[f"{name} ({number})"] = secret
    return found
