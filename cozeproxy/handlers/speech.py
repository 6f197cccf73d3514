"""``POST /v1/audio/speech``: a sound from Coze, given on as it comes."""

import math
import socket
import struct

from cozeproxy.handlers.asking import AskingHandler
from cozeproxy.handlers.base import BaseHandler
from cozeproxy.handlers.heads import told_in_stream
from cozeproxy.handlers.relay import Relay
from cozeproxy.handlers.watch import Times
from cozeproxy.protocol.speech import SoundStream, read_speech

# With it, closing a socket resets the connection (socket(7): SO_LINGER).
RESET = struct.pack("ii", 1, 0)


class SoundRelay(Relay):
    """A sound on its way: like a stream of chunks, without a place for words in between.

    Args:
        handler: whose response is written.
        content_type: of the sound.
        times: how long things may take.
    """

    def __init__(self, handler: BaseHandler, content_type: str, times: Times) -> None:
        # Nothing can be sent before the sound, as a sign of life or otherwise: routers wait for it
        # as they wait for an answer that is not streamed.
        first = min(times.first, times.deadline or math.inf)
        times = times._replace(first=first, heartbeat=math.inf)
        super().__init__(handler, lambda _begun: SoundStream(), times, streaming=True)
        self._content_type = content_type

    def _begin(self) -> None:
        super()._begin()
        self._handler.set_header("Content-Type", self._content_type)

    async def _finish(self) -> None:
        if not self._failure or not self.begun or self._left:
            await super()._finish()
            return
        told_in_stream(self._handler, self._failure)
        if self._handler.request.version == "HTTP/1.0" and not self._caller.closed():
            # There a body ends with its connection, for good and for bad.
            self._caller.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        # In the middle of the body, so that nobody takes it for a whole one.
        self._caller.close()


class SpeechHandler(AskingHandler):
    """Speech."""

    async def post(self) -> None:
        """Give Coze's sound on."""
        context = self.context
        with context.load.entered():
            voices = context.settings.voice_map or {}
            speech = await self.read_body(lambda pieces: read_speech(b"".join(pieces), voices))
            if self.gone:
                self.tell_nobody()
                return
            self.record.model = speech.model
            self.record.stream_begins()
            # What is sent in its place is short.
            self.body.drop()
            account = self.account(self.end_user(speech.user))
            relay = SoundRelay(self, speech.content_type, context.chat_times)
            await self.give(relay, speech, account)
