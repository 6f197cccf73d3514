// What a stock Node SDK must get from the service: sdk.mjs CHECK, with the service's address in
// OPENAI_BASE_URL. Ends with a status other than 0 where it does not.

import assert from "node:assert/strict";
import OpenAI, { APIError, BadRequestError, InternalServerError, NotFoundError } from "openai";

const client = new OpenAI({ apiKey: "any-string", maxRetries: 0 });
const request = { model: "any-model", messages: [{ role: "user", content: "你好 👋 Hello!" }] };

function to(bot) {
  return { headers: { "x-bot-id": bot } };
}

async function chunksOf(stream) {
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  return chunks;
}

function textOf(chunks) {
  return chunks.map((chunk) => chunk.choices[0]?.delta.content ?? "").join("");
}

const checks = {
  async "an answer comes whole"() {
    const answer = await client.chat.completions.create(request);
    assert.equal(answer.object, "chat.completion");
    assert.match(answer.id, /^chatcmpl-/);
    assert.equal(answer.model, "any-model");
    assert.equal(answer.choices.length, 1);
    assert.equal(answer.choices[0].finish_reason, "stop");
    assert.equal(answer.choices[0].message.role, "assistant");
    assert.ok(answer.choices[0].message.content.includes("你好 👋 Hello!"));
    assert.ok(answer.usage.prompt_tokens > 0 && answer.usage.completion_tokens > 0);
    assert.equal(
      answer.usage.total_tokens,
      answer.usage.prompt_tokens + answer.usage.completion_tokens,
    );
  },

  async "an answer comes as chunks"() {
    const chunks = await chunksOf(
      await client.chat.completions.create({
        ...request,
        stream: true,
        stream_options: { include_usage: true },
      }),
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
    const whole = await client.chat.completions.create(request);
    assert.equal(textOf(chunks), whole.choices[0].message.content);
  },

  async "the stream helper puts the answer together"() {
    const stream = client.chat.completions.stream(request);
    let text = "";
    stream.on("content", (delta) => {
      text += delta;
    });
    const answer = await stream.finalChatCompletion();
    assert.equal(answer.choices[0].finish_reason, "stop");
    assert.equal(answer.choices[0].message.role, "assistant");
    assert.equal(answer.choices[0].message.content, text);
    assert.ok(text.includes("你好 👋 Hello!"));
  },

  async "models are listed"() {
    const ids = [];
    for await (const model of client.models.list()) ids.push(model.id);
    assert.ok(ids.includes("gpt-4") && ids.some((id) => id.startsWith("bot-")));
    const model = await client.models.retrieve("gpt-4");
    assert.equal(model.id, "gpt-4");
    assert.equal(model.object, "model");
  },

  async "an unknown model is a NotFoundError"() {
    await assert.rejects(client.models.retrieve("no-such-model"), (error) => {
      assert.ok(error instanceof NotFoundError);
      assert.equal(error.code, "model_not_found");
      return true;
    });
  },

  async "a wrong type is a BadRequestError"() {
    for (const stream of [false, true]) {
      await assert.rejects(
        client.chat.completions.create({ ...request, messages: "Hello!", stream }),
        (error) => {
          assert.ok(error instanceof BadRequestError);
          assert.equal(error.type, "invalid_request_error");
          assert.equal(error.param, "messages");
          return true;
        },
      );
    }
  },

  async "an id that cannot be one is a BadRequestError with a code"() {
    await assert.rejects(client.chat.completions.create(request, to("no id")), (error) => {
      assert.ok(error instanceof BadRequestError);
      assert.equal(error.code, "invalid_value");
      return true;
    });
  },

  async "a failure before the answer is an error with a status"() {
    for (const stream of [false, true]) {
      await assert.rejects(
        client.chat.completions.create({ ...request, stream }, to("failed")),
        (error) => error instanceof InternalServerError,
      );
    }
  },

  async "a failure inside the answer is an error"() {
    const failing = to("failed-after-text");
    const whole = client.chat.completions.create(request, failing);
    await assert.rejects(whole, (error) => error instanceof InternalServerError);
    // With a status or in the stream: that depends on whether text has gone out before it.
    const streamed = async () =>
      chunksOf(await client.chat.completions.create({ ...request, stream: true }, failing));
    await assert.rejects(streamed, (error) => error instanceof APIError);
    const helper = client.chat.completions.stream(request, failing);
    await assert.rejects(helper.finalChatCompletion(), (error) => error instanceof APIError);
  },
};

await checks[process.argv[2]]();
