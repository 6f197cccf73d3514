// The stock SDK for Node.js in a page.

import OpenAI from "openai";

const messages = [{ role: "user", content: "Hi" }];

function clientFor({ service, key }) {
  return new OpenAI({
    baseURL: `${service}/v1`,
    apiKey: key,
    maxRetries: 0,
    dangerouslyAllowBrowser: true,
  });
}

async function raised(promise) {
  try {
    await promise;
  } catch (error) {
    return {
      class: error.constructor.name,
      isAuthenticationError: error instanceof OpenAI.AuthenticationError,
      status: error.status,
      code: error.code,
      requestID: error.requestID,
      retryAfter: error.headers?.get("retry-after"),
      shouldRetry: error.headers?.get("x-should-retry"),
    };
  }
  return {};
}

// A stream, told piece by piece, with what stands in its headers.
export async function streaming(told, say) {
  const { data, response } = await clientFor(told)
    .chat.completions.create({ model: "bot-gated", messages, user: "browser", stream: true })
    .withResponse();
  let text = "";
  for await (const chunk of data) {
    const piece = chunk.choices[0]?.delta.content;
    if (piece) {
      text += piece;
      await say(piece);
    }
  }
  return { text, headers: Object.fromEntries(response.headers) };
}

export async function answers(told) {
  const { completions } = clientFor(told).chat;
  const whole = await completions.create({ model: "bot-hello", messages });
  const routed = await completions.create(
    { model: "gpt-4", messages },
    { headers: { "x-model-type": "conversation", "x-bot-id": "hello" } },
  );
  const models = [];
  for await (const model of clientFor(told).models.list()) models.push(model.id);
  return {
    text: whole.choices[0].message.content,
    requestID: whole._request_id,
    conversation: routed.coze.conversation_id,
    models,
  };
}

export async function errors(told) {
  const { completions } = clientFor(told).chat;
  const stranger = clientFor({ ...told, key: "sk-wrong-key" });
  const stream = { model: "bot-hello", messages, stream: true };
  const limited = { model: "bot-rate-limited", messages };
  return {
    wrongKey: await raised(stranger.chat.completions.create(stream)),
    wrongKeyForModels: await raised(stranger.models.list()),
    limited: await raised(completions.create(limited)),
    missing: await raised(clientFor(told).models.retrieve("none")),
    failed: await raised(completions.create({ model: "bot-failed", messages })),
  };
}
