"""Sockets that do as little as a machine that is gone, and what the system knows of others."""

import socket
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

SYN_SENT = 2
ESTABLISHED = 1
# In /proc/net/tcp: keep-alive is what is waited for.
KEEPALIVE = 2


@contextmanager
def unanswering():
    """The base URL of a host that answers no SYN: neither accepted nor refused."""
    with ExitStack() as stack:
        server = stack.enter_context(socket.socket())
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        # The queue of those that are to be accepted is full from the second one on.
        for _ in range(2):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(server.getsockname())
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


@contextmanager
def silent():
    """The port of a host that takes connections, and what is sent on them, and says nothing."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield server.getsockname()[1]


class Seen(NamedTuple):
    """A socket as the system shows it."""

    state: int
    timer: int


def towards(base_url):
    """The sockets of this machine that lead to an address."""
    port = int(base_url.rpartition(":")[2])
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    fields = [line.split() for line in lines]
    return [
        Seen(int(f[3], 16), int(f[5].partition(":")[0], 16))
        for f in fields
        if int(f[2].partition(":")[2], 16) == port
    ]
