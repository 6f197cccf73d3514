"""Where the service is that a command talks to, and with which keys."""

import argparse
import re
from collections import ChainMap
from pathlib import Path
from typing import NamedTuple

from cozeproxy.cli.errors import UsageError
from cozeproxy.cli.listening import url
from cozeproxy.settings import Settings, first_key, read_sources
from cozeproxy.testclient.address import service_url


class Service(NamedTuple):
    """A service to talk to.

    Attributes:
        url: its address, without ``/v1``.
        key: a caller's; empty where there is none.
        admin_key: its owner's; empty where there is none.
        is_ours: whether it is the one that the settings here are for.
        ca_file: certificates to trust there, in place of the usual ones.
    """

    url: str
    key: str
    admin_key: str
    is_ours: bool
    ca_file: Path | None


def service_of(chosen: argparse.Namespace) -> tuple[Service, Settings]:
    """The service that is meant, and the settings here.

    Without ``--url`` it is the one that listens where the settings say. Only that one is shown the
    keys in the settings: another one may be anybody's.

    Raises:
        UsageError: an argument cannot be used.
        SettingsError: a setting cannot be used.
    """
    given = ChainMap(*read_sources(chosen.env_file).values())
    settings = Settings.from_env(given)
    key, admin_key = chosen.key or "", getattr(chosen, "admin_key", None) or ""
    for name, value in (("--key", key), ("--admin-key", admin_key)):
        if not re.fullmatch(r"[!-~]*", value):
            raise UsageError(f"{name} must be the key alone, without spaces and line breaks")
    ca_file = _readable(chosen.ca_file)
    if chosen.url is not None:
        try:
            where = service_url(chosen.url)
        except ValueError as error:
            raise UsageError(f"--url is {chosen.url!r}, but must be {error}") from error
        return Service(where, key, admin_key, is_ours=False, ca_file=ca_file), settings
    if not settings.port:
        raise UsageError("PORT is 0, any free port: give the service's address as --url")
    admin = settings.proxy_admin_key
    return Service(
        url(settings.host, settings.port),
        key or first_key(given.get("PROXY_API_KEYS", "")),
        admin_key or (admin.reveal() if admin else ""),
        is_ours=True,
        ca_file=ca_file,
    ), settings


def _readable(ca_file: Path | None) -> Path | None:
    # libcurl's words would be about certificates, whatever is wrong with the file.
    if ca_file is not None:
        try:
            ca_file.read_bytes()
        except OSError as error:
            raise UsageError(
                f"--ca-file {ca_file} cannot be read: {error.strerror or error}"
            ) from error
    return ca_file
