// One question to a Coze bot, first answered whole, then as it is written.
//
//   npm ci && npx tsx chat.ts "What can you do?"
//
// OPENAI_BASE_URL says where the service is; the default is that of scripts/run.

import OpenAI from "openai";

const client = new OpenAI({
  baseURL: process.env.OPENAI_BASE_URL ?? "http://localhost:3000/v1",
  apiKey: process.env.OPENAI_API_KEY ?? "any-string",
});
const question = process.argv[2] ?? "Hello!";
const messages: OpenAI.ChatCompletionMessageParam[] = [{ role: "user", content: question }];

const answer = await client.chat.completions.create({ model: "gpt-4", messages });
console.log(answer.choices[0].message.content);

const stream = await client.chat.completions.create({ model: "gpt-4", messages, stream: true });
for await (const chunk of stream) {
  process.stdout.write(chunk.choices[0]?.delta.content ?? "");
}
process.stdout.write("\n");
