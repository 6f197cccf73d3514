"""A conversation with a chatflow: each argument is a turn; what it asks, the next turn answers.

    pip install openai
    python chatflow.py "How will the weather be?" "Oslo"

OPENAI_BASE_URL says where the service is; the default is that of scripts/run. MODEL is the
chatflow: chatflow-question is one of the stand-in's, chatflow-<id> is any other.
"""

import os
import sys

from openai import OpenAI

client = OpenAI(
    base_url=os.environ.get("OPENAI_BASE_URL", "http://localhost:3000/v1"),
    api_key=os.environ.get("OPENAI_API_KEY", "any-string"),
)
model = os.environ.get("MODEL", "chatflow-question")

# The first turn names no conversation, so that Coze makes one.
coze = {}
for text in sys.argv[1:] or ["How will the weather be?", "Oslo"]:
    print(f"> {text}")
    answer = client.chat.completions.create(
        model=model,
        messages=[{"role": "user", "content": text}],
        extra_body={"coze": coze},
    )
    print(answer.choices[0].message.content)
    coze = {"conversation_id": answer.coze["conversation_id"]}
