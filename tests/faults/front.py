"""nginx in front of the scripted upstream, as something of its kind is in front of Coze.

It speaks TLS, and offers HTTP/2. What it passes on says how it came: X-Protocol, and X-Connection
with a number for each connection.
"""

import socket
from contextlib import closing
from urllib.parse import urlsplit

from tests.support.nginx import Nginx

CONFIGURATION = """\
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
"""


class Front(Nginx):
    """It listens soon after it is made.

    Attributes:
        base_url: for COZE_BASE_URL.
    """

    def __init__(self, folder, upstream, certificate):
        folder.mkdir(exist_ok=True)
        with closing(socket.create_server(("127.0.0.1", 0))) as free:
            port = free.getsockname()[1]
        self.base_url = f"https://127.0.0.1:{port}"
        configuration = CONFIGURATION.format(port=port, certificate=certificate, upstream=upstream)
        # Only a master can begin anew.
        super().__init__(folder, configuration, master=True)

    def listens(self):
        """Whether it takes connections."""
        where = urlsplit(self.base_url)
        with socket.socket() as probe:
            return probe.connect_ex((where.hostname, where.port)) == 0
