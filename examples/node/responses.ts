// A conversation by OpenAI's Responses API: each argument is a turn, which goes on from the last.
//
//   npm ci && npx tsx responses.ts "My name is Ann." "Who am I?"
//
// OPENAI_BASE_URL says where the service is; the default is that of scripts/run. MODEL is the bot:
// bot-memory is one of the stand-in's, bot-<id> is any other.

import OpenAI from "openai";

const client = new OpenAI({
  baseURL: process.env.OPENAI_BASE_URL ?? "http://localhost:3000/v1",
  apiKey: process.env.OPENAI_API_KEY ?? "any-string",
});
const model = process.env.MODEL ?? "bot-memory";
const given = process.argv.slice(2);

let previous: string | undefined;
for (const text of given.length ? given : ["My name is Ann.", "Who am I?"]) {
  console.log(`> ${text}`);
  const stream = client.responses.stream({
    model,
    input: text,
    ...(previous ? { previous_response_id: previous } : {}),
  });
  for await (const event of stream) {
    if (event.type === "response.output_text.delta") process.stdout.write(event.delta);
  }
  previous = (await stream.finalResponse()).id;
  process.stdout.write("\n");
}

// Coze keeps the turns: any of them can be asked for, and another can go on from it.
if (previous) {
  const { usage } = await client.responses.retrieve(previous);
  console.log(`tokens: ${usage?.total_tokens}`);
}
