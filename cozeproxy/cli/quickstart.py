"""What ``serve`` prints when it answers: where it is, what is behind it, how to try it."""

from cozeproxy import __version__
from cozeproxy.settings import Settings

TRY_IT = """
curl:

curl {url}/v1/chat/completions -H 'Content-Type: application/json' \
-d '{{"model": "gpt-4", "messages": [{{"role": "user", "content": "Hello!"}}]}}'

Python (pip install openai):

from openai import OpenAI
client = OpenAI(base_url="{url}/v1", api_key="any-string")
messages = [{{"role": "user", "content": "Hello!"}}]
answer = client.chat.completions.create(model="gpt-4", messages=messages)
print(answer.choices[0].message.content)

Node.js (npm install openai; in a file try.mjs):

import OpenAI from "openai";
const client = new OpenAI({{ baseURL: "{url}/v1", apiKey: "any-string" }});
const messages = [{{ role: "user", content: "Hello!" }}];
const answer = await client.chat.completions.create({{ model: "gpt-4", messages }});
console.log(answer.choices[0].message.content);
"""


def banner(url: str, settings: Settings, *, on_sandbox: bool) -> str:
    """Return where the service is and what is behind it."""
    lines = [f"cozeproxy {__version__} listens on {url}"]
    if on_sandbox:
        lines += [
            "Behind it is the bundled stand-in for Coze, which repeats what it is told.",
            "For a bot of your own set COZE_API_KEY and COZE_BOT_ID in .env; see .env.example.",
        ]
    else:
        lines.append(f"Behind it is {settings.coze_base_url}")
        if settings.coze_bot_id is None:
            lines.append("No bot is set: set COZE_BOT_ID, or name one as the model, bot-<id>.")
    if settings.proxy_api_keys or settings.proxy_keys_file:
        lines.append("Callers need a key: for any-string put yours, for curl add it as")
        lines.append("  -H 'Authorization: Bearer YOUR-KEY'")
    return "\n".join(lines)


def try_it(url: str) -> str:
    """Return a line of shell and five lines of each SDK that get an answer as they stand."""
    return TRY_IT.format(url=url)
