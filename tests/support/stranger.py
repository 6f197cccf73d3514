"""A server that sends bytes as a test gives them, in the place of a service."""

import socket
import ssl
import threading
from contextlib import suppress


class Stranger:
    """Answers each connection with the next of the answers, the last one again and again.

    With a certificate it speaks TLS.

    Attributes:
        url: where it is.
        heads: of the requests that came.
    """

    def __init__(self, *answers, certificate=None):
        self.heads = []
        self._answers = answers
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._tls = None
        if certificate:
            self._tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            self._tls.load_cert_chain(certificate)
        scheme = "https" if certificate else "http"
        self.url = f"{scheme}://127.0.0.1:{self._listening.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        # Wakes whoever waits for a connection.
        self._listening.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listening.close()

    def _serve(self):
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            with connection:
                self._meet(connection)

    def _meet(self, connection):
        if not self._tls:
            self._answer(connection)
            return
        # Whoever does not trust the certificate leaves, at the latest after the handshake.
        with suppress(OSError), self._tls.wrap_socket(connection, server_side=True) as inside:
            self._answer(inside)

    def _answer(self, connection):
        data = b""
        while b"\r\n\r\n" not in data and (piece := connection.recv(65536)):
            data += piece
        head, _, body = data.partition(b"\r\n\r\n")
        lines = head.decode().lower().split("\r\n")
        length = next((int(x.split(":")[1]) for x in lines if x.startswith("content-length")), 0)
        while len(body) < length and (piece := connection.recv(65536)):
            body += piece
        self.heads.append(head.decode())
        connection.sendall(self._answers[min(len(self.heads), len(self._answers)) - 1])


def response(body=b"", *, status="200 OK", kind="application/json", **headers):
    """The bytes of a whole response."""
    data = body if isinstance(body, bytes) else body.encode()
    lines = [
        f"HTTP/1.1 {status}",
        f"Content-Type: {kind}",
        f"Content-Length: {len(data)}",
        "Connection: close",
        *(f"{name}: {value}" for name, value in headers.items()),
    ]
    return "\r\n".join([*lines, "", ""]).encode() + data


def stream(*pieces, complete=True):
    """The bytes of a response that is a stream, with its end, or cut off before it."""
    head = (
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    chunks = [b"%x\r\n%s\r\n" % (len(piece.encode()), piece.encode()) for piece in pieces]
    return head.encode() + b"".join(chunks) + (b"0\r\n\r\n" if complete else b"")
