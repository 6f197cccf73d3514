// Conversations, workflows and chatflows: each whole and as chunks, named in each place.

import assert from "node:assert/strict";
import test from "node:test";
import {
  arrived,
  BadRequestError,
  chunksOf,
  client,
  completions,
  ConflictError,
  gateOf,
  NotFoundError,
  someone,
  textOf,
} from "./service.mjs";

const says = (content, role = "user") => ({ role, content });

// What a caller has in the end, whether it came whole or as chunks.
async function answerTo(request, options) {
  const { data, response } = await completions.create(request, options).withResponse();
  const { headers } = response;
  if (!request.stream) {
    const [{ message, finish_reason }] = data.choices;
    return { text: message.content ?? "", finish_reason, message, coze: data.coze, headers };
  }
  const chunks = await chunksOf(data);
  const choices = chunks.map((chunk) => chunk.choices[0]);
  const tool_calls = choices
    .flatMap(({ delta }) => delta.tool_calls ?? [])
    .map(({ index, ...call }) => call);
  const text = textOf(chunks);
  const message = { ...says(text, "assistant"), ...(tool_calls.length && { tool_calls }) };
  const { finish_reason } = choices.at(-1);
  return { text, finish_reason, message, coze: chunks.at(-1).coze, headers };
}

async function requestsOf(path, user) {
  const requests = await arrived(path);
  return requests.filter(({ body }) => (body.user_id ?? body.ext?.user_id) === user);
}

for (const stream of [false, true]) {
  const way = stream ? "as chunks" : "whole";

  test(`a conversation sends one message a turn, and Coze remembers, ${way}`, async () => {
    const user = someone();
    const messages = [];
    const headers = {};
    let answer;
    for (const text of ["One", "Two", "Three"]) {
      messages.push(says(text));
      answer = await answerTo({ model: "conversation-echo", messages, user, stream }, { headers });
      messages.push(answer.message);
      headers["x-conversation-id"] = answer.headers.get("x-conversation-id");
      assert.equal(answer.coze.conversation_id, headers["x-conversation-id"]);
    }
    assert.equal(answer.text, "You said: Three. (1 message received, 4 remembered)");
    const chats = await requestsOf("/v3/chat", user);
    assert.deepEqual(
      chats.map(({ body }) => body.additional_messages.map(({ content }) => content)),
      [["One"], ["Two"], ["Three"]],
    );
  });

  test(`a conversation is found in the body's extra_headers and in coze, ${way}`, async () => {
    const messages = [says("Hi")];
    const { coze } = await answerTo({ model: "conversation-echo", messages, stream });
    const id = coze.conversation_id;
    for (const named of [
      { extra_headers: { "x-model-type": "conversation", "x-conversation-id": id } },
      { extra_headers: { "x-conversation-id": id } },
      { coze: { conversation_id: `conv_${id}` } },
    ]) {
      const answer = await answerTo({ model: "gpt-4", messages, stream, ...named });
      assert.equal(answer.headers.get("x-conversation-id"), id);
      assert.match(answer.text, /\(1 message received, [246] remembered\)$/);
    }
  });

  test(`a conversation that is gone is a NotFoundError, ${way}`, async () => {
    const options = { headers: { "x-conversation-id": "7400000000000000000" } };
    const request = { model: "bot-echo", messages: [says("Hi")], stream };
    await assert.rejects(completions.create(request, options), NotFoundError);
  });

  test(`a workflow gives its output, ${way}`, async () => {
    for (const [workflow, text] of [
      ["echo", "You said: 你好 👋"],
      ["output-nodes", "你好 👋"],
      ["end-json-many", '{"title":"Oslo","temperature":21,"tags":["sunny","晴"]}'],
    ]) {
      const messages = [says("你好 👋")];
      const answer = await answerTo({ model: `workflow-${workflow}`, messages, stream });
      assert.equal(answer.text, text);
      assert.equal(answer.finish_reason, "stop");
      assert.ok(answer.coze.debug_url.startsWith("https://"));
    }
  });

  test(`a workflow takes parameters, by the headers that the body holds, ${way}`, async () => {
    const user = someone();
    const extra_headers = { "x-model-type": "workflow", "x-workflow-id": "echo" };
    const coze = { parameters: { city: "Oslo", days: 3 } };
    const request = { model: "gpt-3.5-turbo", messages: [says("Hi")], user, stream };
    await answerTo({ ...request, extra_headers, coze });
    const [{ body }] = await requestsOf("/v1/workflow/stream_run", user);
    assert.deepEqual(body.parameters, coze.parameters);
  });

  test(`a workflow's question is a tool call, and its output goes on, ${way}`, async () => {
    const messages = [says("Weather?")];
    const request = { model: "workflow-question-twice", messages, stream };
    for (const text of ["Oslo", "Friday"]) {
      const { message, finish_reason, coze } = await answerTo(request);
      assert.equal(finish_reason, "tool_calls");
      const [call] = message.tool_calls;
      assert.equal(call.function.name, "coze_resume_workflow");
      assert.equal(JSON.parse(call.function.arguments).question, message.content);
      assert.equal(call.id, coze.resume);
      messages.push(message, { role: "tool", tool_call_id: call.id, content: text });
    }
    const answer = await answerTo(request);
    assert.equal(answer.text, "The weather for Oslo on Friday is fine.");
    assert.equal(answer.finish_reason, "stop");
  });

  test(`a workflow's question is answered by a message with its id, ${way}`, async () => {
    const { coze } = await answerTo({
      model: "workflow-question",
      messages: [says("Weather?")],
      stream,
    });
    const request = { model: "gpt-4", coze: { resume: coze.resume }, stream };
    const empty = { ...request, messages: [says("")] };
    await assert.rejects(completions.create(empty), BadRequestError);
    const answer = await answerTo({ ...request, messages: [says("Oslo")] });
    assert.equal(answer.text, "The weather for Oslo is fine.");
    const again = { ...request, messages: [says("Oslo")] };
    await assert.rejects(completions.create(again), ConflictError);
  });

  test(`a chatflow asks, and the conversation goes on, ${way}`, async () => {
    const messages = [says("Weather?")];
    const request = { model: "chatflow-question", messages, stream };
    const first = await answerTo(request);
    assert.equal(first.text, "Which city is it about?");
    assert.equal(first.finish_reason, "stop");
    messages.push(first.message, says("Oslo"));
    const headers = { "x-conversation-id": first.headers.get("x-conversation-id") };
    const second = await answerTo(request, { headers });
    assert.equal(second.text, "Thank you. I have noted: Oslo");
  });
}

test("the SDK resends until a busy conversation is free", async () => {
  const { coze } = await answerTo({ model: "conversation-echo", messages: [says("Hi")] });
  const headers = { "x-conversation-id": coze.conversation_id };
  const user = someone();
  const gate = gateOf(user);
  const held = completions.create(
    { model: "bot-gated", messages: [says("Hi")], user, stream: true },
    { headers },
  );
  await gate.reached();
  const patient = client.withOptions({ maxRetries: 2 }).chat.completions;
  const other = someone();
  const second = patient.create(
    { model: "bot-hello", messages: [says("Hi")], user: other },
    { headers },
  );
  while ((await requestsOf("/v3/chat", other)).length < 1);
  await gate.release(3);
  assert.equal(textOf(await chunksOf(held)), "one two three");
  assert.equal((await second).choices[0].message.content, "Hello");
});

test("the SDK's tool runner answers a workflow's questions by itself", async () => {
  const asked = [];
  const runner = completions.runTools({
    model: "workflow-question-twice",
    messages: [says("Weather?")],
    tools: [
      {
        type: "function",
        function: {
          name: "coze_resume_workflow",
          description: "Answers a question of the workflow's.",
          parameters: { type: "object", properties: { question: { type: "string" } } },
          parse: JSON.parse,
          function({ question }) {
            asked.push(question);
            return question === "Which city?" ? "Oslo" : "Friday";
          },
        },
      },
    ],
  });
  assert.equal(await runner.finalContent(), "The weather for Oslo on Friday is fine.");
  assert.deepEqual(asked, ["Which city?", "Which day?"]);
});

test("a workflow that is listed can be asked by that name", async () => {
  const names = [];
  for await (const { id } of client.models.list()) names.push(id);
  const model = names.find((name) => name.startsWith("workflow-"));
  const answer = await answerTo({ model, messages: [says("Hi")] });
  assert.equal(answer.text, "You said: Hi");
});
