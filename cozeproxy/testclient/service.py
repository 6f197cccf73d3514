"""The steps that try a running service, as any caller might.

By default they only read. What asks the bot, or runs the workflow, costs quota or has effects, and
is for those who want it.
"""

import time
from collections.abc import Mapping
from contextlib import aclosing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from cozeproxy.settings import Settings
from cozeproxy.testclient.address import is_public
from cozeproxy.testclient.answers import Answer, ask
from cozeproxy.testclient.calls import Caller
from cozeproxy.testclient.conversation import Conversation, Manner
from cozeproxy.testclient.reading import read, read_state
from cozeproxy.testclient.service_cures import NOT_READY, cure_for
from cozeproxy.testclient.steps import Finding, Step, failed, ok, skipped, warning
from cozeproxy.testclient.troubles import AskError, one_line

# Seconds that a request may take which only reads, and one that Coze answers.
READ_TIMEOUT = 30.0
CHAT_TIMEOUT = 180.0
GREETING = "Hello! Please answer in one word."
# Of what a bot says, as much as shows that it does.
SHOWN = 40
ANY_MODEL = "gpt-4"
SPACES = "Check COZE_SPACE_ID: workspaces that the token may see, with the permission listBot."


@dataclass(frozen=True)
class Wanted:
    """What is to be tried.

    Attributes:
        url: of the service.
        key: a caller's; empty where there is none.
        admin_key: its owner's; empty where there is none.
        is_ours: whether it runs with the settings here, so that what they lead to is tried, too.
        ca_file: certificates to trust there, in place of the usual ones.
        deep: whether the bot is asked.
        workflow: whether the workflow is run.
    """

    url: str
    key: str
    admin_key: str
    is_ours: bool
    ca_file: Path | None
    deep: bool
    workflow: bool


class ServiceCheck:
    """The steps, and what the later ones need of the earlier ones.

    Args:
        settings: those here.
        wanted: what is to be tried.
    """

    def __init__(self, settings: Settings, wanted: Wanted) -> None:
        self._settings = settings
        self._wanted = wanted
        self._stranger = self._caller("", READ_TIMEOUT)
        self._owner = self._caller(wanted.admin_key, READ_TIMEOUT)
        self._reader = self._caller(wanted.key, READ_TIMEOUT)
        self._asker = self._caller(wanted.key, CHAT_TIMEOUT)
        # What the service tells its owner of itself; empty for strangers.
        self._facts: Mapping[str, Any] = {}
        self._models: list[str] = []

    def steps(self) -> list[Step]:
        """All of them that are wanted."""
        token = Step("token", self.token, needs=("service",))
        asking = [("chat", self.chat), ("stream", self.stream)] if self._wanted.deep else []
        asking += [("workflow", self.workflow)] if self._wanted.workflow else []
        return [
            Step("service", self.service),
            Step("ready", self.ready, needs=("service",)),
            # For a service of one's own, the way to a token has steps of its own.
            *(() if self._wanted.is_ours else (token,)),
            Step("door", self.door, needs=("service",)),
            Step("models", self.models, needs=("door",)),
            *(Step(name, run, needs=("door",)) for name, run in asking),
        ]

    def close(self) -> None:
        """Close all connections."""
        for caller in (self._stranger, self._owner, self._reader, self._asker):
            caller.close()

    def _caller(self, key: str, seconds: float) -> Caller:
        return Caller(self._wanted.url, key, seconds, ca_file=self._wanted.ca_file)

    async def service(self) -> Finding:
        """Whether it is there."""
        try:
            found = await read(self._owner, "/health")
        except AskError as error:
            return failed(error.reason, cure_for(error))
        url = self._wanted.url
        if found.get("status") != "ok":
            return failed(
                f"{url} answers, and is no cozeproxy",
                "Check the address, and what stands between here and there.",
            )
        self._facts = found
        behind, meant = found.get("upstream"), self._settings.coze_base_url
        if not behind:
            return ok(f"{url} is up")
        seen = f"cozeproxy {found.get('version')} at {url}, in front of {behind}"
        if self._wanted.is_ours and self._settings.has_credentials and behind != meant:
            cure = "Start it anew: it reads its settings when it starts."
            return warning(f"{seen}, and not of {meant} as the settings say", cure)
        return ok(seen)

    async def ready(self) -> Finding:
        """Whether a balancer would send requests there."""
        try:
            state = await read_state(self._stranger)
        except AskError as error:
            return failed(error.reason, cure_for(error))
        if state == "ready":
            return ok("it takes requests")
        seen, cure = NOT_READY.get(state, (f"it says {one_line(state)!r}", ""))
        return failed(f"it is not ready: {seen}", cure)

    async def token(self) -> Finding:
        """Whether it has something to show to Coze, as far as it tells."""
        credentials = self._facts.get("credentials")
        if not credentials:
            return skipped("only the service's owner is told: PROXY_ADMIN_KEY, as --admin-key")
        if credentials.get("passthrough"):
            return ok("it sends the tokens of its callers")
        if not credentials.get("oauth_jwt"):
            return ok("it has an API key of Coze")
        token = self._facts.get("jwt") or {}
        if token.get("isValid"):
            return ok(f"it has a token of OAuth, good for {token.get('expiresIn')} s")
        return failed(
            "it has no token of OAuth that is good",
            "Its log says why; cozeproxy check --jwt, with its settings, says what to do.",
        )

    async def door(self) -> Finding:
        """Whom it lets in."""
        try:
            await read(self._stranger, "/v1/models")
        except AskError as error:
            if error.status == 401:
                return await self._with_key(error)
        # Whether the list can be had is for a later step.
        return self._open()

    async def _with_key(self, refusal: AskError) -> Finding:
        if not self._wanted.key:
            return failed("a key is asked for, and there is none", cure_for(refusal))
        try:
            await read(self._reader, "/v1/models")
        except AskError as error:
            if error.status == 401:
                cure = f"{cure_for(error)} They are read when it starts."
                return failed(f"the key is not taken. {error.reason}", cure)
        if self._wanted.url.startswith("http:") and is_public(self._wanted.url):
            return warning(
                "a key is asked for, and goes over the wire as it is",
                "Put something that speaks TLS in front, and ask it with https://.",
            )
        return ok("a key is asked for, and this one is taken")

    def _open(self) -> Finding:
        url = self._wanted.url
        is_local = urlsplit(url).hostname in ("localhost", "127.0.0.1", "::1")
        is_shut_in = is_local and not (self._wanted.is_ours and not self._settings.on_loopback)
        if self._settings.allow_anonymous or is_shut_in:
            return ok("no key is asked for")
        cure = (
            "Set PROXY_API_KEYS for the service. If it is to be open, run this with"
            " ALLOW_ANONYMOUS=true."
        )
        if is_public(url):
            return failed("no key is asked for: whoever knows the address uses the bot", cure)
        return warning("no key is asked for: whoever reaches it uses the bot", cure)

    async def models(self) -> Finding:
        """Whether it lists its models."""
        try:
            found = await read(self._reader, "/v1/models")
            self._models = [str(model["id"]) for model in found["data"]]
        except AskError as error:
            return failed(error.reason, SPACES if error.is_of_coze else cure_for(error))
        except (KeyError, TypeError):
            return failed("the list of models cannot be read", "Check the address.")
        return ok(f"{len(self._models)}: {', '.join(self._models[:4])}")

    async def chat(self) -> Finding:
        """Whether the bot answers."""
        return await self._ask("bot-", Manner(ANY_MODEL, kind="chat", stream=False))

    async def stream(self) -> Finding:
        """Whether its answer comes as it is written."""
        return await self._ask("bot-", Manner(ANY_MODEL, kind="chat"))

    async def workflow(self) -> Finding:
        """Whether the workflow runs."""
        return await self._ask("workflow-", Manner(ANY_MODEL, kind="workflow"))

    async def _ask(self, prefix: str, manner: Manner) -> Finding:
        # The first is the default one; where names are checked, only those in the list are taken.
        listed = next((model for model in self._models if model.startswith(prefix)), ANY_MODEL)
        body, headers = Conversation(replace(manner, model=listed)).say(GREETING)
        answer = Answer()
        began = time.monotonic()
        first: float | None = None
        try:
            async with aclosing(ask(self._asker, body, headers, answer)) as parts:
                async for added, _ in parts:
                    if added and first is None:
                        first = time.monotonic() - began
        except AskError as error:
            return failed(error.reason, cure_for(error, workflow=manner.kind == "workflow"))
        if first is None:
            return warning(
                f"{listed} has answered with nothing", "See in Coze what it does, and its log."
            )
        said = one_line(answer.text)
        shown = said if len(said) <= SHOWN else f"{said[:SHOWN]}..."
        when = f", beginning after {first:.1f} s" if manner.stream else ""
        return ok(f"{listed} says {shown!r}{when}")
