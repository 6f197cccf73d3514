"""``GET /openapi.json``: what is served, as OpenAPI 3.1 describes it."""

from functools import cache
from importlib import resources

from cozeproxy.handlers.base import BaseHandler


class DescriptionHandler(BaseHandler):
    """The description of all endpoints. It is the same for everybody and shows no setting."""

    def get(self) -> None:
        """Give it."""
        self.finish(description())


@cache
def description() -> bytes:
    """The file, which tests hold against the routes and the answers."""
    return resources.files("cozeproxy").joinpath("openapi.json").read_bytes()
