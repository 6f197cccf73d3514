"""nginx in front of the scripted upstream, as something of its kind is in front of Coze.

It speaks TLS, and offers HTTP/2. What it passes on says how it came: X-Protocol, and X-Connection
with a number for each connection.
"""

import os
import shutil
import signal
import socket
import subprocess
from contextlib import closing
from urllib.parse import urlsplit

CONFIGURATION = """\
daemon off;
master_process on;
worker_processes 1;
worker_shutdown_timeout 1s;
pid {folder}/nginx.pid;
error_log {folder}/nginx.log;
events {{ worker_connections 4096; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    client_max_body_size 0;
    server {{
        listen 127.0.0.1:{port} ssl http2;
        ssl_certificate {certificate};
        ssl_certificate_key {certificate};
        location / {{
            proxy_pass {upstream};
            proxy_http_version 1.1;
            proxy_set_header X-Protocol $server_protocol;
            proxy_set_header X-Connection $connection;
            proxy_set_header Connection "";
            proxy_buffering off;
        }}
    }}
}}
"""


def program():
    """Where nginx is; on Debian it is not on everybody's path."""
    return shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin")


class Front:
    """nginx as a process; listens as soon as it is made.

    Attributes:
        base_url: for COZE_BASE_URL.
    """

    def __init__(self, folder, upstream, certificate):
        folder.mkdir(exist_ok=True)
        with closing(socket.create_server(("127.0.0.1", 0))) as free:
            port = free.getsockname()[1]
        self.base_url = f"https://127.0.0.1:{port}"
        file = folder / "nginx.conf"
        file.write_text(
            CONFIGURATION.format(
                folder=folder,
                port=port,
                certificate=certificate,
                upstream=upstream,
            )
        )
        self._process = subprocess.Popen(
            [program(), "-p", str(folder), "-c", str(file), "-e", "stderr"],
            stdin=subprocess.DEVNULL,
        )

    def listens(self):
        """Whether it takes connections."""
        where = urlsplit(self.base_url)
        with socket.socket() as probe:
            return probe.connect_ex((where.hostname, where.port)) == 0

    def reload(self):
        """Have it begin anew as an administrator would: what is open is let go on for a second."""
        self._process.send_signal(signal.SIGHUP)

    def stop(self):
        """End it, and all of its connections."""
        self._process.terminate()
        self._process.wait()
