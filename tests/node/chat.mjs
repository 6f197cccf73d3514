// Chats: whole, as chunks, through the SDK's helper; models; requests that are wrong.

import assert from "node:assert/strict";
import test from "node:test";
import {
  ask,
  BadRequestError,
  chunksOf,
  client,
  completions,
  gateOf,
  NotFoundError,
  someone,
  textOf,
} from "./service.mjs";

const request = { model: "any-model", messages: [{ role: "user", content: "你好 👋 Hello!" }] };

test("an answer comes whole", async () => {
  const answer = await completions.create(request);
  assert.equal(answer.object, "chat.completion");
  assert.match(answer.id, /^chatcmpl-/);
  assert.equal(answer.model, "any-model");
  assert.equal(answer.choices.length, 1);
  assert.equal(answer.choices[0].finish_reason, "stop");
  assert.equal(answer.choices[0].message.role, "assistant");
  assert.equal(answer.choices[0].message.refusal, null);
  assert.ok(answer.choices[0].message.content.includes("你好 👋 Hello!"));
  const { prompt_tokens, completion_tokens, total_tokens } = answer.usage;
  assert.ok(prompt_tokens > 0 && completion_tokens > 0);
  assert.equal(total_tokens, prompt_tokens + completion_tokens);
  assert.match(answer._request_id, /^req_/);
});

test("an answer comes as chunks", async () => {
  const chunks = await chunksOf(
    completions.create({ ...request, stream: true, stream_options: { include_usage: true } }),
  );
  for (const key of ["id", "created", "model"]) {
    assert.equal(new Set(chunks.map((chunk) => chunk[key])).size, 1, key);
  }
  assert.equal(chunks[0].choices[0].delta.role, "assistant");
  const usage = chunks.pop();
  assert.deepEqual(usage.choices, []);
  assert.ok(usage.usage.total_tokens > 0);
  const end = chunks.at(-1);
  assert.deepEqual(end.choices[0].delta, {});
  assert.equal(end.choices[0].finish_reason, "stop");
  for (const chunk of chunks.slice(0, -1)) {
    assert.equal(chunk.choices[0].finish_reason, null);
  }
  const whole = await completions.create(request);
  assert.equal(textOf(chunks), whole.choices[0].message.content);
});

test("each chunk comes when Coze has sent it, not later", async () => {
  const user = someone();
  const gate = gateOf(user);
  const seen = [];
  await gate.release();
  for await (const chunk of await completions.create(ask("gated", "Go", { user, stream: true }))) {
    const text = chunk.choices[0].delta.content;
    if (text) {
      seen.push(text);
      // The stand-in sends the next piece only now.
      await gate.release();
    }
  }
  assert.deepEqual(seen, ["one ", "two ", "three"]);
});

test("the stream helper puts the answer together", async () => {
  const stream = completions.stream(request);
  let text = "";
  stream.on("content", (delta) => {
    text += delta;
  });
  const answer = await stream.finalChatCompletion();
  assert.equal(answer.choices[0].finish_reason, "stop");
  assert.equal(answer.choices[0].message.role, "assistant");
  assert.equal(answer.choices[0].message.content, text);
  assert.ok(text.includes("你好 👋 Hello!"));
});

test("models are listed, and each can be had by its name", async () => {
  const models = [];
  for await (const model of client.models.list()) models.push(model);
  assert.ok(models.some(({ id }) => id.startsWith("bot-")));
  for (const model of models) {
    assert.equal(model.object, "model");
    assert.deepEqual(await client.models.retrieve(model.id), model);
  }
});

test("an unknown model is a NotFoundError", async () => {
  await assert.rejects(client.models.retrieve("no-such-model"), (error) => {
    assert.ok(error instanceof NotFoundError);
    assert.equal(error.code, "model_not_found");
    return true;
  });
});

for (const stream of [false, true]) {
  test(`a wrong type is a BadRequestError, stream: ${stream}`, async () => {
    await assert.rejects(completions.create({ ...request, messages: "Hi", stream }), (error) => {
      assert.ok(error instanceof BadRequestError);
      assert.equal(error.type, "invalid_request_error");
      assert.equal(error.param, "messages");
      return true;
    });
  });
}

test("an id that cannot be one is a BadRequestError with a code", async () => {
  const headers = { "x-bot-id": "no id" };
  await assert.rejects(completions.create(request, { headers }), (error) => {
    assert.ok(error instanceof BadRequestError);
    assert.equal(error.code, "invalid_value");
    return true;
  });
});
