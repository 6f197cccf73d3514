"""What the commands that listen have in common."""

import asyncio
import errno
import logging
import os
import signal
from types import FrameType

logger = logging.getLogger(__name__)

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
    """Return an event of the running loop that SIGINT and SIGTERM set.

    A second one of them ends the process at once, whatever it is doing.
    """
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()

    def end() -> None:
        ended.set()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)
            # Not the system's own way to die, which process 1 of a container does not have.
            signal.signal(number, _end_at_once)

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, end)
    # By habit, for "read the settings again"; its default would be to die.
    loop.add_signal_handler(signal.SIGHUP, _note_hangup)
    return ended


def _note_hangup() -> None:
    logger.info("SIGHUP changes nothing: settings are read at the start")


def _end_at_once(number: int, _frame: FrameType | None) -> None:
    # What the log has kept back; it never waits for anybody.
    logging.shutdown()
    # As shells tell of a program that a signal has ended.
    os._exit(128 + number)
