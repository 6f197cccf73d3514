// What an answer can have beside its text, and what is cut from it.

import assert from "node:assert/strict";
import test from "node:test";
import {
  ask,
  BadRequestError,
  chatsOf,
  chunksOf,
  client,
  completions,
  gateOf,
  someone,
  textOf,
} from "./service.mjs";

const reasoning = "The user greets me. I should greet back.";
const hello = "Hello! How can I help?";
const questions = ["And tomorrow?", "Should I take a coat?"];

test("reasoning comes whole, beside the answer", async () => {
  const { choices } = await completions.create(ask("reasoning"));
  assert.equal(choices[0].message.reasoning_content, reasoning);
  assert.equal(choices[0].message.content, hello);
});

test("reasoning comes as chunks, before the answer", async () => {
  const chunks = await chunksOf(completions.create(ask("reasoning", "Hi", { stream: true })));
  const deltas = chunks.map((chunk) => chunk.choices[0].delta);
  const thoughts = deltas.filter(({ reasoning_content }) => reasoning_content);
  assert.ok(thoughts.length > 1);
  assert.equal(thoughts.map(({ reasoning_content }) => reasoning_content).join(""), reasoning);
  assert.equal(textOf(chunks), hello);
  const firstText = deltas.findIndex(({ content }) => content);
  assert.ok(deltas.lastIndexOf(thoughts.at(-1)) < firstText);
});

test("the stream helper keeps reasoning out of the answer", async () => {
  const { choices } = await completions.stream(ask("reasoning")).finalChatCompletion();
  assert.equal(choices[0].message.content, hello);
});

test("follow-ups come with the answer that asks for them", async () => {
  const { choices, coze } = await completions.create(
    ask("plugin", "Hi", { coze: { follow_ups: true } }),
  );
  assert.equal(choices[0].message.content, "It is sunny, 21C.");
  assert.deepEqual(coze.follow_ups, questions);
});

test("follow-ups come with the last chunk of a stream that asks for them", async () => {
  const request = ask("plugin", "Hi", { stream: true, coze: { follow_ups: true } });
  const chunks = await chunksOf(completions.create(request));
  assert.equal(textOf(chunks), "It is sunny, 21C.");
  assert.equal(chunks.at(-1).choices[0].finish_reason, "stop");
  assert.deepEqual(chunks.at(-1).coze.follow_ups, questions);
});

test("follow-ups that nobody asked for do not come", async () => {
  const { coze } = await completions.create(ask("plugin"));
  assert.equal(coze.follow_ups, undefined);
});

test("an answer that asks for nothing more ends before Coze's stream does", async () => {
  const user = someone();
  const gate = gateOf(user);
  const chunks = await chunksOf(completions.create(ask("gated-end", "Hi", { user, stream: true })));
  assert.equal(chunks.at(-1).choices[0].finish_reason, "stop");
  // Coze's end is still at the gate.
  await gate.reached();
  await gate.release();
});

test("Coze's ids come with the answer and in headers", async () => {
  for (const stream of [false, true]) {
    const { data, response } = await completions
      .create(ask("echo", "Hi", { stream }))
      .withResponse();
    const { coze } = stream ? (await chunksOf(data)).at(-1) : data;
    assert.match(coze.chat_id, /^\d+$/);
    assert.match(coze.logid, /^\w+$/);
    assert.equal(response.headers.get("x-conversation-id"), coze.conversation_id);
    assert.equal(response.headers.get("x-coze-logid"), coze.logid);
  }
});

// The answer is "You said: one two three. (1 message received, 0 remembered)", a word a chunk.
for (const [about, stop, expected] of [
  ["one that stands in a chunk", "two", "You said: one "],
  ["one that is divided over chunks", "two three. (1", "You said: one "],
  ["the first of several", ["three", "one"], "You said: "],
  ["one that never comes", "four", "You said: one two three. (1 message received, 0 remembered)"],
]) {
  test(`the answer ends before a stop sequence: ${about}`, async () => {
    const request = ask("echo", "one two three", { stop });
    const { choices } = await completions.create(request);
    assert.equal(choices[0].message.content, expected);
    assert.equal(choices[0].finish_reason, "stop");
    const chunks = await chunksOf(completions.create({ ...request, stream: true }));
    assert.equal(textOf(chunks), expected);
    assert.equal(chunks.at(-1).choices[0].finish_reason, "stop");
  });
}

test("the SDK parses an answer that should be JSON, out of its fence", async () => {
  const user = someone();
  const json_schema = { name: "weather", schema: { type: "object", required: ["city"] } };
  const response_format = { type: "json_schema", json_schema };
  const request = ask("json-fenced", "How is it in Oslo?", { user, response_format });
  const { choices } = await client.chat.completions.parse(request);
  assert.equal(choices[0].message.parsed.city, "Oslo");
  const { response } = await completions.create(request).withResponse();
  assert.equal(response.headers.get("x-cozeproxy-emulated"), "response_format");
  const [{ body }] = await chatsOf(user);
  assert.ok(body.additional_messages[0].content.includes(JSON.stringify(json_schema.schema)));
});

test("what a bot has settings of its own for is ignored, and a header names it", async () => {
  const fields = { temperature: 0.5, max_completion_tokens: 10, reasoning_effort: "low" };
  const { data, response } = await completions.create(ask("hello", "Hi", fields)).withResponse();
  assert.equal(data.choices[0].message.content, "Hello");
  const ignored = response.headers.get("x-cozeproxy-ignored").split(", ");
  assert.deepEqual(ignored.sort(), Object.keys(fields).sort());
});

for (const [param, value, code] of [
  ["n", 2, "unsupported_value"],
  ["logprobs", true, "unsupported_parameter"],
  ["modalities", ["text", "audio"], "unsupported_value"],
]) {
  test(`what a bot cannot do is a BadRequestError: ${param}`, async () => {
    await assert.rejects(completions.create(ask("echo", "Hi", { [param]: value })), (error) => {
      assert.ok(error instanceof BadRequestError);
      assert.equal(error.param, param);
      assert.equal(error.code, code);
      return true;
    });
  });
}
