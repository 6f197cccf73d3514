"""A file that Coze keeps, and a question about it.

    pip install openai
    python files.py "Sum it up." report.pdf

The file is uploaded once, and messages name it by its id, as often as they like.
OPENAI_BASE_URL says where the service is; the default is that of scripts/run.
"""

import os
import sys
from pathlib import Path

from openai import OpenAI

client = OpenAI(
    base_url=os.environ.get("OPENAI_BASE_URL", "http://localhost:3000/v1"),
    api_key=os.environ.get("OPENAI_API_KEY", "any-string"),
)
if len(sys.argv) != 3:
    sys.exit("usage: python files.py QUESTION FILE")
question, path = sys.argv[1:]

kept = client.files.create(file=Path(path), purpose="user_data")
print(f"{kept.filename}: {kept.bytes} bytes, {kept.id}")

parts = [{"type": "file", "file": {"file_id": kept.id}}, {"type": "text", "text": question}]
answer = client.chat.completions.create(
    model="gpt-4", messages=[{"role": "user", "content": parts}]
)
print(answer.choices[0].message.content)
