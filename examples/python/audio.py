"""A text spoken by one of Coze's voices into a file, and that recording told back as text.

    pip install openai
    python audio.py "Hello!"

OPENAI_BASE_URL says where the service is; the default is that of scripts/run. VOICE is the id of a
voice at Coze, or a name that the service's VOICE_MAP gives one.
"""

import os
import sys
from pathlib import Path

from openai import OpenAI

client = OpenAI(
    base_url=os.environ.get("OPENAI_BASE_URL", "http://localhost:3000/v1"),
    api_key=os.environ.get("OPENAI_API_KEY", "any-string"),
)
text = sys.argv[1] if len(sys.argv) > 1 else "Hello!"
recording = Path("spoken.mp3")

# The sound comes as it is made; a player could begin with the first piece.
with client.audio.speech.with_streaming_response.create(
    model="tts-1", voice=os.environ.get("VOICE", "alloy"), input=text
) as speech:
    speech.stream_to_file(recording)
print(f"{recording}: {recording.stat().st_size} bytes")

heard = client.audio.transcriptions.create(model="whisper-1", file=recording)
print(heard.text)
