// A text spoken by one of Coze's voices into a file, and that recording told back as text.
//
//   npm ci && npx tsx audio.ts "Hello!"
//
// OPENAI_BASE_URL says where the service is; the default is that of scripts/run. VOICE is the id of a
// voice at Coze, or a name that the service's VOICE_MAP gives one.

import { createReadStream, createWriteStream } from "node:fs";
import { stat } from "node:fs/promises";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import OpenAI from "openai";

const client = new OpenAI({
  baseURL: process.env.OPENAI_BASE_URL ?? "http://localhost:3000/v1",
  apiKey: process.env.OPENAI_API_KEY ?? "any-string",
});
const text = process.argv[2] ?? "Hello!";
const recording = "spoken.mp3";

// The sound comes as it is made; a player could begin with the first piece.
const speech = await client.audio.speech.create({
  model: "tts-1",
  voice: process.env.VOICE ?? "alloy",
  input: text,
});
await pipeline(Readable.from(speech.body!), createWriteStream(recording));
console.log(`${recording}: ${(await stat(recording)).size} bytes`);

const heard = await client.audio.transcriptions.create({
  model: "whisper-1",
  file: createReadStream(recording),
});
console.log(heard.text);
