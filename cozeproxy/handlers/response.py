"""``/v1/responses/{id}``: a response that was given before, and what can be done with it."""

from cozeproxy.errors import RequestError
from cozeproxy.handlers.api import ApiHandler
from cozeproxy.protocol.paging import Paging, page_of
from cozeproxy.protocol.responses.again import response_of
from cozeproxy.protocol.responses.ids import ResponseId
from cozeproxy.protocol.responses.input import input_items
from cozeproxy.upstream import turns
from cozeproxy.upstream.history import History


class KeptHandler(ApiHandler):
    """What the endpoints of one response have in common: all is asked of Coze."""

    def find(self, text: str) -> tuple[ResponseId, History]:
        """Read the id, and look whether it is the caller's to use.

        Raises:
            ServiceError: it is none, or for a bot that the caller's key is not for.
        """
        id_ = turns.read_id(text)
        self.context.keys.check(self.key, id_.targets)
        return id_, History(self.account(self.end_user()))


class ResponseHandler(KeptHandler):
    """The response itself."""

    async def get(self, text: str) -> None:
        """Give it as it is by now."""
        if self.get_query_argument("stream", "false") == "true":
            raise RequestError.invalid("stream", "the events of a response are given once only")
        id_, history = self.find(text)
        self.finish(response_of(await turns.find(id_, history)))

    async def delete(self, text: str) -> None:
        """Take it out of its conversation."""
        id_, history = self.find(text)
        await turns.delete(id_, history)
        self.write_json({"id": text, "object": "response", "deleted": True})


class InputItemsHandler(KeptHandler):
    """``GET /v1/responses/{id}/input_items``."""

    async def get(self, text: str) -> None:
        """List what the response was asked with."""
        asked = Paging.of(self.query())
        id_, history = self.find(text)
        turn = await turns.find(id_, history)
        self.write_json(page_of(input_items(id_, turn.inputs, turn.steps), asked))


class CancelHandler(KeptHandler):
    """``POST /v1/responses/{id}/cancel``."""

    async def post(self, text: str) -> None:
        """End a response that is still being made."""
        id_, history = self.find(text)
        self.finish(response_of(await turns.cancel(id_, history)))
