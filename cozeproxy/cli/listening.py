"""What the commands that listen have in common."""

import asyncio
import errno
import signal

# Names and addresses for which a person on the same machine types "localhost".
LOCAL = {"localhost", "127.0.0.1", "0.0.0.0", "::"}  # noqa: S104 - compared with, not listened on


def url(host: str, port: int) -> str:
    """Return the address under which a person on this machine reaches what listens there."""
    name = "localhost" if host in LOCAL else f"[{host}]" if ":" in host else host
    return f"http://{name}:{port}"


def cannot_listen(host: str, port: int, error: OSError) -> str:
    """Return one readable line for a port that cannot be had."""
    if error.errno == errno.EADDRINUSE:
        return (
            f"cozeproxy: port {port} of {host} is in use already;"
            " another one can be given as --port or PORT"
        )
    return f"cozeproxy: cannot listen on port {port} of {host}: {error.strerror or error}"


def ended_by_signal() -> asyncio.Event:
    """Return an event of the running loop that SIGINT and SIGTERM set."""
    ended = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    return ended
