"""A stand-in for Coze: a Tornado app with Coze's wire format, for tests and for trying things out.

It shares no code with the rest of the package, so that what one side gets wrong the other does not
get wrong with it; the official SDK, cozepy, is the judge of both.

A request goes this way: ``app`` routes it to a handler (``chat``, ``workflows``, ...), which asks
``validation`` whether Coze would take it, finds the script that the bot or workflow id names in
``scenarios`` and plays it on a ``stage``. A script is a generator of steps: events, pauses, gates,
raw bytes, broken connections. ``state`` follows the events, so that what is polled afterwards is
what was streamed. ``wire`` and ``errors`` have the formats, ``oauth`` the tokens, ``gates`` and
``records`` are what tests hold scripts with and look at afterwards, ``console`` shows them over
HTTP.

Limits of the pretence are in ``docs/sandbox.md``.
"""

from cozeproxy.sandbox.app import Sandbox
from cozeproxy.sandbox.records import ArrivedRequest

__all__ = ["ArrivedRequest", "Sandbox"]
