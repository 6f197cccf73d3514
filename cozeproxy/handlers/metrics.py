"""``GET /metrics``: numbers for those who watch the service.

They name callers' keys and models, so they are not for everybody; and what scrapes them should not
be able to read tokens, so it can have a key that opens nothing else.
"""

import hmac

from cozeproxy.handlers.access import ForbiddenError, bearer
from cozeproxy.handlers.base import BaseHandler
from cozeproxy.settings import digest_of


class MetricsHandler(BaseHandler):
    """The metrics, in the form that scrapers read."""

    shares_with_pages = False

    def set_default_headers(self) -> None:
        """Forbid that anything keeps the answer."""
        super().set_default_headers()
        self.set_header("Cache-Control", "no-store")

    def admit(self) -> None:
        """Let in who may see the metrics.

        Raises:
            ForbiddenError: who asks may not.
        """
        settings = self.context.settings
        if settings.metrics_public or self._has_key() or self.context.guard.admits(self.request):
            return
        raise ForbiddenError(
            "This is not open to everybody. Send 'Authorization: Bearer' with the service's"
            " METRICS_KEY, or set METRICS_PUBLIC=true to open it."
        )

    def get(self) -> None:
        """Give the numbers as they are now."""
        page, content_type = self.context.metrics.page(self.request.headers.get("Accept", ""))
        self.set_header("Content-Type", content_type)
        self.finish(page)

    def _has_key(self) -> bool:
        key = self.context.settings.metrics_key
        if key is None:
            return False
        return hmac.compare_digest(digest_of(key.reveal()), digest_of(bearer(self.request)))
