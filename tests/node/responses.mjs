// Responses and conversations, with the SDK's helpers.

import assert from "node:assert/strict";
import test from "node:test";
import {
  BadRequestError,
  client,
  gateOf,
  InternalServerError,
  NotFoundError,
  someone,
} from "./service.mjs";

const { responses, conversations } = client;

const tools = [
  {
    type: "function",
    name: "get_rain_probability",
    strict: false,
    parameters: { type: "object", properties: { location: { type: "string" } } },
  },
];

function to(bot, input = "Hello!", fields = {}) {
  return { model: `bot-${bot}`, input, ...fields };
}

function callsOf(response) {
  return response.output.filter((item) => item.type === "function_call");
}

function output(call, text) {
  return { type: "function_call_output", call_id: call.call_id, output: text };
}

async function all(list) {
  const found = [];
  for await (const each of await list) found.push(each);
  return found;
}

const ways = {
  whole: (request) => responses.create(request),

  async streamed(request) {
    const events = await all(responses.create({ ...request, stream: true }));
    assert.deepEqual(
      events.map((event) => event.sequence_number),
      [...events.keys()],
    );
    const deltas = events.filter((event) => event.type === "response.output_text.delta");
    const { response } = events.at(-1);
    const texts = response.output.flatMap((item) => item.content ?? []).map(({ text }) => text);
    assert.equal(deltas.map((event) => event.delta).join(""), texts.join(""));
    return { ...response, output_text: texts.join("") };
  },

  helper: (request) => responses.stream(request).finalResponse(),
};

for (const [way, ask] of Object.entries(ways)) {
  test(`${way}: text, reasoning and usage`, async () => {
    const response = await ask(to("reasoning"));
    assert.deepEqual(
      response.output.map((item) => item.type),
      ["reasoning", "message"],
    );
    assert.equal(response.output_text, "Hello! How can I help?");
    assert.match(response.output[0].summary[0].text, /^The user greets me/);
    assert.equal(response.status, "completed");
    assert.ok(response.usage.total_tokens);
  });

  test(`${way}: a turn goes on, and forks`, async () => {
    const first = await ask(to("memory", "One"));
    const previous_response_id = first.id;
    const second = await ask(to("memory", "Two", { previous_response_id }));
    assert.match(second.output_text, /^You said: Two Before that: One \|/);
    const fork = await ask(to("echo", "Other", { previous_response_id }));
    assert.equal(fork.output_text, "You said: Other. (3 messages received, 0 remembered)");
    assert.notEqual(fork.coze.conversation_id, second.coze.conversation_id);
  });

  test(`${way}: a call is answered`, async () => {
    const first = await ask(to("tools", "Rain?", { tools }));
    const [call] = callsOf(first);
    assert.deepEqual(JSON.parse(call.arguments), { location: "Oslo" });
    const input = [output(call, '{"probability": 0.5}')];
    const second = await ask(to("tools", input, { previous_response_id: first.id }));
    assert.equal(second.output_text, "50%.");
  });

  test(`${way}: a failure is raised`, async () => {
    await assert.rejects(ask(to("failed")), InternalServerError);
  });
}

test("a parsed answer has the form that was asked for", async () => {
  const schema = { type: "object", properties: { city: { type: "string" } } };
  const format = { type: "json_schema", name: "weather", schema };
  const response = await responses.parse(to("json-fenced", "Weather?", { text: { format } }));
  assert.equal(JSON.parse(response.output_text).city, "Oslo");
});

test("a response is given once more, and deleted", async () => {
  const response = await responses.create(to("hello", "Hi"));
  const again = await responses.retrieve(response.id);
  assert.deepEqual(again.output, response.output);
  const items = await all(responses.inputItems.list(response.id));
  assert.equal(items[0].content[0].text, "Hi");
  await responses.delete(response.id);
  await assert.rejects(responses.retrieve(response.id), NotFoundError);
});

test("a response is begun, cancelled, and polled for", async () => {
  const user = someone();
  const begun = await responses.create(to("gated", "Hi", { background: true, user }));
  assert.equal(begun.status, "in_progress");
  await gateOf(user).reached();
  assert.equal((await responses.cancel(begun.id)).status, "cancelled");
  await assert.rejects(responses.cancel(begun.id), BadRequestError);
  let response = await responses.create(to("hello", "Hi", { background: true }));
  while (response.status === "in_progress") response = await responses.retrieve(response.id);
  assert.equal(response.output[0].content[0].text, "Hello");
});

test("a conversation is made, filled, read and deleted", async () => {
  const says = (content, role = "user") => ({ type: "message", role, content });
  const made = await conversations.create({
    items: [says("One"), says("1", "assistant")],
    metadata: { name: "first" },
  });
  const renamed = await conversations.update(made.id, { metadata: { name: "second" } });
  assert.equal(renamed.metadata.name, "second");
  await conversations.items.create(made.id, { items: [says("Two")] });
  const response = await responses.create(to("memory", "And?", { conversation: made.id }));
  assert.equal(response.output_text, "You said: And? Before that: One | 1 | Two");
  const items = await all(conversations.items.list(made.id, { limit: 2, order: "asc" }));
  assert.deepEqual(
    items.map((item) => item.content[0].text),
    ["One", "1", "Two", "And?", response.output_text],
  );
  const [{ id }] = items;
  const place = { conversation_id: made.id };
  assert.equal((await conversations.items.retrieve(id, place)).id, id);
  assert.equal((await conversations.items.delete(id, place)).id, made.id);
  assert.equal((await conversations.delete(made.id)).deleted, true);
  await assert.rejects(conversations.retrieve(made.id), NotFoundError);
});
