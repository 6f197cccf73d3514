"""A conversation that Coze remembers: each argument is a turn, and only it is sent.

    pip install openai
    python conversation.py "My name is Ann." "Who am I?"

OPENAI_BASE_URL says where the service is; the default is that of scripts/run. MODEL is the bot:
conversation-memory is one of the stand-in's, conversation-<id> is any other.
"""

import os
import sys

from openai import OpenAI

client = OpenAI(
    base_url=os.environ.get("OPENAI_BASE_URL", "http://localhost:3000/v1"),
    api_key=os.environ.get("OPENAI_API_KEY", "any-string"),
)
model = os.environ.get("MODEL", "conversation-memory")

# The first turn names no conversation, so that Coze makes one.
headers = {}
for text in sys.argv[1:] or ["My name is Ann.", "Who am I?"]:
    print(f"> {text}")
    for chunk in client.chat.completions.create(
        model=model,
        messages=[{"role": "user", "content": text}],
        extra_headers=headers,
        stream=True,
    ):
        print(chunk.choices[0].delta.content or "", end="", flush=True)
    print()
    # The last chunk tells which conversation it was.
    headers = {"x-conversation-id": chunk.coze["conversation_id"]}
