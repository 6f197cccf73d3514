"""What every endpoint of OpenAI's API has: callers with keys, and Coze as they see it."""

from cozeproxy.handlers.access import BadKeyError, bearer
from cozeproxy.handlers.base import BaseHandler
from cozeproxy.protocol.request import end_user
from cozeproxy.settings import CallerKey, Secret, digest_of
from cozeproxy.upstream.account import Account
from cozeproxy.upstream.credentials import StaticCredentials


class ApiHandler(BaseHandler):
    """An endpoint of OpenAI's API: for callers with a key, where there are keys."""

    # The caller's key, and whether the request counts as one of that key's.
    key: CallerKey
    _entered = False

    def admit(self) -> None:
        """Let the caller in.

        Raises:
            ServiceError: it has no key, or has too many requests open.
        """
        if self.request.method == "OPTIONS":
            return  # a browser asks before it shows its key
        self.key = self.context.keys.find(self.request)
        self.record.key = self.key.name
        self.context.keys.enter(self.key)
        self._entered = True

    def release(self) -> None:
        """Count the request no more."""
        super().release()
        if self._entered:
            self._entered = False
            self.context.keys.leave(self.key)

    def end_user(self, named: str | None = None) -> str:
        """The end user of this request, as Coze is told."""
        user = end_user(named, self.request.headers, self.context.rules.user_id)
        return f"{self.key.name}:{user}" if self.key.name else user

    def account(self, user_id: str | None = None) -> Account:
        """Coze for this request: with the service's credentials, or with the caller's own token.

        Raises:
            BadKeyError: the caller brought no token that could be one.
        """
        metrics = self.context.metrics
        if self.context.credentials:
            # What one session has uploaded, another cannot use.
            apart = user_id is not None and self.context.settings.coze_jwt_session_per_user
            owner = digest_of(user_id or "") if apart else b""
            credentials = self.context.credentials
            return Account(self.context.coze, credentials, metrics, owner, user_id)
        token = bearer(self.request)
        if not token or not token.isascii() or not token.isprintable():
            raise BadKeyError
        own = StaticCredentials(Secret(token))
        return Account(self.context.coze, own, metrics, digest_of(token), user_id)

    def query(self) -> dict[str, str]:
        """The arguments of the query, the last value of each."""
        given = self.request.query_arguments
        return {name: values[-1].decode("utf-8", "replace") for name, values in given.items()}
