// A file that Coze keeps, and a question about it.
//
//   npm ci && npx tsx files.ts "Sum it up." report.pdf
//
// The file is uploaded once, and messages name it by its id, as often as they like.
// OPENAI_BASE_URL says where the service is; the default is that of scripts/run.

import { createReadStream } from "node:fs";
import OpenAI from "openai";

const client = new OpenAI({
  baseURL: process.env.OPENAI_BASE_URL ?? "http://localhost:3000/v1",
  apiKey: process.env.OPENAI_API_KEY ?? "any-string",
});
const [question, path] = process.argv.slice(2);
if (!question || !path) {
  console.error("usage: npx tsx files.ts QUESTION FILE");
  process.exit(2);
}

const kept = await client.files.create({ file: createReadStream(path), purpose: "user_data" });
console.log(`${kept.filename}: ${kept.bytes} bytes, ${kept.id}`);

const answer = await client.chat.completions.create({
  model: "gpt-4",
  messages: [
    {
      role: "user",
      content: [
        { type: "file", file: { file_id: kept.id } },
        { type: "text", text: question },
      ],
    },
  ],
});
console.log(answer.choices[0].message.content);
