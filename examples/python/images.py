"""A question about images on the web or in files.

    pip install openai
    python images.py "Which is the older one?" https://example.com/first.png second.jpg

An address must be public, as Coze fetches it. A file goes inside the request, and is uploaded to
Coze once, however often a conversation repeats it.
OPENAI_BASE_URL says where the service is; the default is that of scripts/run.
"""

import base64
import os
import sys
from pathlib import Path

from openai import OpenAI

client = OpenAI(
    base_url=os.environ.get("OPENAI_BASE_URL", "http://localhost:3000/v1"),
    api_key=os.environ.get("OPENAI_API_KEY", "any-string"),
)
if len(sys.argv) < 3:
    sys.exit("usage: python images.py QUESTION IMAGE...")
question, *images = sys.argv[1:]


def part(image: str) -> dict[str, object]:
    """An image as a part of a message."""
    url = image
    if not image.startswith(("http://", "https://")):
        content = base64.b64encode(Path(image).read_bytes()).decode()
        url = f"data:image/{Path(image).suffix[1:]};base64,{content}"
    return {"type": "image_url", "image_url": {"url": url}}


content = [{"type": "text", "text": question}, *map(part, images)]
for chunk in client.chat.completions.create(
    model="gpt-4", messages=[{"role": "user", "content": content}], stream=True
):
    print(chunk.choices[0].delta.content or "", end="", flush=True)
print()
