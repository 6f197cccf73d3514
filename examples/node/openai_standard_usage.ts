// All types of models by the OpenAI SDK, one after the other.
//
//   npm ci && npx tsx openai_standard_usage.ts
//
// OPENAI_BASE_URL says where the service is; the default is that of scripts/run. What is asked needs
// a default bot and a default workflow: COZE_BOT_ID and COZE_WORKFLOW_ID of the service.

import OpenAI from "openai";

const client = new OpenAI({
  baseURL: process.env.OPENAI_BASE_URL ?? "http://localhost:3000/v1",
  apiKey: process.env.OPENAI_API_KEY ?? "any-string",
});
const { completions } = client.chat;
const model = "gpt-3.5-turbo";
const messages: OpenAI.ChatCompletionMessageParam[] = [{ role: "user", content: "Hello!" }];

// What the service takes and OpenAI does not have. The SDK sends every field that it is given.
interface Request extends OpenAI.ChatCompletionCreateParamsNonStreaming {
  "x-model-type"?: "chat" | "conversation" | "workflow" | "chatflow";
  extra_headers?: Record<string, string>;
  coze?: { parameters: Record<string, unknown> };
}

async function ask(request: Request, headers: Record<string, string> = {}) {
  const answer = await completions.create(request, { headers });
  console.log(answer.choices[0].message.content);
}

console.log("== Models");
for await (const { id } of client.models.list()) {
  console.log(id);
}

console.log("== Chat");
await ask({ model, messages });

console.log("== Chat, streamed, with the tokens that Coze counts");
const stream = await completions.create({
  model,
  messages: [{ role: "system", content: "Be brief." }, ...messages],
  stream: true,
  stream_options: { include_usage: true },
});
for await (const chunk of stream) {
  process.stdout.write(chunk.choices[0]?.delta.content ?? "");
  if (chunk.usage) console.log(`\n${chunk.usage.total_tokens} tokens`);
}

console.log("== Conversation: Coze keeps what was said");
const headers: Record<string, string> = { "x-model-type": "conversation" };
for (const content of ["My name is Ann.", "Who am I?"]) {
  const { data, response } = await completions
    .create({ model, messages: [{ role: "user", content }] }, { headers })
    .withResponse();
  console.log(data.choices[0].message.content);
  headers["x-conversation-id"] = response.headers.get("x-conversation-id") ?? "";
}

console.log("== Workflow");
await ask(
  { model, messages: [{ role: "user", content: "Process this." }] },
  { "x-model-type": "workflow" },
);

console.log("== Workflow with parameters, named in the body");
await ask({
  model,
  messages,
  "x-model-type": "workflow",
  coze: { parameters: { input: "A parameter." } },
});

console.log("== An image");
await ask({
  model: "gpt-4-vision-preview",
  messages: [
    {
      role: "user",
      content: [
        { type: "text", text: "What do you see?" },
        { type: "image_url", image_url: { url: "https://example.com/image.jpg" } },
      ],
    },
  ],
});

console.log("== A text completion, as before there were chats");
const text = await client.completions.create({ model: "gpt-3.5-turbo-instruct", prompt: "Hello!" });
console.log(text.choices[0].text);

console.log("== Errors");
const wrong: Record<string, string>[] = [{ "x-model-type": "poem" }, { "x-bot-id": "none" }];
for (const extra_headers of wrong) {
  try {
    await ask({ model, messages, extra_headers });
  } catch (error) {
    if (!(error instanceof OpenAI.APIError)) throw error;
    console.log(error.constructor.name, error.status, error.code);
  }
}
