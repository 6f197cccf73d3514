"""``GET /health``: whether the service is up, and how it is set up; ``GET /ready``."""

import time
from typing import Any

from cozeproxy import __version__
from cozeproxy.handlers.base import BaseHandler
from cozeproxy.handlers.tokens import token_info
from cozeproxy.upstream.tokens import TokenManager


class HealthHandler(BaseHandler):
    """Tells strangers that the service is up, and its owner how it is set up."""

    def get(self) -> None:
        """Answer at once, without asking Coze."""
        facts: dict[str, Any] = {"status": "ok"}
        if self.context.guard.admits(self.request):
            facts |= self._facts()
        self.write_json(facts)

    head = get

    def _facts(self) -> dict[str, Any]:
        settings = self.context.settings
        credentials = self.context.credentials
        facts: dict[str, Any] = {
            "version": __version__,
            # Seconds.
            "uptime": round(time.monotonic() - self.context.started, 3),
            "upstream": settings.coze_base_url,
            "credentials": {
                "api_key": settings.coze_api_key is not None,
                "oauth_jwt": isinstance(credentials, TokenManager),
                "passthrough": credentials is None,
            },
        }
        if isinstance(credentials, TokenManager):
            facts["jwt"] = token_info(credentials.status)
        return facts


class ReadyHandler(BaseHandler):
    """Tells a balancer whether to send requests here."""

    def get(self) -> None:
        """Answer at once; what would be no use to a balancer is not looked at.

        Above all whether Coze can be reached: if it cannot, no copy could serve.
        """
        credentials = self.context.credentials
        state = "ready"
        if isinstance(credentials, TokenManager) and not credentials.has_begun:
            state = "starting"
        if self.context.load.draining:
            state = "stopping"
        self.set_status(200 if state == "ready" else 503)
        self.write_json({"status": state})

    head = get
