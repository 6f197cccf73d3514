"""A run of a workflow: the first argument is its input, the others answer what it asks.

    pip install openai
    python workflow.py "How will the weather be?" "Oslo" "Friday"

OPENAI_BASE_URL says where the service is; the default is that of scripts/run. MODEL is the
workflow: workflow-question-twice is one of the stand-in's, workflow-<id> is any other.
"""

import os
import sys

from openai import OpenAI

client = OpenAI(
    base_url=os.environ.get("OPENAI_BASE_URL", "http://localhost:3000/v1"),
    api_key=os.environ.get("OPENAI_API_KEY", "any-string"),
)
model = os.environ.get("MODEL", "workflow-question-twice")
text, *answers = sys.argv[1:] or ["How will the weather be?", "Oslo", "Friday"]

messages = [{"role": "user", "content": text}]
while True:
    choice = client.chat.completions.create(model=model, messages=messages).choices[0]
    print(choice.message.content)
    if choice.finish_reason != "tool_calls":
        break
    # The workflow waits: its question was the text, and is a tool call.
    answer = answers.pop(0) if answers else input("> ")
    call = choice.message.tool_calls[0]
    messages += [choice.message, {"role": "tool", "tool_call_id": call.id, "content": answer}]
