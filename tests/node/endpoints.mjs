// Text completions, speech, transcriptions, files, and what is not served.

import assert from "node:assert/strict";
import test from "node:test";
import {
  APIError,
  arrived,
  BadRequestError,
  chunksOf,
  client,
  gateOf,
  InternalServerError,
  NotFoundError,
  RateLimitError,
  someone,
  toFile,
} from "./service.mjs";

const { completions, files } = client;
const { speech, transcriptions } = client.audio;

function speak(fields = {}) {
  return speech.create({ model: "tts-1", input: "x".repeat(100), voice: "alloy", ...fields });
}

async function bytesOf(response) {
  return Buffer.from(await response.arrayBuffer());
}

const recording = await bytesOf(await speak({ response_format: "wav" }));

async function recordingFile(name = "speech.wav") {
  return toFile(recording, name);
}

test("a text completion comes whole", async () => {
  const answer = await completions.create({ model: "bot-hello", prompt: "Hi" });
  assert.equal(answer.object, "text_completion");
  assert.match(answer.id, /^cmpl-/);
  assert.equal(answer.choices[0].text, "Hello");
  assert.equal(answer.choices[0].finish_reason, "stop");
  assert.equal(answer.usage.total_tokens, 3);
});

test("a text completion comes as chunks, with usage if asked for", async () => {
  const chunks = await chunksOf(
    completions.create({
      model: "bot-hello",
      prompt: "Hi",
      stream: true,
      stream_options: { include_usage: true },
    }),
  );
  const last = chunks.pop();
  assert.deepEqual(last.choices, []);
  assert.equal(last.usage.total_tokens, 3);
  const choices = chunks.map((chunk) => chunk.choices[0]);
  assert.deepEqual(choices.map(({ text }) => text), ["Hel", "lo", ""]);
  assert.deepEqual(choices.map(({ finish_reason }) => finish_reason), [null, null, "stop"]);
});

test("a failure inside a text completion is raised", async () => {
  const request = { model: "bot-failed-after-text", prompt: "Hi", stream: true };
  await assert.rejects(chunksOf(completions.create(request)), (error) => {
    assert.ok(error instanceof APIError);
    assert.equal(error.code, "upstream_error");
    return true;
  });
});

test("several prompts are a BadRequestError", async () => {
  const request = completions.create({ model: "bot-hello", prompt: ["a", "b"] });
  await assert.rejects(request, (error) => {
    assert.ok(error instanceof BadRequestError);
    assert.equal(error.param, "prompt");
    return true;
  });
});

for (const [response_format, type, start] of [
  ["mp3", "audio/mpeg", "fff3"],
  ["opus", "audio/opus", "4f676753"],
  ["wav", "audio/wav", "52494646"],
  ["pcm", "audio/pcm", "401f401f"],
]) {
  test(`speech comes as ${response_format}`, async () => {
    const response = await speak({ response_format });
    assert.equal(response.headers.get("content-type"), type);
    const sound = await bytesOf(response);
    assert.ok(sound.toString("hex").startsWith(start));
  });
}

test("speech comes piece by piece", async () => {
  const input = someone();
  const gate = gateOf(input);
  await gate.release();
  const response = await speak({ input, voice: "gated", response_format: "wav" });
  const pieces = response.body[Symbol.asyncIterator]();
  let { value } = await pieces.next();
  assert.equal(Buffer.from(value).toString("latin1", 0, 4), "RIFF");
  await gate.reached();
  await gate.release(2);
  let length = value.length;
  for (let step = await pieces.next(); !step.done; step = await pieces.next()) {
    length += step.value.length;
  }
  // 20 ms a character, 24,000 samples of two bytes a second, and the head.
  assert.equal(length, input.length * 960 + 44);
});

test("speech that breaks off is an error, and never a shorter sound", async () => {
  for (const voice of ["cut", "reset"]) {
    await assert.rejects(async () => bytesOf(await speak({ voice })));
  }
});

for (const [about, fields, type, param] of [
  ["too long a text", { input: "字".repeat(342) }, BadRequestError, "input"],
  ["a format that Coze has not", { response_format: "flac" }, BadRequestError, "response_format"],
  ["a voice that nobody has mapped", { voice: "nova" }, BadRequestError, "voice"],
  ["an account without credit", { voice: "code-4028" }, RateLimitError, null],
  ["a sound of no length", { voice: "empty" }, InternalServerError, null],
]) {
  test(`speech fails with a status: ${about}`, async () => {
    await assert.rejects(speak(fields), (error) => {
      assert.ok(error instanceof type);
      assert.equal(error.param, param);
      return true;
    });
  });
}

test("a transcription comes as an object, as text and as a stream", async () => {
  const request = { model: "whisper-1", file: await recordingFile() };
  const { text } = await transcriptions.create(request);
  assert.match(text, new RegExp(`^${recording.length} bytes were heard`));
  assert.equal(await transcriptions.create({ ...request, response_format: "text" }), text);
  const [delta, done] = await chunksOf(transcriptions.create({ ...request, stream: true }));
  assert.deepEqual([delta.type, delta.delta], ["transcript.text.delta", text]);
  assert.deepEqual([done.type, done.text], ["transcript.text.done", text]);
});

test("a transcription with times is a BadRequestError", async () => {
  const request = transcriptions.create({
    model: "whisper-1",
    file: await recordingFile(),
    response_format: "verbose_json",
    timestamp_granularities: ["word"],
  });
  await assert.rejects(request, BadRequestError);
});

test("a file is kept, told about, and named in a message", async () => {
  const kept = await files.create({ file: await recordingFile(), purpose: "user_data" });
  assert.match(kept.id, /^file-\d+-user_data$/);
  assert.equal(kept.bytes, recording.length);
  assert.equal(kept.filename, "speech.wav");
  assert.deepEqual(await files.retrieve(kept.id), kept);
  assert.deepEqual(await files.waitForProcessing(kept.id), kept);
  const user = someone();
  const content = [
    { type: "text", text: "Listen." },
    { type: "file", file: { file_id: kept.id } },
  ];
  const messages = [{ role: "user", content }];
  await client.chat.completions.create({ model: "bot-hello", messages, user });
  const chats = await arrived("/v3/chat");
  const { body } = chats.find((chat) => chat.body.user_id === user);
  assert.ok(body.additional_messages[0].content.includes(kept.id.split("-")[1]));
});

for (const [about, call] of [
  ["a file that is not there", () => files.retrieve("file-1-vision")],
  ["the list of files", () => files.list()],
  ["the end of a file", () => files.delete("file-1-vision")],
  ["what is in a file", () => files.content("file-1-vision")],
  ["embeddings", () => client.embeddings.create({ model: "m", input: "x" })],
  ["images", () => client.images.generate({ prompt: "A cat." })],
  ["moderations", () => client.moderations.create({ input: "x" })],
  ["batches", () => client.batches.list()],
]) {
  test(`what there is not is a NotFoundError: ${about}`, async () => {
    await assert.rejects(call(), NotFoundError);
  });
}
