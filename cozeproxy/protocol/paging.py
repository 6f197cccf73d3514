"""Lists that are given page by page, as OpenAI has them."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from cozeproxy.errors import RequestError

LIMIT = 20
MOST = 100


class Paging(NamedTuple):
    """Which part of a list is asked for."""

    limit: int
    order: str
    after: str | None

    @classmethod
    def of(cls, query: Mapping[str, str], most: int = MOST) -> "Paging":
        """Read it from a request's query.

        Raises:
            RequestError: it cannot be.
        """
        try:
            limit = int(query.get("limit") or LIMIT)
        except ValueError as error:
            raise RequestError.invalid("limit", "it must be a number") from error
        if not 1 <= limit <= most:
            raise RequestError.invalid("limit", f"it must be from 1 to {most}")
        order = query.get("order") or "desc"
        if order not in ("asc", "desc"):
            raise RequestError.invalid("order", "it must be 'asc' or 'desc'")
        return cls(limit, order, query.get("after") or None)


def page(items: Sequence[Mapping[str, Any]], *, has_more: bool) -> dict[str, Any]:
    """A page. The ids are texts also where there are no items: OpenAI's schema knows no null."""
    return {
        "object": "list",
        "data": items,
        "first_id": items[0]["id"] if items else "",
        "last_id": items[-1]["id"] if items else "",
        "has_more": has_more,
    }


def page_of(items: Sequence[Mapping[str, Any]], asked: Paging) -> dict[str, Any]:
    """The part of a list, given whole and oldest first, that is asked for.

    Raises:
        RequestError: the item that it should come after is not in the list.
    """
    listed = list(items) if asked.order == "asc" else list(reversed(items))
    start = 0
    if asked.after:
        ids = [item["id"] for item in listed]
        if asked.after not in ids:
            raise RequestError.invalid("after", "there is no such item in the list")
        start = ids.index(asked.after) + 1
    end = start + asked.limit
    return page(listed[start:end], has_more=end < len(listed))
