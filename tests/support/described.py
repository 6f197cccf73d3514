"""openapi.json as a judge: whether what is sent and answered is what it says."""

import copy
import json
import re
from urllib.parse import urlsplit

from jsonschema import Draft202012Validator
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from tests.support.processes import ROOT

# Where the document is found by its own references.
URI = "urn:openapi"
FILE = ROOT / "cozeproxy" / "openapi.json"


def read():
    return json.loads(FILE.read_text(encoding="utf-8"))


def _shut(schema):
    """Refuse, in a schema and all that is in it, properties that it does not name."""
    for part in schema.values() if isinstance(schema, dict) else schema:
        if isinstance(part, dict | list):
            _shut(part)
    if isinstance(schema, dict) and isinstance(schema.get("properties"), dict):
        schema.setdefault("additionalProperties", False)


class Description:
    """Holds requests and answers against the description.

    Answers must have nothing that is not described, although whoever reads it is not told that
    there will never be more.
    """

    def __init__(self):
        document = read()
        self._paths = document["paths"]
        # Longer ones first, as an id may have slashes in it.
        self._patterns = {path: _pattern(path) for path in sorted(self._paths, key=len)[::-1]}
        self._open = _registry(document)
        shut = copy.deepcopy(document)
        for name in ("paths", "components"):
            _shut(shut[name])
        self._shut = _registry(shut)

    def operation(self, request):
        """The id of the operation that a request is for, if it is described."""
        return self._operation(request).get("operationId")

    def check(self, request, response):
        """Hold an answer, and the request if it was taken, against the description."""
        path = self._path(request)
        if path is None or request.method in ("HEAD", "OPTIONS"):
            return
        operation = self._operation(request)
        if not operation:
            assert response.code >= 400, f"{request.method} {path} is served and not described"
            return
        place = f"#/paths/{path.replace('~', '~0').replace('/', '~1')}/{request.method.lower()}"
        taken = operation.get("requestBody", {}).get("content", {})
        if response.code < 400 and request.body and "application/json" in taken:
            self._check(self._open, f"{place}/requestBody/content/application~1json", request.body)
        # Without a type it is the server below that has answered, to what it did not take for HTTP.
        if response.code != 400 or "Content-Type" in response.headers:
            self._check_response(place, operation["responses"], response)

    def _check_response(self, place, responses, response):
        described = {str(response.code), f"{response.code // 100}XX"} & responses.keys()
        assert described, f"{place}: {response.code} is not described"
        (status,) = described
        place = f"{place}/responses/{status}"
        if "$ref" in responses[status]:
            place = responses[status]["$ref"]
        kind = response.headers["Content-Type"].partition(";")[0]
        assert kind in self._open.resolver(URI).lookup(place).contents["content"], kind
        place = f"{place}/content/{kind.replace('/', '~1')}"
        if kind == "text/event-stream":
            chunks = re.findall(rb"^data: (.*)$", response.body, re.MULTILINE)
            # Those between them are all of one kind, and in some answers there are thousands.
            for data in [*chunks[:20], *chunks[20:][-20:]]:
                if data != b"[DONE]":
                    self._check(
                        self._shut, place, data, "/schema/properties/data/anyOf/0/contentSchema"
                    )
        elif kind == "application/json":
            self._check(self._shut, place, response.body)

    def _check(self, registry, place, data, schema="/schema"):
        validator = Draft202012Validator({"$ref": URI + place + schema}, registry=registry)
        errors = validator.iter_errors(json.loads(data))
        found = [f"{e.json_path}: {e.message}"[:500] for error in errors for e in _parts(error)]
        assert not found, f"{place}: {found}"

    def _operation(self, request):
        return self._paths.get(self._path(request), {}).get(request.method.lower(), {})

    def _path(self, request):
        path = urlsplit(request.url).path
        if path in self._paths:
            return path
        return next((p for p, pattern in self._patterns.items() if pattern.fullmatch(path)), None)


def _parts(error):
    """What is wrong with each alternative, where there are some."""
    return error.context or [error]


def _pattern(path):
    return re.compile(".+".join(re.escape(part) for part in re.split(r"\{\w+\}", path)))


def _registry(document):
    return Registry().with_resource(URI, DRAFT202012.create_resource(document))
