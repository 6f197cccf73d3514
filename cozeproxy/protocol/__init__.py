"""The translation, without I/O: bytes in, bytes out.

Nothing here opens a socket, reads a clock, the environment or a random number, or writes a log.
What a step needs of these is handed to it. That is why all of it can be tested with plain bytes,
cut at any place.

The way in, once a request::

    body --parsing--> ChatRequest --planning.make_plan--> Plan
         --its call--> Coze's path, query and body

A plan puts together where the request goes (``routing``), what Coze is sent (``messages``,
``attachments``, ``request``, ``workflow``), and how the answer is read.

The way out, for every piece that arrives::

    bytes --sse.EventParser--> events --response.ChatTranslator or
          workflow_response.WorkflowTranslator--> text, reasoning, tool calls, end, failure
          --completion.ChunkWriter or completion.CompletionWriter--> bytes for the caller

Text completions go the same way: ``parsing`` makes a ``ChatRequest`` of their requests, and
``text_completion`` has the writers. So it is with ``responses``, where a request may also go on
from what Coze keeps (``kept``), and what was said is given once more the way it was given first. A
sound, of ``speech``, is given on as it comes.

``stream.ChatStream`` is the way out as one object. Both writers take the same calls: an answer that
is not streamed is a streamed one, collected. There is one parser and one set of rules, so the two
modes cannot come to disagree.
"""
