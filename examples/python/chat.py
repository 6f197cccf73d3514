"""One question to a Coze bot, first answered whole, then as it is written.

    pip install openai
    python chat.py "What can you do?"

OPENAI_BASE_URL says where the service is; the default is that of scripts/run.
"""

import os
import sys

from openai import OpenAI

client = OpenAI(
    base_url=os.environ.get("OPENAI_BASE_URL", "http://localhost:3000/v1"),
    api_key=os.environ.get("OPENAI_API_KEY", "any-string"),
)
question = sys.argv[1] if len(sys.argv) > 1 else "Hello!"
messages = [{"role": "user", "content": question}]

answer = client.chat.completions.create(model="gpt-4", messages=messages)
print(answer.choices[0].message.content)

for chunk in client.chat.completions.create(model="gpt-4", messages=messages, stream=True):
    print(chunk.choices[0].delta.content or "", end="", flush=True)
print()
