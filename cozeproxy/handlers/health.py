"""``GET /health``: whether the service is up, and how it is set up."""

import time

from cozeproxy import __version__
from cozeproxy.handlers.base import BaseHandler


class HealthHandler(BaseHandler):
    """Tells what is configured, never the values of credentials."""

    def get(self) -> None:
        """Answer at once, without asking Coze."""
        settings = self.context.settings
        self.write_json(
            {
                "status": "ok",
                "version": __version__,
                # Seconds.
                "uptime": round(time.monotonic() - self.context.started, 3),
                "upstream": settings.coze_base_url,
                "credentials": {
                    "api_key": settings.coze_api_key is not None,
                    "oauth_jwt": settings.coze_jwt_app_id is not None,
                },
            }
        )

    head = get
