"""The service's OAuth token, as its owner sees it; callers do not notice that there is one.

    pip install openai
    python jwt.py

OPENAI_BASE_URL says where the service is; the default is that of scripts/run. The token endpoints
are open to the owner alone: PROXY_ADMIN_KEY is the key for them, unless the service has
TOKEN_ENDPOINTS=loopback. JWT-SETUP.md sets OAuth up.
"""

import json
import os
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from openai import OpenAI

base_url = os.environ.get("OPENAI_BASE_URL", "http://localhost:3000/v1")
client = OpenAI(base_url=base_url, api_key=os.environ.get("OPENAI_API_KEY", "any-string"))


def ask(method: str, path: str) -> dict[str, Any]:
    """Ask one of the token endpoints."""
    headers = {"Authorization": f"Bearer {os.environ.get('PROXY_ADMIN_KEY', '')}"}
    request = Request(base_url.removesuffix("/v1") + path, headers=headers, method=method)
    try:
        with urlopen(request) as response:
            return json.load(response)
    except HTTPError as error:
        raise SystemExit(json.load(error)["error"]["message"]) from None


def chat() -> str:
    """Say something, as callers do."""
    messages = [{"role": "user", "content": "Hello!"}]
    answer = client.chat.completions.create(model="gpt-3.5-turbo", messages=messages)
    return answer.choices[0].message.content


# A token opens all that the app may do: keep it off screens and out of logs.
first = ask("GET", "/get_jwt")
print("A token that is good:", str(first["info"]["isValid"]).lower())
print(chat())

second = ask("POST", "/refresh_jwt")
print("Another one after a refresh:", str(second["token"] != first["token"]).lower())
print(chat())

print(ask("DELETE", "/clear_jwt")["message"])
print(chat())
