"""What there is at Coze to choose from: the published bots and workflows of workspaces."""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeVar

import msgspec
from cachetools import LRUCache

from cozeproxy.errors import UpstreamBrokenError, UpstreamError
from cozeproxy.upstream.account import Account

logger = logging.getLogger(__name__)

# Bots take up to 50 a page, workflows 30 (docs.coze.cn: bots_list_draft_published,
# get_workflow_list).
BOTS_PAGE = 50
WORKFLOWS_PAGE = 30
# A bound for a service that never says that it has no more.
MAX_PAGES = 100
MAX_LISTS = 1000

T = TypeVar("T")


class Entry(NamedTuple):
    """A bot, a workflow or a chatflow: its model name, and the name that Coze shows."""

    model: str
    name: str


class _List:
    """What one account can see, and until when that is good."""

    def __init__(self) -> None:
        self.entries: list[Entry] | None = None
        self.expires = 0.0
        # One request to Coze for any number of callers that wait.
        self.loading: asyncio.Task[list[Entry]] | None = None


class _Bot(msgspec.Struct):
    id: str
    name: str | None = None


class _Bots(msgspec.Struct):
    items: list[_Bot] | None = None
    total: int | None = None


class _Workflow(msgspec.Struct):
    workflow_id: str
    workflow_name: str | None = None


class _Workflows(msgspec.Struct):
    items: list[_Workflow] | None = None
    has_more: bool | None = None


class _BotsAnswer(msgspec.Struct):
    data: _Bots | None = None


class _WorkflowsAnswer(msgspec.Struct):
    data: _Workflows | None = None


_bots_decoder = msgspec.json.Decoder(_BotsAnswer)
_workflows_decoder = msgspec.json.Decoder(_WorkflowsAnswer)


class Catalog:
    """Lists what accounts can see, each for itself, and keeps the lists for a while.

    Args:
        spaces: ids of workspaces.
        ttl: seconds for which a list is kept.
        clock: monotonic seconds.
    """

    def __init__(
        self, spaces: Sequence[str], ttl: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._spaces = spaces
        self._ttl = ttl
        self._clock = clock
        self._lists: LRUCache[bytes, _List] = LRUCache(MAX_LISTS)

    async def entries(self, account: Account) -> list[Entry]:
        """List everything; where Coze fails, as it was when last seen.

        Raises:
            UpstreamError: Coze fails, and nothing was ever seen.
        """
        if not self._spaces:
            return []
        known = self._lists.get(account.owner)
        if known is None:
            known = self._lists[account.owner] = _List()
        if known.entries is None or self._clock() >= known.expires:
            return await self._renewed(known, account)
        return known.entries

    async def _renewed(self, known: "_List", account: Account) -> list[Entry]:
        if known.loading is None:
            known.loading = asyncio.create_task(self._renew(known, account))
        # Shielded: whoever leaves must not take the others' list along.
        return await asyncio.shield(known.loading)

    async def _renew(self, known: "_List", account: Account) -> list[Entry]:
        try:
            known.entries = await self._load(account)
        except UpstreamError as error:
            if known.entries is None:
                raise
            logger.warning("the list of models cannot be renewed: %s", error)
        finally:
            known.loading = None
        # Also after a failure: what is broken is not asked again by every request.
        known.expires = self._clock() + self._ttl
        return known.entries

    async def _load(self, account: Account) -> list[Entry]:
        found: list[Entry] = []
        for space in self._spaces:
            found += await _bots(account, space)
            found += await _workflows(account, space, "workflow")
            found += await _workflows(account, space, "chatflow")
        return found


async def _bots(account: Account, space: str) -> list[Entry]:
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
        bots = _decode(_bots_decoder, await account.get("/v1/bots", query)).data or _Bots()
        found += [Entry(f"bot-{bot.id}", bot.name or "") for bot in bots.items or ()]
        # Pages may be shorter than was asked for.
        if not bots.items or (bots.total is not None and len(found) >= bots.total):
            break
    return found


async def _workflows(account: Account, space: str, mode: str) -> list[Entry]:
    found: list[Entry] = []
    for page in range(1, MAX_PAGES + 1):
        query = {
            "workspace_id": space,
            "publish_status": "published_online",
            "workflow_mode": mode,
            "page_num": str(page),
            "page_size": str(WORKFLOWS_PAGE),
        }
        answer = _decode(_workflows_decoder, await account.get("/v1/workflows", query))
        flows = answer.data or _Workflows()
        found += [
            Entry(f"{mode}-{flow.workflow_id}", flow.workflow_name or "")
            for flow in flows.items or ()
        ]
        if not flows.items or flows.has_more is False:
            break
    return found


def _decode(decoder: msgspec.json.Decoder[T], body: bytes) -> T:
    try:
        return decoder.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise UpstreamBrokenError("Coze sent a list that cannot be read.") from error
