// A question about images on the web or in files.
//
//   npm ci && npx tsx images.ts "Which is the older one?" https://example.com/first.png second.jpg
//
// An address must be public, as Coze fetches it. A file goes inside the request, and is uploaded to
// Coze once, however often a conversation repeats it.
// OPENAI_BASE_URL says where the service is; the default is that of scripts/run.

import { readFile } from "node:fs/promises";
import { extname } from "node:path";
import OpenAI from "openai";

const client = new OpenAI({
  baseURL: process.env.OPENAI_BASE_URL ?? "http://localhost:3000/v1",
  apiKey: process.env.OPENAI_API_KEY ?? "any-string",
});
const [question, ...images] = process.argv.slice(2);
if (images.length === 0) {
  console.error("usage: npx tsx images.ts QUESTION IMAGE...");
  process.exit(2);
}

async function part(image: string): Promise<OpenAI.ChatCompletionContentPart> {
  const url = /^https?:/.test(image)
    ? image
    : `data:image/${extname(image).slice(1)};base64,${await readFile(image, "base64")}`;
  return { type: "image_url", image_url: { url } };
}

const stream = await client.chat.completions.create({
  model: "gpt-4",
  messages: [
    {
      role: "user",
      content: [{ type: "text", text: question }, ...(await Promise.all(images.map(part)))],
    },
  ],
  stream: true,
});
for await (const chunk of stream) {
  process.stdout.write(chunk.choices[0]?.delta.content ?? "");
}
process.stdout.write("\n");
