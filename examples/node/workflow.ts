// A run of a workflow: the first argument is its input, the others answer what it asks.
//
//   npm ci && npx tsx workflow.ts "How will the weather be?" "Oslo" "Friday"
//
// OPENAI_BASE_URL says where the service is; the default is that of scripts/run. MODEL is the
// workflow: workflow-question-twice is one of the stand-in's, workflow-<id> is any other.

import { createInterface } from "node:readline/promises";
import OpenAI from "openai";

const client = new OpenAI({
  baseURL: process.env.OPENAI_BASE_URL ?? "http://localhost:3000/v1",
  apiKey: process.env.OPENAI_API_KEY ?? "any-string",
});
const model = process.env.MODEL ?? "workflow-question-twice";
const given = process.argv.slice(2);
const [text, ...answers] = given.length ? given : ["How will the weather be?", "Oslo", "Friday"];

const typed = createInterface({ input: process.stdin });
const lines = typed[Symbol.asyncIterator]();

async function ask(): Promise<string> {
  process.stdout.write("> ");
  return (await lines.next()).value ?? "";
}

const messages: OpenAI.ChatCompletionMessageParam[] = [{ role: "user", content: text }];
for (;;) {
  const { message, finish_reason } = (await client.chat.completions.create({ model, messages }))
    .choices[0];
  console.log(message.content);
  const call = message.tool_calls?.[0];
  if (finish_reason !== "tool_calls" || !call) break;
  // The workflow waits: its question was the text, and is a tool call.
  const answer = answers.shift() ?? (await ask());
  messages.push(message, { role: "tool", tool_call_id: call.id, content: answer });
}
typed.close();
