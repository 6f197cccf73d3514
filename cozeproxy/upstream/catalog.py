"""What there is at Coze to choose from: the published bots and workflows of workspaces."""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeVar

import msgspec

from cozeproxy.errors import UpstreamBrokenError, UpstreamError
from cozeproxy.upstream.client import CozeClient

logger = logging.getLogger(__name__)

# Bots take up to 50 a page, workflows 30 (docs.coze.cn: bots_list_draft_published,
# get_workflow_list).
BOTS_PAGE = 50
WORKFLOWS_PAGE = 30
# A bound for a service that never says that it has no more.
MAX_PAGES = 100

T = TypeVar("T")


class Entry(NamedTuple):
    """A bot, a workflow or a chatflow: its model name, and the name that Coze shows."""

    model: str
    name: str


class _Bot(msgspec.Struct):
    id: str
    name: str = ""


class _Bots(msgspec.Struct):
    items: list[_Bot] | None = None


class _Workflow(msgspec.Struct):
    workflow_id: str
    workflow_name: str = ""


class _Workflows(msgspec.Struct):
    items: list[_Workflow] | None = None


class _BotsAnswer(msgspec.Struct):
    data: _Bots | None = None


class _WorkflowsAnswer(msgspec.Struct):
    data: _Workflows | None = None


_bots_decoder = msgspec.json.Decoder(_BotsAnswer)
_workflows_decoder = msgspec.json.Decoder(_WorkflowsAnswer)


class Catalog:
    """Lists what one credential can see, and keeps the list for a while.

    Args:
        client: towards Coze.
        spaces: ids of workspaces.
        ttl: seconds for which a list is kept.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        client: CozeClient,
        spaces: Sequence[str],
        ttl: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._spaces = spaces
        self._ttl = ttl
        self._clock = clock
        self._entries: list[Entry] | None = None
        self._expires = 0.0
        # One request to Coze for any number of callers that wait.
        self._loading: asyncio.Task[list[Entry]] | None = None

    async def entries(self) -> list[Entry]:
        """List everything; where Coze fails, as it was when last seen.

        Raises:
            UpstreamError: Coze fails, and nothing was ever seen.
        """
        if not self._spaces:
            return []
        if self._entries is not None and self._clock() < self._expires:
            return self._entries
        if self._loading is None:
            self._loading = asyncio.create_task(self._load())
            self._loading.add_done_callback(self._loaded)
        try:
            return await asyncio.shield(self._loading)
        except UpstreamError as error:
            if self._entries is None:
                raise
            logger.warning("the list of models cannot be renewed: %s", error)
            return self._entries

    def _loaded(self, task: "asyncio.Task[list[Entry]]") -> None:
        self._loading = None
        # Also after a failure: what is broken is not asked again by every request.
        if not task.cancelled() and (task.exception() is None or self._entries is not None):
            self._expires = self._clock() + self._ttl
        if not task.cancelled() and task.exception() is None:
            self._entries = task.result()

    async def _load(self) -> list[Entry]:
        found: list[Entry] = []
        for space in self._spaces:
            found += await self._bots(space)
            found += await self._workflows(space, "workflow")
            found += await self._workflows(space, "chatflow")
        return found

    async def _bots(self, space: str) -> list[Entry]:
        found: list[Entry] = []
        for page in range(1, MAX_PAGES + 1):
            query = {
                "workspace_id": space,
                "publish_status": "published_online",
                "page_num": str(page),
                # What the official Python SDK calls it.
                "page_index": str(page),
                "page_size": str(BOTS_PAGE),
            }
            answer = _decode(_bots_decoder, await self._client.get("/v1/bots", query))
            items = (answer.data and answer.data.items) or []
            found += [Entry(f"bot-{bot.id}", bot.name) for bot in items]
            if len(items) < BOTS_PAGE:
                break
        return found

    async def _workflows(self, space: str, mode: str) -> list[Entry]:
        found: list[Entry] = []
        for page in range(1, MAX_PAGES + 1):
            query = {
                "workspace_id": space,
                "publish_status": "published_online",
                "workflow_mode": mode,
                "page_num": str(page),
                "page_size": str(WORKFLOWS_PAGE),
            }
            answer = _decode(_workflows_decoder, await self._client.get("/v1/workflows", query))
            items = (answer.data and answer.data.items) or []
            found += [Entry(f"{mode}-{flow.workflow_id}", flow.workflow_name) for flow in items]
            if len(items) < WORKFLOWS_PAGE:
                break
        return found


def _decode(decoder: msgspec.json.Decoder[T], body: bytes) -> T:
    try:
        return decoder.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise UpstreamBrokenError("Coze sent a list that cannot be read.") from error
