// Callers that leave before their answer has ended. What the service makes of it is in its log: one
// line with status 499 for each test here.

import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { APIUserAbortError, ask, completions, gateOf, someone } from "./service.mjs";

const user = someone();
const gate = gateOf(user);

function gated(bot, stream) {
  return ask(bot, "Go", { user, stream });
}

// Leaves where there is nothing of the answer yet, once Coze has been asked.
async function leaveBeforeTheAnswer(stream) {
  const leaving = new AbortController();
  const asked = completions.create(gated("delayed-first-event", stream), {
    signal: leaving.signal,
  });
  await gate.reached();
  leaving.abort();
  await assert.rejects(asked, APIUserAbortError);
  await gate.release();
}

// Whoever leaves must not harm the next one.
afterEach(async () => {
  const { choices } = await completions.create(ask("hello"));
  assert.equal(choices[0].message.content, "Hello");
});

test("a caller aborts a stream between chunks", async () => {
  await gate.release();
  const stream = await completions.create(gated("gated", true));
  const seen = [];
  for await (const chunk of stream) {
    seen.push(chunk.choices[0].delta.content);
    if (seen.at(-1)) stream.controller.abort();
  }
  assert.deepEqual(seen, ["", "one "]);
  await gate.release(2);
});

test("a caller breaks out of a stream", async () => {
  await gate.release();
  for await (const chunk of await completions.create(gated("gated", true))) {
    if (chunk.choices[0].delta.content) break;
  }
  await gate.release(2);
});

test("a caller aborts the stream helper", async () => {
  await gate.release();
  const stream = completions.stream(gated("gated"));
  stream.on("content", () => stream.abort());
  await assert.rejects(stream.finalChatCompletion(), APIUserAbortError);
  await gate.release(2);
});

test("a caller leaves before the first chunk", () => leaveBeforeTheAnswer(true));

test("a caller leaves before a whole answer", () => leaveBeforeTheAnswer(false));
