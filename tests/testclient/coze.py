"""The stand-in in a process of its own, as seen from here."""

import json
from urllib.request import Request, urlopen


def registered(address, app_id, key_id, public_key):
    """Make an app known to the stand-in, as a person does in Coze's console."""
    body = {"app_id": app_id, "key_id": key_id, "public_key": public_key}
    with urlopen(Request(f"{address}/sandbox/oauth_apps", json.dumps(body).encode())) as response:
        assert response.status == 204
