// What the checks share: the SDK, a client for the service at OPENAI_BASE_URL, and a look at what
// the service has told the stand-in behind it.

// The copy that examples/node installs; by its path, as Node.js would not look for it there.
import OpenAI from "../../examples/node/node_modules/openai/index.mjs";
export * from "../../examples/node/node_modules/openai/index.mjs";

// Failures must show at once; what is sent again is for endings.mjs to count.
export const client = new OpenAI({ maxRetries: 0 });
export const { completions } = client.chat;

const { upstream } = await json(new URL("/health", client.baseURL));

// A request to a bot of the stand-in's.
export function ask(bot, content = "Hello!", fields = {}) {
  return { model: `bot-${bot}`, messages: [{ role: "user", content }], ...fields };
}

// A name for an end user that nobody else has: it marks a request all the way to the stand-in.
export function someone() {
  return `node-${crypto.randomUUID()}`;
}

export async function chunksOf(stream) {
  const chunks = [];
  for await (const chunk of await stream) chunks.push(chunk);
  return chunks;
}

export function textOf(chunks) {
  return chunks.map((chunk) => chunk.choices[0]?.delta.content ?? "").join("");
}

// The requests to a path of Coze's that the stand-in has got.
export async function arrived(path) {
  const { requests } = await json(`${upstream}/sandbox/requests`);
  return requests.filter((request) => request.path === path);
}

// The chats that the stand-in has got from a user.
export async function chatsOf(user) {
  return (await arrived("/v3/chat")).filter(({ body }) => body.user_id === user);
}

// The gate that a user's scripts wait at in the stand-in.
export function gateOf(user) {
  const gate = `${upstream}/sandbox/gates/${user}`;
  return {
    async reached() {
      while ((await json(gate)).waiting === 0);
    },
    async release(steps = 1) {
      await fetch(`${gate}?steps=${steps}`, { method: "POST" });
    },
  };
}

async function json(url) {
  return (await fetch(url)).json();
}
