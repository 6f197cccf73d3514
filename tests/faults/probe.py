"""A caller that asks again and again how long a service takes for the least of its answers.

Run with a port. Says "ready", goes on until its input ends, and then gives the longest time, in
seconds.
"""

import select
import socket
import sys
import time

REQUEST = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"

with socket.create_connection(("127.0.0.1", int(sys.argv[1]))) as connection:
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    longest = 0.0
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while not select.select([sys.stdin], [], [], 0.001)[0]:
        start = time.monotonic()
        connection.sendall(REQUEST)
        connection.recv(65536)
        longest = max(longest, time.monotonic() - start)
    sys.stdout.write(f"{longest}\n")
