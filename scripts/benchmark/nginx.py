"""nginx as a forwarder of streams: where it is, and how it is set up."""

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

# One process, which is what one process of the service compares with.
CONFIGURATION = """\
daemon off;
master_process off;
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
    keepalive_requests 1000000000;
    upstream coze {{
        {servers}
        keepalive 1024;
        keepalive_requests 1000000000;
    }}
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        location / {{
            proxy_pass http://coze;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_buffering off;
        }}
    }}
}}
"""


def program() -> str | None:
    """Return where nginx is, or nothing: on Debian it is not on everybody's path."""
    return shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")


def command(program: str, folder: Path, port: int, upstreams: Sequence[int]) -> list[str]:
    """Write a configuration into a folder, and return the command that runs nginx with it.

    Args:
        program: nginx.
        folder: for it alone.
        port: to listen on.
        upstreams: ports to forward to, in turn.
    """
    servers = " ".join(f"server 127.0.0.1:{upstream};" for upstream in upstreams)
    file = folder / "nginx.conf"
    file.write_text(CONFIGURATION.format(folder=folder, port=port, servers=servers))
    return [program, "-p", str(folder), "-c", str(file), "-e", "stderr"]
