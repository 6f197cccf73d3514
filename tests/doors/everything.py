"""A request of every kind that the service answers, and the status that it answers with."""

from tests.service.asking import body

CHAT = "/v1/chat/completions"
SPEECH = "/v1/audio/speech"
SPOKEN = {"model": "tts-1", "input": "Hi", "voice": "tone"}
SHARED = {
    "whole": (CHAT, "POST", body("hello"), 200),
    "streamed": (CHAT, "POST", body("hello", stream=True), 200),
    "ends badly": (CHAT, "POST", body("failed", stream=True), 502),
    "refused": (CHAT, "POST", body("rate-limited"), 429),
    "no JSON": (CHAT, "POST", b"{", 400),
    "wrong method": (CHAT, "GET", None, 405),
    "no method": (CHAT, "PATCH", b"", 405),
    "preflight": (CHAT, "OPTIONS", None, 204),
    "text": ("/v1/completions", "POST", {"model": "bot-hello", "prompt": "Hi"}, 200),
    "speech": (SPEECH, "POST", SPOKEN, 200),
    "speech, refused": (SPEECH, "POST", {**SPOKEN, "voice": "code-4028"}, 429),
    "speech, no voice": (SPEECH, "POST", {**SPOKEN, "voice": "alloy"}, 400),
    "transcription, no form": ("/v1/audio/transcriptions", "POST", b"{", 400),
    "file, no form": ("/v1/files", "POST", b"{", 400),
    "files": ("/v1/files", "GET", None, 404),
    "file": ("/v1/files/file-1-vision", "GET", None, 404),
    "file's content": ("/v1/files/file-1-vision/content", "GET", None, 404),
    "response": ("/v1/responses", "POST", {"model": "bot-hello", "input": "Hi"}, 200),
    "no response": ("/v1/responses", "POST", {"model": "bot-hello", "input": 1}, 400),
    "models": ("/v1/models", "GET", None, 200),
    "model": ("/v1/models/gpt-4", "GET", None, 200),
    "no model": ("/v1/models/none", "GET", None, 404),
    "nowhere": ("/v1/nowhere", "GET", None, 404),
    "nowhere, preflight": ("/v1/nowhere", "OPTIONS", None, 404),
    "root": ("/", "GET", None, 404),
    "description": ("/openapi.json", "GET", None, 200),
    "ready": ("/ready", "GET", None, 200),
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
