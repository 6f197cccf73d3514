// A conversation with a chatflow: each argument is a turn; what it asks, the next turn answers.
//
//   npm ci && npx tsx chatflow.ts "How will the weather be?" "Oslo"
//
// OPENAI_BASE_URL says where the service is; the default is that of scripts/run. MODEL is the
// chatflow: chatflow-question is one of the stand-in's, chatflow-<id> is any other.

import OpenAI from "openai";

const client = new OpenAI({
  baseURL: process.env.OPENAI_BASE_URL ?? "http://localhost:3000/v1",
  apiKey: process.env.OPENAI_API_KEY ?? "any-string",
});
const model = process.env.MODEL ?? "chatflow-question";
const given = process.argv.slice(2);

// The first turn names no conversation, so that Coze makes one.
let headers: Record<string, string> = {};
for (const text of given.length ? given : ["How will the weather be?", "Oslo"]) {
  console.log(`> ${text}`);
  const { data: answer, response } = await client.chat.completions
    .create({ model, messages: [{ role: "user", content: text }] }, { headers })
    .withResponse();
  console.log(answer.choices[0].message.content);
  headers = { "x-conversation-id": response.headers.get("x-conversation-id") ?? "" };
}
