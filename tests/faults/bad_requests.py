"""Requests that are wrong, each in its own way, and the place that the answer must name for it."""

import base64
import json

from tests.faults.raw_caller import CHAT, chunked, request
from tests.service.asking import says
from tests.support.files import PNG, data_url

GOOD = {"model": "bot-7", "messages": [says("Hi")]}
DEEP = 50_000
HUGE = int("9" * 400)

NO_TEXT = {"number": 1, "list": [], "object": {}, "true": True}
NO_LIST = {"number": 1, "text": "x", "object": {}, "true": True}
NO_OBJECT = {"number": 1, "text": "x", "list": [], "true": True}
NO_BOOL = {"number": 1, "text": "true", "list": [], "object": {}}
NO_INTEGER = {"text": "1", "list": [], "object": {}, "true": True, "fraction": 1.5}
NO_CHOICE = {"number": 1, "list": [], "true": True}
# Fields, and what they cannot be. Those that may be one thing or another have less of it.
TYPES = {
    "model": {**NO_TEXT, "null": None},
    "messages": {**NO_LIST, "null": None, "empty": []},
    "stream": NO_BOOL,
    "stream_options": NO_OBJECT,
    "user": NO_TEXT,
    "safety_identifier": NO_TEXT,
    "metadata": NO_OBJECT,
    "stop": {"number": 1, "object": {}, "true": True, "too many": ["a"] * 5, "too long": "x" * 257},
    "response_format": NO_OBJECT,
    "tools": NO_LIST,
    "tool_choice": {**NO_CHOICE, "required": "required"},
    "functions": NO_LIST,
    "function_call": NO_CHOICE,
    "n": {**NO_INTEGER, "two": 2, "huge": HUGE, "negative": -1},
    "logprobs": {**NO_BOOL, "true": True},
    "top_logprobs": {**NO_INTEGER, "huge": HUGE},
    "modalities": {**NO_LIST, "audio": ["audio"]},
    "audio": {**NO_OBJECT, "object": {"voice": "x"}},
    "coze": NO_OBJECT,
    "x-model-type": {**NO_TEXT, "unknown": "robot"},
    "x-bot-id": NO_TEXT,
    "x-workflow-id": NO_TEXT,
    "x-conversation-id": NO_TEXT,
    "extra_headers": NO_OBJECT,
}
MESSAGE_TYPES = {
    "role": {**NO_TEXT, "null": None, "unknown": "robot"},
    "content": {"number": 1, "object": {}, "true": True},
    "refusal": NO_TEXT,
    "name": NO_TEXT,
    "tool_call_id": NO_TEXT,
    "tool_calls": NO_LIST,
    "function_call": NO_OBJECT,
}
COZE_TYPES = {
    "custom_variables": NO_OBJECT,
    "parameters": NO_OBJECT,
    "meta_data": NO_OBJECT,
    "extra_params": NO_OBJECT,
    "enable_card": NO_BOOL,
    "publish_status": NO_TEXT,
    "conversation_id": NO_TEXT,
    "follow_ups": NO_BOOL,
    "resume": NO_TEXT,
}
# Parts of a message, and the place inside them.
IMAGE = "image_url"
PARTS = {
    "no object": ("x", ""),
    "no type": ({"text": "x"}, ".type"),
    "unknown type": ({"type": "video"}, ".type"),
    "text is a number": ({"type": "text", "text": 1}, ".text"),
    "no address": ({"type": IMAGE}, ".image_url"),
    "address is a number": ({"type": IMAGE, IMAGE: 1}, ".image_url"),
    "address is missing": ({"type": IMAGE, IMAGE: {}}, ".image_url.url"),
    "address is a file": ({"type": IMAGE, IMAGE: "file:///etc/passwd"}, ".image_url"),
    "address has no scheme": ({"type": IMAGE, IMAGE: "//example.com/a"}, ".image_url"),
    "no base64": ({"type": IMAGE, IMAGE: "data:image/png;base64,!"}, ".image_url"),
    "no ASCII": ({"type": IMAGE, IMAGE: "data:image/png;base64,\u00e9"}, ".image_url"),
    "padding in between": ({"type": IMAGE, IMAGE: "data:,QQ==QQ=="}, ".image_url"),
    "no picture": ({"type": IMAGE, IMAGE: data_url(b"MZ")}, ".image_url"),
    "nothing in it": ({"type": IMAGE, IMAGE: "data:,"}, ".image_url"),
    "no recording": ({"type": "input_audio"}, ".input_audio"),
    "picture for a recording": (
        {"type": "input_audio", "input_audio": {"data": data_url(PNG)}},
        ".input_audio.data",
    ),
    "no file": ({"type": "file"}, ".file"),
    "no file's id": ({"type": "file", "file": {}}, ".file.file_id"),
    "path for a file's id": ({"type": "file", "file": {"file_id": "../bots"}}, ".file.file_id"),
}


def packed(prefix, *fields):
    """An id of ours, with whatever in it."""
    text = json.dumps(fields, separators=(",", ":")).encode()
    return prefix + base64.urlsafe_b64encode(text).decode().rstrip("=")


def output(id_):
    """A request that brings the output of a tool."""
    call = {"id": id_, "type": "function", "function": {"name": "f", "arguments": "{}"}}
    asked = [says("Hi"), says(None, "assistant", tool_calls=[call])]
    return {**GOOD, "messages": [*asked, says("x", "tool", tool_call_id=id_)]}


# Ids that were not given out so; the tool's output is what brings them.
IDS = {
    "nothing in it": "call_coze_",
    "no base64": "call_coze_!",
    "no JSON": "call_coze_AAAA",
    "too few fields": packed("call_coze_", "7", "8"),
    "a number": packed("call_coze_", "7", "8", "9", 1),
    "a path": packed("call_coze_", "7", "../v1", "9", "a"),
    "a query": packed("call_coze_", "7", "8&x=1", "9", "a"),
    "a line break": packed("call_coze_", "7", "8\r\nX-Evil: 1", "9", "a"),
    "too long": "call_coze_" + "A" * 5000,
    "spelt otherwise": packed("call_coze_", "7", "8", "9", "a") + "A",
}
# Ids as callers name them.
NAMES = {
    "a path": "../../v1/bots",
    "a query": "7?bot_id=8",
    "a fragment": "7#",
    "a host": "7@example.com",
    "a line break": "7\r\nX-Evil: 1",
    "a NUL": "7\x00",
    "an escape": "7\x1b[31m",
    "a space": "7 8",
    "percents": "7%2e%2e%2f",
    "backslashes": "7\\..\\8",
    "other digits": "\uff17",
    "a lone dot": ".",
    "too long": "7" * 10_000,
}


def in_content(text):
    """GOOD with these bytes in the place of the message's text, so that it need not be JSON."""
    data = text if isinstance(text, bytes) else text.encode()
    return b'{"model": "bot-7", "messages": [{"role": "user", "content": ' + data + b"}]}"


# Bodies that are no JSON, or none that can be; of most of them no place can be named.
BODIES = {
    "nothing": b"",
    "a space": b" ",
    "a brace": b"{",
    "no JSON": b"model=bot-7&messages=Hi",
    "a form": b"--x\r\nContent-Disposition: form-data; name=a\r\n\r\nb\r\n--x--\r\n",
    "two documents": json.dumps(GOOD).encode() * 2,
    "something after it": json.dumps(GOOD).encode() + b"x",
    "a BOM": b"\xef\xbb\xbf" + json.dumps(GOOD).encode(),
    "UTF-16": json.dumps(GOOD).encode("utf-16"),
    "UTF-32": json.dumps(GOOD).encode("utf-32"),
    "single quotes": repr(GOOD).encode(),
    "a comment": b"/* Hi */" + json.dumps(GOOD).encode(),
    "a comma at the end": in_content('"Hi",'),
    "null": b"null",
    "a text": b'"Hi"',
    "a number": b"1",
    "a list": b"[]",
    "NaN": in_content("NaN"),
    "Infinity": in_content("-Infinity"),
    "a leading zero": in_content("01"),
    "a number without end": in_content("9" * 100_000),
    "an exponent without end": in_content("1e" + "9" * 10_000),
    "invalid UTF-8": in_content(b'"\xff\xfe"'),
    "overlong UTF-8": in_content(b'"\xc0\xaf"'),
    "a surrogate in UTF-8": in_content(b'"\xed\xa0\x80"'),
    "half a character": in_content(b'"\xf0\x9f\x98'),
    "lone high surrogate": in_content(r'"\ud83d"'),
    "lone low surrogate": in_content(r'"\ude00"'),
    "surrogates the wrong way round": in_content(r'"\ude00\ud83d"'),
    "a surrogate in a key": b'{"\\ud83d": 1, "model": "bot-7", "messages": []}',
    "an escape that is none": in_content(r'"\x41"'),
    "a line break in a text": in_content('"a\nb"'),
    "a NUL in a text": in_content('"a\x00b"'),
    "a text without end": in_content('"Hi'),
    "deep lists": in_content("[" * DEEP + "]" * DEEP),
    "deep objects": in_content('{"a":' * DEEP + "1" + "}" * DEEP),
    "deep where nobody looks": b'{"x":' + b"[" * DEEP + b"]" * DEEP + b"," + b'"model": 1}',
    "deep parameters": json.dumps(GOOD).encode()[:-1]
    + b', "coze": {"parameters": {"a": '
    + b"[" * DEEP
    + b"]" * DEEP
    + b"}}}",
    "a key twice, the last one wrong": json.dumps(GOOD).encode()[:-1] + b', "model": 1}',
    "a key twice, the first one wrong": b'{"model": 1, ' + json.dumps(GOOD).encode()[1:],
    "no model": b'{"messages": [{"role": "user", "content": "Hi"}]}',
    "no messages": b'{"model": "bot-7"}',
    "no role": b'{"model": "bot-7", "messages": [{"content": "Hi"}]}',
    "a message that is a text": b'{"model": "bot-7", "messages": ["Hi"]}',
    "no content": b'{"model": "bot-7", "messages": [{"role": "user"}]}',
}
# Bodies that are of the kind that the head names, which does not make them better.
KINDS = {
    "application/json; charset=utf-16": json.dumps(GOOD).encode("utf-16-le"),
    "application/x-www-form-urlencoded": b"model=bot-7&messages=Hi",
    "multipart/form-data; boundary=x": b"--x\r\nContent-Disposition: form-data\r\n\r\nb",
    "application/xml": b"<model>bot-7</model>",
    "application/cbor": b"\xa1\x65model\x65bot-7",
    "application/x-ndjson": json.dumps(GOOD).encode() + b"\n" + json.dumps(GOOD).encode(),
    "image/png": PNG,
    "text/event-stream": b"data: {}\n\n",
}
# Lines of a head beside a good body, or in the place of its length.
HEADERS = {
    "model type": ("x-model-type: robot", 400),
    "model type of other letters": ("x-model-type: cha\u0074\u0442", 400),
    "bot id with a path": ("x-bot-id: ../7", 400),
    "bot id with a query": ("x-bot-id: 7?x=1", 400),
    "bot id with a tab": ("x-bot-id: 7\t8", 400),
    "bot id beyond ASCII": (b"x-bot-id: \xb2", 400),
    "bot id in UTF-8": ("x-bot-id: \uff17", 400),
    "bot id that is too long": ("x-bot-id: " + "7" * 10_000, 400),
    "bot id twice": ("x-bot-id: 7\r\nx-bot-id: 8", 400),
    "workflow id with a path": ("x-workflow-id: ../7", 400),
    "conversation id with a path": ("x-conversation-id: ../7", 400),
    "conversation id with a fragment": ("x-conversation-id: 7#8", 400),
    "gzip": ("Content-Encoding: gzip", 415),
    "an encoding that is none": ("Content-Encoding: x", 415),
    "too many of them": ("a: b\r\n" * 300 + "a: b", 431),
    "too many different ones": ("\r\n".join(f"x-{i}: b" for i in range(300)), 431),
    "control character": ("x-a: a\x01b", 400),
    "NUL": ("x-a: a\x00b", 400),
    "carriage return": ("x-a: a\rb", 400),
    "delete": ("x-a: a\x7fb", 400),
    "name with a space": ("x a: b", 400),
    "name with a space at its end": ("x-a : b", 400),
    "name of nothing": (": b", 400),
    "name beyond ASCII": ("x-\u00e9: b", 400),
    "no colon": ("x-a", 400),
    "folded": ("x-a: b\r\n c", 400),
    "another host": ("Host: example.com", 400),
    "length and chunks": ("Transfer-Encoding: chunked", 400),
    "another length": ("Content-Length: 1", 400),
    "a length that is none": ("Content-Length: x", 400),
    "an encoding of transfer": ("Transfer-Encoding: gzip", 400),
}
CHUNKED = "Transfer-Encoding: chunked"
LENGTHS = {
    "below zero": ("Content-Length: -1", b"{}"),
    "with a sign": ("Content-Length: +2", b"{}"),
    "hexadecimal": ("Content-Length: 0x2", b"{}"),
    "with an underscore": ("Content-Length: 1_0", b"{}"),
    "with a fraction": ("Content-Length: 2.0", b"{}"),
    "of nothing": ("Content-Length:", b"{}"),
    "beyond all": ("Content-Length: " + "9" * 30, b"{}"),
    "without end": ("Content-Length: " + "9" * 5000, b"{}"),
    "unequal in one": ("Content-Length: 2, 3", b"{}"),
    "in other digits": ("Content-Length: \uff12", b"{}"),
    "chunks, twice": (f"{CHUNKED}\r\n{CHUNKED}", chunked(b"{}")),
    "chunks and identity": ("Transfer-Encoding: chunked, identity", chunked(b"{}")),
    "identity": ("Transfer-Encoding: identity", b"{}"),
    "chunks after a tab that is none": ("Transfer-Encoding:\x0bchunked", chunked(b"{}")),
    "chunk with an extension": (CHUNKED, b"2;a=b\r\n{}\r\n0\r\n\r\n"),
    "chunk below zero": (CHUNKED, b"-2\r\n{}\r\n0\r\n\r\n"),
    "chunk with a prefix": (CHUNKED, b"0x2\r\n{}\r\n0\r\n\r\n"),
    "chunk with a space": (CHUNKED, b" 2\r\n{}\r\n0\r\n\r\n"),
    "chunk without a size": (CHUNKED, b"\r\n{}\r\n0\r\n\r\n"),
    "chunk beyond all": (CHUNKED, b"f" * 60 + b"\r\n{}\r\n0\r\n\r\n"),
    "chunk that is longer": (CHUNKED, b"2\r\n{}}\r\n0\r\n\r\n"),
    "chunks with a trailer": (CHUNKED, b"2\r\n{}\r\n0\r\nx: y\r\n\r\n"),
}
LINES = {
    "HTTP/0.9": b"GET /health\r\n\r\n",
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "version in lower case": b"GET /health http/1.1\r\nHost: a\r\n\r\n",
    "two spaces": b"GET  /health HTTP/1.1\r\nHost: a\r\n\r\n",
    "tabs": b"GET\t/health\tHTTP/1.1\r\nHost: a\r\n\r\n",
    "a path with a space": b"GET /he alth HTTP/1.1\r\nHost: a\r\n\r\n",
    "a NUL in the path": b"GET /\x00 HTTP/1.1\r\nHost: a\r\n\r\n",
    "no host": b"GET /health HTTP/1.1\r\n\r\n",
    "two hosts": b"GET /health HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    "a host that is none": b"GET /health HTTP/1.1\r\nHost: a b\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    "a path that is no UTF-8": b"GET /v1/models/%ff HTTP/1.1\r\nHost: a\r\n\r\n",
    "another site": b"GET http://example.com/health HTTP/1.1\r\nHost: a\r\n\r\n",
    "a proxy": b"CONNECT example.com:443 HTTP/1.1\r\nHost: a\r\n\r\n",
    "TRACE": b"TRACE /health HTTP/1.1\r\nHost: a\r\n\r\n",
    "a method of ours": b"FINISH /health HTTP/1.1\r\nHost: a\r\n\r\n",
    "a path upwards": b"GET /v1/../health HTTP/1.1\r\nHost: a\r\n\r\n",
    "a long path": b"GET /" + b"a" * 60_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
}


def in_message(field, value):
    return {**GOOD, "messages": [{**says("Hi"), field: value}]}


def in_coze(field, value):
    return {**GOOD, "coze": {field: value}}


def typed(prefix, types, make, place):
    """Requests with a value of a wrong type at each field."""
    for field, values in types.items():
        for name, value in values.items():
            yield f"{prefix}{field}: {name}", request(make(field, value)), 400, f"{place}{field}"


def named():
    """Requests with ids of other forms than Coze's."""
    for name, id_ in NAMES.items():
        for field in ("x-bot-id", "x-conversation-id"):
            yield f"{field}: {name}", request({**GOOD, field: id_}), 400, field
        yield f"model: {name}", request({**GOOD, "model": f"bot-{id_}"}), 400, "model"
    for name, id_ in IDS.items():
        yield f"id: {name}", request(output(id_)), 400, "messages[2].tool_call_id"


def worded():
    """Requests whose HTTP is wrong, or their JSON."""
    for name, data in BODIES.items():
        yield f"body: {name}", request(data), 400, ...
    for kind, data in KINDS.items():
        yield f"kind: {kind}", request(data, CHAT, "POST", f"Content-Type: {kind}"), 400, ...
    for name, (line, status) in HEADERS.items():
        yield f"header: {name}", request(GOOD, CHAT, "POST", line), status, ...
    for name, (line, data) in LENGTHS.items():
        yield f"length: {name}", request(b"", CHAT, "POST", line) + data, 400, ...
    for name, data in LINES.items():
        yield f"line: {name}", data, ..., ...


def parted():
    """Requests with parts of a message that cannot be."""
    for name, (part, place) in PARTS.items():
        asked = {**GOOD, "messages": [says([part])]}
        yield f"part: {name}", request(asked), 400, f"messages[0].content[0]{place}"


# Each request by its name: its bytes, the status of its answer, and the place that it names.
BAD = {
    name: case
    for name, *case in (
        *typed("", TYPES, lambda field, value: {**GOOD, field: value}, ""),
        *typed("message, ", MESSAGE_TYPES, in_message, "messages[0]."),
        *typed("coze, ", {**COZE_TYPES, "robot": {"unknown": 1}}, in_coze, "coze."),
        *parted(),
        *named(),
        *worded(),
    )
}
