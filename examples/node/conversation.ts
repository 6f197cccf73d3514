// A conversation that Coze remembers: each argument is a turn, and only it is sent.
//
//   npm ci && npx tsx conversation.ts "My name is Ann." "Who am I?"
//
// OPENAI_BASE_URL says where the service is; the default is that of scripts/run. MODEL is the bot:
// conversation-memory is one of the stand-in's, conversation-<id> is any other.

import OpenAI from "openai";

const client = new OpenAI({
  baseURL: process.env.OPENAI_BASE_URL ?? "http://localhost:3000/v1",
  apiKey: process.env.OPENAI_API_KEY ?? "any-string",
});
const model = process.env.MODEL ?? "conversation-memory";
const given = process.argv.slice(2);

// The first turn names no conversation, so that Coze makes one.
let headers: Record<string, string> = {};
for (const text of given.length ? given : ["My name is Ann.", "Who am I?"]) {
  console.log(`> ${text}`);
  const { data: stream, response } = await client.chat.completions
    .create({ model, messages: [{ role: "user", content: text }], stream: true }, { headers })
    .withResponse();
  for await (const chunk of stream) {
    process.stdout.write(chunk.choices[0]?.delta.content ?? "");
  }
  process.stdout.write("\n");
  headers = { "x-conversation-id": response.headers.get("x-conversation-id") ?? "" };
}
