"""A conversation by OpenAI's Responses API: each argument is a turn, which goes on from the last.

    pip install openai
    python responses.py "My name is Ann." "Who am I?"

OPENAI_BASE_URL says where the service is; the default is that of scripts/run. MODEL is the bot:
bot-memory is one of the stand-in's, bot-<id> is any other.
"""

import os
import sys

from openai import OpenAI

client = OpenAI(
    base_url=os.environ.get("OPENAI_BASE_URL", "http://localhost:3000/v1"),
    api_key=os.environ.get("OPENAI_API_KEY", "any-string"),
)
model = os.environ.get("MODEL", "bot-memory")

previous = None
for text in sys.argv[1:] or ["My name is Ann.", "Who am I?"]:
    print(f"> {text}")
    with client.responses.stream(model=model, input=text, previous_response_id=previous) as stream:
        for event in stream:
            if event.type == "response.output_text.delta":
                print(event.delta, end="", flush=True)
        previous = stream.get_final_response().id
    print()

# Coze keeps the turns: any of them can be asked for, and another can go on from it.
print(f"tokens: {client.responses.retrieve(previous).usage.total_tokens}")
