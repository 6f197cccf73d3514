"""A tool that runs in this program: the bot calls it, gets what it says, and answers.

    pip install openai
    python tools.py "Will it rain in Oslo?" bot-tools

The tool must be one of the bot's own, a "local plugin" in Coze: what is given here only says who
can run it. bot-tools is a bot of the stand-in's that has this one; bot-<id> is any other bot.
OPENAI_BASE_URL says where the service is; the default is that of scripts/run.
"""

import json
import os
import sys

from openai import OpenAI

client = OpenAI(
    base_url=os.environ.get("OPENAI_BASE_URL", "http://localhost:3000/v1"),
    api_key=os.environ.get("OPENAI_API_KEY", "any-string"),
)
question, model = [*sys.argv[1:], *["Will it rain in Oslo?", "bot-tools"][len(sys.argv) - 1 :]][:2]

TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "get_rain_probability",
            "description": "How likely it is that it rains at a place.",
            "parameters": {"type": "object", "properties": {"location": {"type": "string"}}},
        },
    }
]


def rain_probability(location: str) -> dict[str, object]:
    """What the tool says."""
    return {"location": location, "probability": 0.5}


messages = [{"role": "user", "content": question}]
while True:
    answer = client.chat.completions.create(model=model, messages=messages, tools=TOOLS)
    message = answer.choices[0].message
    if not message.tool_calls:
        break
    messages.append(message)
    # A step may have several calls; all their outputs go into the next request.
    for call in message.tool_calls:
        print(call.function.name, call.function.arguments)
        output = json.dumps(rain_probability(**json.loads(call.function.arguments)))
        print("->", output)
        messages.append({"role": "tool", "tool_call_id": call.id, "content": output})
print(message.content)
