// One question to a Coze bot, first answered whole, then as it is written.
//
//   npm ci && node chat.mjs "What can you do?"
//
// OPENAI_BASE_URL says where the service is; the default is that of scripts/run.

import OpenAI from "openai";

const client = new OpenAI({
  baseURL: process.env.OPENAI_BASE_URL ?? "http://localhost:3000/v1",
  apiKey: process.env.OPENAI_API_KEY ?? "any-string",
});
const request = {
  model: "gpt-4",
  messages: [{ role: "user", content: process.argv[2] ?? "Hello!" }],
};

const answer = await client.chat.completions.create(request);
console.log(answer.choices[0].message.content);

const stream = await client.chat.completions.create({ ...request, stream: true });
for await (const chunk of stream) {
  process.stdout.write(chunk.choices[0]?.delta.content ?? "");
}
process.stdout.write("\n");
