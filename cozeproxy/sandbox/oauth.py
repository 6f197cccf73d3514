"""OAuth: JWTs in, access tokens out (docs.coze.cn, oauth_jwt)."""

import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jwt

from cozeproxy.sandbox.handler import Handler
from cozeproxy.sandbox.state import Shelf

GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
HOSTED = ("api.coze.com", "api.coze.cn")
DEFAULT_SECONDS, MOST_SECONDS = 900, 86399
REQUIRED_CLAIMS = ["iss", "aud", "iat", "exp", "jti"]


class OAuthError(Exception):
    """A refusal of the token endpoint, which has error fields of its own.

    Statuses are not documented; these are the ones that coze-go's tests use.
    """

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message
        self.status = status


@dataclass(frozen=True)
class OAuthApp:
    """An app of type JWT, with one of its public keys."""

    app_id: str
    key_id: str
    public_key_pem: str


@dataclass(frozen=True)
class _Issued:
    owner: str
    expires_at: int


class Tokens:
    """The tokens that are good here: the personal one, and those that were issued."""

    def __init__(self, personal: str, clock: Callable[[], float]) -> None:
        self._personal = personal
        self._clock = clock
        # By key id, which names the key and with it the app.
        self._apps: dict[str, OAuthApp] = {}
        self._issued: Shelf[_Issued] = Shelf()
        self._used: Shelf[bool] = Shelf()
        # Set by tests: the endpoint then fails with HTTP 500, as Coze's does when it is down.
        self.outage = False

    def register(self, app: OAuthApp) -> None:
        """Accept JWTs of this app."""
        self._apps[app.key_id] = app

    def owner_of(self, token: str) -> str | None:
        """Return the session the token is for ("" if for none), None if it is not good."""
        if secrets.compare_digest(token.encode(), self._personal.encode()):
            return ""
        issued = self._issued.get(token)
        if issued is None or self._clock() >= issued.expires_at:
            return None
        return issued.owner

    def revoke_issued(self) -> None:
        """Make every issued token invalid, as when the app is reset in Coze's console."""
        self._issued.clear()

    def exchange(self, assertion: str, body: dict[str, Any], host: str) -> dict[str, Any]:
        """Return an access token for a JWT.

        Args:
            assertion: The JWT, which can be used once.
            body: The request's body.
            host: The name this stand-in is called by, which ``aud`` may be.

        Raises:
            OAuthError: It is refused.
        """
        if self.outage:
            raise OAuthError("internal_error", "Service internal error.", 500)
        grant = body.get("grant_type")
        if grant != GRANT:
            raise OAuthError("unsupported_grant_type", f"not supported grant type: {grant}")
        claims = self._verified(assertion, [host, host.partition(":")[0], *HOSTED])
        seconds = body.get("duration_seconds")
        seconds = DEFAULT_SECONDS if seconds is None else seconds
        if not isinstance(seconds, int) or not 1 <= seconds <= MOST_SECONDS:
            raise OAuthError("invalid_request", "invalid request: duration_seconds")
        self._used[claims["jti"]] = True
        token = f"czs_{secrets.token_urlsafe(48)}"
        expires_at = int(self._clock()) + seconds
        self._issued[token] = _Issued(str(claims.get("session_name") or ""), expires_at)
        # An absolute time in spite of its name; the documented sample has these two fields only.
        return {"access_token": token, "expires_in": expires_at}

    def _verified(self, assertion: str, audiences: list[str]) -> dict[str, Any]:
        try:
            app = self._apps.get(str(jwt.get_unverified_header(assertion).get("kid")))
            if app is None:
                raise OAuthError("invalid_client", "invalid jwt: unknown kid", 401)
            claims: dict[str, Any] = jwt.decode(
                assertion,
                app.public_key_pem,
                algorithms=["RS256"],
                audience=audiences,
                issuer=app.app_id,
                # Times are checked here, against this stand-in's clock.
                options={"require": REQUIRED_CLAIMS, "verify_exp": False, "verify_iat": False},
            )
        except jwt.InvalidTokenError as error:
            raise OAuthError("invalid_client", f"invalid jwt: {error}", 401) from error
        if claims["exp"] <= self._clock():
            raise OAuthError("invalid_client", "invalid jwt: Signature has expired", 401)
        if claims["exp"] <= claims["iat"]:
            raise OAuthError("invalid_client", "invalid jwt: exp is not after iat", 401)
        if claims["jti"] in self._used:
            raise OAuthError("invalid_client", "invalid jwt: jti has been used", 401)
        return claims


class TokenHandler(Handler):
    """POST .../oauth2/token, also below account/<id>/ and enterprise_id/<id>/."""

    def post(self, *_account: str) -> None:
        """Exchange the JWT in the Authorization header."""
        assertion = self.request.headers.get("Authorization", "").removeprefix("Bearer ")
        try:
            self.write_json(
                self.sandbox.tokens.exchange(assertion, self._body(), self.request.host)
            )
        except OAuthError as error:
            self.set_status(error.status)
            self.write_json(
                {"error_code": error.code, "error_message": error.message, "error": error.code}
            )

    def _body(self) -> dict[str, Any]:
        try:
            body = json.loads(self.request.body)
        except ValueError:
            body = None
        if not isinstance(body, dict):
            raise OAuthError("invalid_request", "invalid request: the body is not a JSON object")
        return body
