#!/usr/bin/env python3
"""Show and test every endpoint of a running service by raw HTTP: scripts/raw_http.py [URL].

Each request is printed as it goes over the wire, and each response as it comes. The exit status is
0 if all is as expected. What is asked of Coze costs quota. These are taken from the environment:

OPENAI_API_KEY     a key of callers, where the service asks for one
PROXY_ADMIN_KEY    the owner's, for tokens and metrics; without it they may be shut
COZE_BOT_ID, COZE_WORKFLOW_ID, CHATFLOW_ID, VOICE    what is asked; else what the stand-in has
ORIGIN             of a web page that may call

It needs Python alone, and none of the project's own code.
"""

import json
import os
import re
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import Any
from urllib.parse import urlsplit

KEY = os.environ.get("OPENAI_API_KEY", "any-string")
ADMIN_KEY = os.environ.get("PROXY_ADMIN_KEY", "")
BOT = os.environ.get("COZE_BOT_ID", "7400000000000000001")
WORKFLOW = os.environ.get("COZE_WORKFLOW_ID", "7400000000000000002")
CHATFLOW = os.environ.get("CHATFLOW_ID", "echo")
VOICE = os.environ.get("VOICE", "7400000000000000005")
ORIGIN = os.environ.get("ORIGIN", "https://app.example")

CHAT = "/v1/chat/completions"
RESPONSES = "/v1/responses"
CONVERSATIONS = "/v1/conversations"
HELLO = [{"role": "user", "content": "Hello!"}]
ASKED = {"model": f"bot-{BOT}", "input": "Hello!"}
NONE = "404", "not found"
SPEECH = {"model": "tts-1", "input": "Hello!", "voice": VOICE}
FORM = {"Content-Type": "multipart/form-data; boundary=hello"}
MODEL_PART = 'Content-Disposition: form-data; name="model"\r\n\r\nwhisper-1'
PURPOSE_PART = 'Content-Disposition: form-data; name="purpose"\r\n\r\nuser_data'
FILE_PART = 'Content-Disposition: form-data; name="file"; filename="hello.txt"\r\n\r\nHello!'
# Shut, or without OAuth, these endpoints are errors; see docs/access.md.
LACKING = '"code":"unsupported_operation"'
METRICS = "200|403", "^cozeproxy_requests_total|permission_denied"
LISTED = "200|400|403", '"object":"list"|"param":"bot_id"|permission_denied'
TOKEN = "200|400|403", '"success":true|jwt_not_configured|permission_denied'
# A token that is given out is for no screen.
GIVEN = re.compile(r'"(token|access_token)":"[^"]*"')
TIMEOUT = 180


@dataclass(frozen=True)
class Case:
    """A request, and what is expected of its response.

    Attributes:
        title: what it is.
        method: of HTTP.
        path: with its slash.
        status: which all of the status must match.
        pattern: which something in the response must match, head or body.
        body: text, or what becomes JSON.
        headers: of the request.
        key: bearer token.
    """

    title: str
    method: str
    path: str
    status: str
    pattern: str
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    key: str = KEY


def say(
    title: str, pattern: str, fields: dict[str, Any], headers: dict[str, str] | None = None
) -> Case:
    """Ask something of Coze; the fields go into the body."""
    body = {"model": "gpt-4", "messages": HELLO} | fields
    return Case(title, "POST", CHAT, "200", pattern, body, headers or {})


def form(*parts: str) -> str:
    """A form as it goes over the wire."""
    return "".join(f"--hello\r\n{part}\r\n" for part in parts) + "--hello--\r\n"


def each_way(kind: str, header: str, id_: str, prefix: str) -> Iterator[Case]:
    """A type, named by headers, in the body, and by the model name."""
    named = {"x-model-type": kind, header: id_}
    streamed = {"model": f"{prefix}-{id_}", "stream": True}
    yield say(f"{kind}, by headers", "chat.completion", {}, named)
    yield say(f"{kind}, in the body", "chat.completion", dict(named))
    yield say(f"{kind}, by the model name, streamed", DONE, streamed)


DONE = r"^data: \[DONE\]"
CASES = [
    Case("health", "GET", "/health", "200", '"status":"ok"'),
    Case("ready", "GET", "/ready", "200", '"status":"ready"'),
    Case("models", "GET", "/v1/models", "200", '"object":"list"'),
    Case("one model", "GET", f"/v1/models/bot-{BOT}", "200", '"object":"model"'),
    say("chat, whole", '"object":"chat.completion"', {"model": f"bot-{BOT}"}),
    say("chat, streamed", DONE, {"model": f"bot-{BOT}", "stream": True}),
    *each_way("chat", "x-bot-id", BOT, "bot"),
    *each_way("conversation", "x-bot-id", BOT, "conversation"),
    *each_way("workflow", "x-workflow-id", WORKFLOW, "workflow"),
    *each_way("chatflow", "x-workflow-id", CHATFLOW, "chatflow"),
    Case(
        "text completion",
        "POST",
        "/v1/completions",
        "200",
        '"object":"text_completion"',
        {"model": f"bot-{BOT}", "prompt": "Hello!"},
    ),
    Case("speech", "POST", "/v1/audio/speech", "200", "^content-type: audio/mpeg", SPEECH),
    Case(
        "a file", "POST", "/v1/files", "200", '"object":"file"', form(PURPOSE_PART, FILE_PART), FORM
    ),
    Case(
        "error: no recording",
        "POST",
        "/v1/audio/transcriptions",
        "400",
        '"param":"file"',
        form(MODEL_PART),
        FORM,
    ),
    Case("error: no such file", "GET", "/v1/files/file-1-user_data", "404", "No such File"),
    Case("error: no list of files", "GET", "/v1/files", "404", LACKING),
    Case("error: no content of files", "GET", "/v1/files/file-1-user_data/content", "404", LACKING),
    Case("response, whole", "POST", RESPONSES, "200", '"object":"response"', ASKED),
    Case(
        "response, streamed",
        "POST",
        RESPONSES,
        "200",
        "^event: response.completed",
        {**ASKED, "stream": True},
    ),
    Case("conversation", "POST", CONVERSATIONS, "200", '"object":"conversation"', {}),
    Case("error: no such response", "GET", f"{RESPONSES}/resp_1", *NONE),
    Case("error: no input of it", "GET", f"{RESPONSES}/resp_1/input_items", *NONE),
    Case("error: nothing to cancel", "POST", f"{RESPONSES}/resp_1/cancel", *NONE, ""),
    Case("error: no such conversation", "GET", f"{CONVERSATIONS}/conv_1", *NONE),
    Case("error: no items of it", "GET", f"{CONVERSATIONS}/conv_1/items", *NONE),
    Case("error: no such item", "GET", f"{CONVERSATIONS}/conv_1/items/msg_1", *NONE),
    Case("error: no history of it", "GET", f"{CONVERSATIONS}/conv_1/history", *NONE),
    Case("error: no JSON", "POST", CHAT, "400", '"type":"invalid_request_error"', "{"),
    Case("error: no messages", "POST", CHAT, "400", '"param":"messages"', {"model": "gpt-4"}),
    Case(
        "error: no such type",
        "POST",
        CHAT,
        "400",
        '"code":"invalid_model_type"',
        {"model": "gpt-4", "messages": HELLO},
        {"x-model-type": "poem"},
    ),
    Case("error: no such model", "GET", "/v1/models/none", "404", '"code":"model_not_found"'),
    Case("error: no such path", "GET", "/v1/nowhere", "404", "Invalid URL"),
    Case("error: wrong method", "GET", CHAT, "405", "^allow: "),
    Case(
        "preflight of a web page",
        "OPTIONS",
        CHAT,
        "204",
        "^access-control-allow-methods: ",
        headers={
            "Origin": ORIGIN,
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "authorization, content-type",
        },
    ),
    Case("description", "GET", "/openapi.json", "200", '"openapi"'),
    Case("metrics", "GET", "/metrics", *METRICS, key=ADMIN_KEY),
    Case("conversations", "GET", CONVERSATIONS, *LISTED, key=ADMIN_KEY),
    Case("token", "GET", "/get_jwt", *TOKEN, key=ADMIN_KEY),
    Case("a new token", "POST", "/refresh_jwt", *TOKEN, "", key=ADMIN_KEY),
    Case("no token", "DELETE", "/clear_jwt", *TOKEN, key=ADMIN_KEY),
]


def ask(url: str, case: Case) -> bool:
    """Make a request, show it and its response; whether that is as expected."""
    parts = urlsplit(url)
    body = case.body if case.body is None or isinstance(case.body, str) else json.dumps(case.body)
    headers = {"Content-Type": "application/json"} | case.headers
    print(f"\n# {case.title}")
    show(">", f"{case.method} {parts.path}{case.path} HTTP/1.1", "Authorization: Bearer ********")
    show(">", *heads(headers.items()), "", body or "")
    headers["Authorization"] = f"Bearer {case.key}"
    kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    connection = kind(parts.netloc, timeout=TIMEOUT)
    began = time.monotonic()
    try:
        connection.request(case.method, parts.path + case.path, body, headers)
        response = connection.getresponse()
        seen = receive(response)
    except (OSError, HTTPException) as error:
        print(f"FAILED: {error!r}")
        return False
    finally:
        connection.close()
    found = f"{response.status} after {time.monotonic() - began:.3f} s"
    good = re.fullmatch(case.status, str(response.status)) and re.search(
        case.pattern, seen, re.IGNORECASE | re.MULTILINE
    )
    wrong = f"FAILED, expected {case.status} and {case.pattern}"
    print(f"{found}: {'as expected' if good else wrong}")
    return bool(good)


def receive(response: HTTPResponse) -> str:
    """Show a response as it comes; give all of it."""
    lines = [f"HTTP/1.1 {response.status} {response.reason}", *heads(response.getheaders()), ""]
    show("<", *lines)
    if response.getheader("Content-Type", "").startswith("audio/"):
        # A sound is for no screen either.
        show("<", f"({len(response.read())} bytes)")
    for line in response:
        lines.append(line.decode(errors="replace").rstrip("\r\n"))
        show("<", GIVEN.sub(r'"\1":"********"', lines[-1]))
    return "\n".join(lines)


def heads(headers: Iterable[tuple[str, str]]) -> list[str]:
    """Headers as lines."""
    return [f"{name}: {value}" for name, value in headers]


def show(mark: str, *lines: str) -> None:
    """Print lines of HTTP."""
    for line in lines:
        print(mark, line, flush=True)


def main() -> int:
    """Try everything; the exit status."""
    url = sys.argv[1] if len(sys.argv) > 1 else "http://localhost:3000"
    url = (url if "://" in url else f"http://{url}").rstrip("/").removesuffix("/v1")
    results = [ask(url, case) for case in CASES]
    print(f"\n{sum(results)} of {len(results)} as expected")
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
