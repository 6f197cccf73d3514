"""What Coze is shown: an API key, or the access tokens of an OAuth app."""

from typing import Protocol

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from cozeproxy.settings import MASK, BadValueError, CombinationError, Secret, Settings
from cozeproxy.upstream.assertion import KeyFormatError, OAuthApp, audience_of, load_key
from cozeproxy.upstream.exchange import Exchange, Terms
from cozeproxy.upstream.session import Timing
from cozeproxy.upstream.tokens import TokenManager


class Credentials(Protocol):
    """What gives bearer tokens for calls to Coze."""

    async def token(self, user_id: str | None = None) -> Secret:
        """Give a token for a call, made for an end user or for none.

        Raises:
            TokenError: there is none to be had.
        """

    def rejected(self, token: Secret, user_id: str | None = None) -> bool:
        """Take note that Coze has refused a token; tell whether to try again with a new one."""

    def start(self) -> None:
        """Begin to keep tokens fresh."""

    async def stop(self) -> None:
        """End what was begun."""


class StaticCredentials:
    """One token for ever: an API key."""

    def __init__(self, token: Secret) -> None:
        self._token = token

    async def token(self, user_id: str | None = None) -> Secret:  # noqa: ARG002 - the same for all
        """Give the key."""
        return self._token

    def rejected(self, token: Secret, user_id: str | None = None) -> bool:  # noqa: ARG002 - as above
        """Tell that there is no other."""
        return False

    def start(self) -> None:
        """There is nothing to begin."""

    async def stop(self) -> None:
        """There is nothing to end."""


def load_credentials(
    settings: Settings, timing: Timing | None = None
) -> StaticCredentials | TokenManager:
    """Give what the settings say Coze is to be shown; OAuth goes before an API key.

    Made on the loop that it will run on.

    Args:
        settings: what is said of Coze.
        timing: time and chance, for the lives of OAuth tokens.

    Raises:
        SettingsError: something is missing, or the private key is none that can sign.
    """
    settings.check_credentials()
    if settings.coze_jwt_app_id and settings.coze_jwt_key_id:
        app = OAuthApp(
            settings.coze_jwt_app_id,
            settings.coze_jwt_key_id,
            _private_key(settings),
            settings.coze_jwt_aud or audience_of(settings.coze_base_url),
        )
        terms = Terms(
            settings.coze_base_url,
            app,
            settings.coze_jwt_ttl,
            account_id=settings.coze_jwt_account_id,
            scope=settings.coze_jwt_scope,
            ca_file=settings.coze_ca_file,
        )
        return TokenManager(
            Exchange(terms),
            settings.coze_jwt_ttl,
            settings.coze_jwt_session_name,
            per_user=settings.coze_jwt_session_per_user,
            timing=timing,
        )
    if settings.coze_api_key is None:
        raise CombinationError("there are no credentials for Coze")
    return StaticCredentials(settings.coze_api_key)


def _private_key(settings: Settings) -> RSAPrivateKey:
    path = settings.coze_jwt_private_key_file
    given = settings.coze_jwt_private_key or Secret("")
    try:
        return load_key(given.reveal() if path is None else path.read_bytes().decode("latin-1"))
    except KeyFormatError as error:
        if path is None:
            raise BadValueError("COZE_JWT_PRIVATE_KEY", MASK, str(error)) from error
        raise BadValueError(
            "COZE_JWT_PRIVATE_KEY_FILE", str(path), f"a file with {error}"
        ) from error
