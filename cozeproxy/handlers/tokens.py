"""``/get_jwt``, ``/refresh_jwt``, ``/clear_jwt``: the service's own OAuth token.

They act on the copy of the service that answers. They give out a credential, so a guard stands in
front of them, no page of another origin may read them, and nothing may keep what they say. A static
API key is never given out: it has no end.
"""

from typing import Any

from cozeproxy.errors import RequestError
from cozeproxy.handlers.base import BaseHandler
from cozeproxy.settings import Secret
from cozeproxy.upstream.tokens import TokenManager, TokenStatus


def token_info(status: TokenStatus) -> dict[str, Any]:
    """What there is of a token; ``expiresIn`` are the seconds that it has left."""
    return {
        "hasToken": status.has_token,
        "isValid": status.is_valid,
        "expiresIn": status.expires_in,
    }


class TokenHandler(BaseHandler):
    """What the three have in common."""

    shares_with_pages = False
    tokens: TokenManager

    def set_default_headers(self) -> None:
        """Forbid that anything keeps the answer."""
        super().set_default_headers()
        self.set_header("Cache-Control", "no-store")

    def admit(self) -> None:
        """Let in who may see tokens.

        Raises:
            ServiceError: who asks may not, or there are no such tokens.
        """
        self.context.guard.check(self.request)
        if isinstance(self.context.credentials, TokenManager):
            self.tokens = self.context.credentials
        elif self.request.method in self.served_methods():
            raise RequestError("OAuth JWT is not configured.", code="jwt_not_configured")

    def write_token(self, token: Secret, **fields: Any) -> None:
        """Answer with a token, and what there is of it."""
        info = token_info(self.tokens.status)
        self.write_json({"success": True, "token": token.reveal(), "info": info, **fields})


class GetTokenHandler(TokenHandler):
    """``GET /get_jwt``."""

    async def get(self) -> None:
        """Give the token, a new one where there is none."""
        self.write_token(await self.tokens.token())


class RefreshTokenHandler(TokenHandler):
    """``POST /refresh_jwt``."""

    async def post(self) -> None:
        """Get a new token, and give it."""
        token = await self.tokens.refresh()
        self.write_token(
            token,
            access_token=token.reveal(),
            expires_in=self.tokens.status.expires_in,
            token_type="Bearer",  # noqa: S106 - OAuth's word for the kind of token
        )


class ClearTokenHandler(TokenHandler):
    """``DELETE /clear_jwt``."""

    def delete(self) -> None:
        """Forget the token."""
        self.tokens.clear()
        message = "The token is forgotten; the next request to Coze gets a new one."
        self.write_json({"success": True, "message": message})
