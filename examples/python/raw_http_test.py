"""The service by raw HTTP, without an SDK.

    python raw_http_test.py

OPENAI_BASE_URL says where the service is; the default is that of scripts/run. Every endpoint, as it
goes over the wire, is shown by scripts/raw_http.py.
"""

import json
import os
from http.client import HTTPResponse
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

base_url = os.environ.get("OPENAI_BASE_URL", "http://localhost:3000/v1")
key = os.environ.get("OPENAI_API_KEY", "any-string")


def post(body: dict[str, Any], **headers: str) -> HTTPResponse:
    """Ask for a chat completion."""
    return urlopen(
        Request(
            f"{base_url}/chat/completions",
            json.dumps({"model": "gpt-3.5-turbo", **body}).encode(),
            {
                "Content-Type": "application/json",
                "Authorization": f"Bearer {key}",
                **{name.replace("_", "-"): value for name, value in headers.items()},
            },
        )
    )


def says(text: str) -> dict[str, Any]:
    """A request that says something."""
    return {"messages": [{"role": "user", "content": text}]}


print("== Health")
with urlopen(f"{base_url.removesuffix('/v1')}/health") as response:
    print(response.status, json.load(response)["status"])

print("== Chat")
with post(says("Hello!"), x_model_type="chat") as response:
    print(json.load(response)["choices"][0]["message"]["content"])

print("== Chat, streamed")
with post({**says("Tell me a story."), "stream": True}, x_model_type="chat") as response:
    # An event is a line that begins with "data: "; lines that begin with ":" are signs of life.
    for line in response:
        data = line.decode().strip().removeprefix("data: ")
        if line.startswith(b"data: ") and data != "[DONE]":
            chunk = json.loads(data)
            if "error" in chunk:
                raise SystemExit(chunk["error"]["message"])
            for choice in chunk["choices"]:
                print(choice["delta"].get("content", ""), end="", flush=True)
print()

print("== Conversation")
with post(says("My name is Ann."), x_model_type="conversation") as response:
    conversation = response.headers["x-conversation-id"]
with post(says("Who am I?"), x_conversation_id=conversation) as response:
    print(json.load(response)["choices"][0]["message"]["content"])

print("== Workflow")
with post(says("Process this data."), x_model_type="workflow") as response:
    print(json.load(response)["choices"][0]["message"]["content"])

print("== An error")
try:
    post({"messages": []})
except HTTPError as error:
    told = json.load(error)["error"]
    print(error.code, told["type"], told["param"], told["code"])
