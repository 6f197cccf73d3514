"""A request of every kind that the service answers, and the status that it answers with."""

from tests.service.asking import body

CHAT = "/v1/chat/completions"
SHARED = {
    "whole": (CHAT, "POST", body("hello"), 200),
    "streamed": (CHAT, "POST", body("hello", stream=True), 200),
    "ends badly": (CHAT, "POST", body("failed", stream=True), 502),
    "refused": (CHAT, "POST", body("rate-limited"), 429),
    "no JSON": (CHAT, "POST", b"{", 400),
    "wrong method": (CHAT, "GET", None, 405),
    "no method": (CHAT, "PATCH", b"", 405),
    "preflight": (CHAT, "OPTIONS", None, 204),
    "models": ("/v1/models", "GET", None, 200),
    "model": ("/v1/models/gpt-4", "GET", None, 200),
    "no model": ("/v1/models/none", "GET", None, 404),
    "nowhere": ("/v1/nowhere", "GET", None, 404),
    "nowhere, preflight": ("/v1/nowhere", "OPTIONS", None, 404),
    "root": ("/", "GET", None, 404),
    "health": ("/health", "GET", None, 200),
    "health, head": ("/health", "HEAD", None, 200),
}
OWN = {
    "token": ("/get_jwt", "GET", None, 403),
    "token, preflight": ("/get_jwt", "OPTIONS", None, 403),
    "refresh": ("/refresh_jwt", "POST", b"", 403),
    "clear": ("/clear_jwt", "DELETE", None, 403),
    "metrics": ("/metrics", "GET", None, 403),
}
EVERYTHING = SHARED | OWN
