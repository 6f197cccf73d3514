// Tools that the caller runs: by hand, and by the SDK's own runners.

import assert from "node:assert/strict";
import test from "node:test";
import {
  arrived,
  ask,
  BadRequestError,
  chatsOf,
  chunksOf,
  completions,
  InternalServerError,
  OpenAI,
  someone,
  textOf,
} from "./service.mjs";

const rain = {
  name: "get_rain_probability",
  description: "How likely it is that it rains.",
  parameters: { type: "object", properties: { location: { type: "string" } } },
};
const tools = [{ type: "function", function: rain }];
const outputs = { Oslo: { probability: 0.5 }, Bergen: { probability: 0.9 } };

// What each bot of the stand-in's calls the tool for, a list a step, and what it answers then.
const bots = [
  ["tools", [["Oslo"]], "50%."],
  ["tools-parallel", [["Oslo", "Bergen"]], "50%. 90%."],
  ["tools-twice", [["Oslo"], ["Bergen"]], "90%."],
];

function output(
  call,
  text = JSON.stringify(outputs[JSON.parse(call.function.arguments).location]),
) {
  return { role: "tool", tool_call_id: call.id, content: text };
}

async function submissionsTo(chat) {
  const submitted = await arrived("/v3/chat/submit_tool_outputs");
  return submitted.filter(({ query }) => query.chat_id === chat);
}

// The tool calls of a bot, with the request that they answer.
async function called(bot) {
  const request = ask(bot, "Will it rain?", { tools });
  const { choices, coze } = await completions.create(request);
  const [{ message }] = choices;
  request.messages.push(message);
  return { request, calls: message.tool_calls, chat: coze.chat_id };
}

test("a call comes whole, and its output is answered", async () => {
  const request = ask("tools", "Will it rain?", { tools });
  const first = await completions.create(request);
  const [{ message, finish_reason }] = first.choices;
  assert.equal(finish_reason, "tool_calls");
  assert.equal(message.content, null);
  assert.equal(message.tool_calls.length, 1);
  const [call] = message.tool_calls;
  assert.match(call.id, /^[\w-]+$/);
  assert.equal(call.type, "function");
  assert.equal(call.function.name, rain.name);
  assert.deepEqual(JSON.parse(call.function.arguments), { location: "Oslo" });

  request.messages.push(message, output(call));
  const second = await completions.create(request);
  assert.equal(second.choices[0].finish_reason, "stop");
  assert.equal(second.choices[0].message.content, "50%.");
  assert.equal(second.coze.chat_id, first.coze.chat_id);
});

test("a call comes as chunks, and its output is answered in chunks", async () => {
  const request = ask("tools", "Will it rain?", { tools, stream: true });
  const chunks = await chunksOf(completions.create(request));
  assert.equal(textOf(chunks), "");
  assert.equal(chunks[0].choices[0].delta.role, "assistant");
  assert.equal(chunks.at(-1).choices[0].finish_reason, "tool_calls");
  const deltas = chunks.flatMap((chunk) => chunk.choices[0].delta.tool_calls ?? []);
  assert.deepEqual(
    deltas.map(({ index, type, function: { name } }) => [index, type, name]),
    [[0, "function", rain.name]],
  );
  const [{ index, ...call }] = deltas;

  request.messages.push({ role: "assistant", content: null, tool_calls: [call] }, output(call));
  const answer = await chunksOf(completions.create(request));
  assert.equal(textOf(answer), "50%.");
  assert.equal(answer.at(-1).choices[0].finish_reason, "stop");
});

test("text before a call comes first", async () => {
  const chunks = await chunksOf(
    completions.create(ask("tools-after-text", "Will it rain?", { tools, stream: true })),
  );
  assert.equal(textOf(chunks), "Let me look that up.");
  assert.equal(chunks.at(-1).choices[0].finish_reason, "tool_calls");
  assert.ok(chunks.at(-2).choices[0].delta.tool_calls);
  const whole = await completions.create(ask("tools-after-text", "Will it rain?", { tools }));
  assert.equal(whole.choices[0].message.content, "Let me look that up.");
  assert.equal(whole.choices[0].message.tool_calls.length, 1);
});

for (const [bot, steps, answer] of bots) {
  for (const stream of [false, true]) {
    test(`the SDK runs the tools of ${bot} to the end, stream: ${stream}`, async () => {
      const asked = [];
      const run = ({ location }) => {
        asked.push(location);
        return outputs[location];
      };
      const runnable = { ...rain, function: run, parse: JSON.parse };
      const runner = completions.runTools(
        ask(bot, "Will it rain?", { stream, tools: [{ type: "function", function: runnable }] }),
      );
      assert.equal(await runner.finalContent(), answer);
      assert.deepEqual(asked, steps.flat());
      const completed = runner.allChatCompletions();
      assert.deepEqual(
        completed.map(({ choices }) => choices[0].finish_reason),
        [...steps.map(() => "tool_calls"), "stop"],
      );
      // Coze takes the outputs of a step together or not at all.
      const submitted = await submissionsTo(completed[0].coze.chat_id);
      assert.deepEqual(
        submitted.map(({ body }) => body.tool_outputs.map((given) => JSON.parse(given.output))),
        steps.map((step) => step.map((location) => outputs[location])),
      );
    });
  }
}

test("the stream helper tells of a call as it comes", async () => {
  const stream = completions.stream(ask("tools-parallel", "Will it rain?", { tools }));
  const told = [];
  stream.on("tool_calls.function.arguments.done", (call) => told.push(JSON.parse(call.arguments)));
  const { choices } = await stream.finalChatCompletion();
  assert.deepEqual(told, [{ location: "Oslo" }, { location: "Bergen" }]);
  assert.equal(new Set(choices[0].message.tool_calls.map(({ id }) => id)).size, 2);
});

for (const stream of [false, true]) {
  test(`a run that fails on the output is not sent again, stream: ${stream}`, async () => {
    const { request, calls, chat } = await called("tools-then-failed");
    request.messages.push(output(calls[0]));
    const retrying = new OpenAI({ maxRetries: 2 });
    await assert.rejects(retrying.chat.completions.create({ ...request, stream }), (error) => {
      assert.ok(error instanceof InternalServerError);
      assert.equal(error.status, 502);
      assert.equal(error.code, "upstream_error");
      assert.equal(error.headers.get("x-should-retry"), "false");
      return true;
    });
    assert.equal((await submissionsTo(chat)).length, 1);
  });
}

test("an output that is missing is a BadRequestError, and nothing is submitted", async () => {
  const { request, calls, chat } = await called("tools-parallel");
  request.messages.push(output(calls[0]));
  await assert.rejects(completions.create(request), (error) => {
    assert.ok(error instanceof BadRequestError);
    assert.equal(error.param, "messages");
    assert.ok(error.message.includes(calls[1].id));
    return true;
  });
  assert.deepEqual(await submissionsTo(chat), []);
});

test("a changed id is a BadRequestError that names the place", async () => {
  const { request, calls, chat } = await called("tools");
  request.messages.push(output({ ...calls[0], id: `${calls[0].id}A` }));
  await assert.rejects(completions.create(request), (error) => {
    assert.ok(error instanceof BadRequestError);
    assert.equal(error.param, "messages[2].tool_call_id");
    return true;
  });
  assert.deepEqual(await submissionsTo(chat), []);
});

test("a call that nobody is ready to run is a BadRequestError that says what to do", async () => {
  await assert.rejects(completions.create(ask("tools")), (error) => {
    assert.ok(error instanceof BadRequestError);
    assert.equal(error.code, "tool_output_required");
    assert.match(error.message, /get_rain_probability.*send 'tools'/);
    return true;
  });
});

test("a demand to call a tool is a BadRequestError, as a bot decides itself", async () => {
  for (const tool_choice of ["required", { type: "function", function: { name: rain.name } }]) {
    await assert.rejects(
      completions.create(ask("tools", "Hi", { tools, tool_choice })),
      (error) => {
        assert.ok(error instanceof BadRequestError);
        assert.equal(error.param, "tool_choice");
        assert.equal(error.code, "unsupported_value");
        return true;
      },
    );
  }
});

test("what tools said earlier stays in the conversation", async () => {
  const { request, calls } = await called("tools");
  request.messages.push(output(calls[0], "50 percent"));
  const { choices } = await completions.create(request);
  request.messages.push(choices[0].message, { role: "user", content: "And tomorrow?" });
  const user = someone();
  await completions.create({ ...request, user, model: "bot-echo" });
  const [{ body }] = await chatsOf(user);
  const told = body.additional_messages.map(({ role, type, content }) => [role, type, content]);
  assert.deepEqual(told, [
    ["user", "question", "Will it rain?"],
    ["assistant", "answer", '[Call of get_rain_probability] {"location":"Oslo"}'],
    ["user", "question", "[Result of get_rain_probability] 50 percent"],
    ["assistant", "answer", choices[0].message.content],
    ["user", "question", "And tomorrow?"],
  ]);
});

test("a bot that calls no tool answers as ever, and a header names what it ignored", async () => {
  const { data, response } = await completions.create(ask("hello", "Hi", { tools })).withResponse();
  assert.equal(data.choices[0].message.content, "Hello");
  assert.equal(response.headers.get("x-cozeproxy-ignored"), "tools");
});
