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
    """The base URL of a host that takes connections, reads nothing and says nothing."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


class Seen(NamedTuple):
    """A TCP socket of this machine as the system shows it, with the ports at both ends.

    Its queue is what was written to it and is not with the other side yet, in bytes.
    """

    local: int
    remote: int
    state: int
    timer: int
    queue: int


def seen():
    """All of them."""
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    fields = [line.split() for line in lines]
    return [
        Seen(
            local=_port(f[1]),
            remote=_port(f[2]),
            state=int(f[3], 16),
            timer=int(f[5].partition(":")[0], 16),
            queue=int(f[4].partition(":")[0], 16),
        )
        for f in fields
    ]


def _port(address):
    return int(address.rpartition(":")[2], 16)


def towards(base_url):
    """Those that lead to an address."""
    port = int(base_url.rpartition(":")[2])
    return [s for s in seen() if s.remote == port]


def is_open(port, caller):
    """Whether the service, which listens at a port, holds its end of a caller's connection."""
    return any(s[:3] == (port, caller.local[1], ESTABLISHED) for s in seen())
