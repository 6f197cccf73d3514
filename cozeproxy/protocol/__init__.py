"""The translation, without I/O: bytes in, bytes out.

Nothing here opens a socket, reads a clock, the environment or a random number, or writes a log.
What a step needs of these is handed to it. That is why all of it can be tested with plain bytes,
cut at any place.

The way in, once a request::

    body --openai.parse_chat_request--> ChatRequest --routing.route--> Route
         --request.chat_body--> Coze's body

The way out, for every piece that arrives::

    bytes --sse.EventParser--> events --response.ChatTranslator--> text, reasoning, end, failure
          --openai.ChunkWriter or openai.CompletionWriter--> bytes for the caller

``stream.ChatStream`` is the way out as one object. Both writers take the same calls: an answer that
is not streamed is a streamed one, collected. There is one parser and one set of rules, so the two
modes cannot come to disagree.
"""
