"""All types of models by the OpenAI SDK, one after the other.

    pip install openai
    python openai_standard_usage.py

OPENAI_BASE_URL says where the service is; the default is that of scripts/run. What is asked needs a
default bot and a default workflow: COZE_BOT_ID and COZE_WORKFLOW_ID of the service.
"""

import os

from openai import APIStatusError, OpenAI

client = OpenAI(
    base_url=os.environ.get("OPENAI_BASE_URL", "http://localhost:3000/v1"),
    api_key=os.environ.get("OPENAI_API_KEY", "any-string"),
)
create = client.chat.completions.create
hello = [{"role": "user", "content": "Hello!"}]

print("== Models")
for model in client.models.list():
    print(model.id)

print("== Chat")
answer = create(model="gpt-3.5-turbo", messages=hello)
print(answer.choices[0].message.content)

print("== Chat, streamed, with the tokens that Coze counts")
for chunk in create(
    model="gpt-3.5-turbo",
    messages=[{"role": "system", "content": "Be brief."}, *hello],
    stream=True,
    stream_options={"include_usage": True},
):
    if chunk.choices:
        print(chunk.choices[0].delta.content or "", end="", flush=True)
    if chunk.usage:
        print(f"\n{chunk.usage.total_tokens} tokens")

print("== Conversation: Coze keeps what was said")
headers = {"x-model-type": "conversation"}
for text in ("My name is Ann.", "Who am I?"):
    raw = client.chat.completions.with_raw_response.create(
        model="gpt-3.5-turbo",
        messages=[{"role": "user", "content": text}],
        extra_headers=headers,
    )
    print(raw.parse().choices[0].message.content)
    headers["x-conversation-id"] = raw.headers["x-conversation-id"]

print("== Workflow")
answer = create(
    model="gpt-3.5-turbo",
    messages=[{"role": "user", "content": "Process this."}],
    extra_headers={"x-model-type": "workflow"},
)
print(answer.choices[0].message.content)

print("== Workflow with parameters, named in the body")
answer = create(
    model="gpt-3.5-turbo",
    messages=hello,
    extra_body={"x-model-type": "workflow", "coze": {"parameters": {"input": "A parameter."}}},
)
print(answer.choices[0].message.content)

print("== An image")
picture = {"type": "image_url", "image_url": {"url": "https://example.com/image.jpg"}}
answer = create(
    model="gpt-4-vision-preview",
    messages=[
        {"role": "user", "content": [{"type": "text", "text": "What do you see?"}, picture]},
    ],
)
print(answer.choices[0].message.content)

print("== A text completion, as before there were chats")
text = client.completions.create(model="gpt-3.5-turbo-instruct", prompt="Hello!")
print(text.choices[0].text)

print("== Errors")
for wrong in ({"x-model-type": "poem"}, {"x-bot-id": "none"}):
    try:
        create(model="gpt-3.5-turbo", messages=hello, extra_headers=wrong)
    except APIStatusError as error:
        print(type(error).__name__, error.status_code, error.code)
