"""``cozeproxy chat`` as a process."""

import json
from urllib.request import Request, urlopen

from tests.support.processes import COZEPROXY, Process, finished

CHAT = [*COZEPROXY, "chat"]
# Whose chats the stand-in's gates are named by.
USER = "somebody"
# More answers than the service could need to see that its caller has left.
MANY = 1000


class Talker:
    """A service on the stand-in, and what it takes to talk to it.

    Attributes:
        service: its process.
        url: where it is.
    """

    def __init__(self, service):
        self.service = service
        self.url = service.address()
        self._coze = json.load(urlopen(f"{self.url}/health"))["upstream"]

    def command(self, *arguments):
        """The command line that talks to the service."""
        return [*CHAT, "--url", self.url, *arguments]

    def say(self, cwd, *arguments, given=None):
        """Talk to the service; return how it ended, and what was said."""
        return finished(self.command(*arguments), cwd, given=given)

    def answer(self, cwd, *arguments, given=None):
        """The answer, which must be all that is said."""
        result = self.say(cwd, *arguments, given=given)
        assert (result.returncode, result.stderr) == (0, "")
        return result.stdout

    def release(self, steps=1):
        """Let the bot say so many more pieces."""
        with urlopen(Request(f"{self._coze}/sandbox/gates/{USER}?steps={steps}", method="POST")):
            pass

    def asked(self):
        """Wait until the bot stands at the gate."""
        while self._get(f"/sandbox/gates/{USER}")["waiting"] == 0:
            pass

    def is_left(self):
        """Wait until the service has seen its caller leave."""
        # Each answer is a turn of its loop in which it can.
        for _ in range(MANY):
            if " 499 POST " in self.service.complaints():
                return
            urlopen(f"{self.url}/health").close()
        raise AssertionError(self.service.complaints())

    def last_chat(self):
        """The body of the latest chat that Coze has got."""
        requests = self._get("/sandbox/requests")["requests"]
        return [request["body"] for request in requests if request["path"] == "/v3/chat"][-1]

    def _get(self, path):
        with urlopen(self._coze + path) as response:
            return json.load(response)


def serving(folder, **environment):
    """A service on the stand-in, in a process of its own."""
    command = [*COZEPROXY, "serve", "--port", "0", "--sandbox"]
    variables = {"COZE_USER_ID": USER, "TOKEN_ENDPOINTS": "loopback"}
    return Process(command, folder, **variables | environment)
