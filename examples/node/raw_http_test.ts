// The service by raw HTTP, without an SDK.
//
//   npm ci && npx tsx raw_http_test.ts
//
// OPENAI_BASE_URL says where the service is; the default is that of scripts/run. Every endpoint, as
// it goes over the wire, is shown by scripts/raw_http.py.

const baseURL = process.env.OPENAI_BASE_URL ?? "http://localhost:3000/v1";
const key = process.env.OPENAI_API_KEY ?? "any-string";

interface Completion {
  choices: { message: { content: string | null } }[];
}
interface Chunk {
  choices: { delta: { content?: string } }[];
  error?: { message: string };
}

function post(body: object, headers: Record<string, string> = {}) {
  return fetch(`${baseURL}/chat/completions`, {
    method: "POST",
    headers: {
      "Content-Type": "application/json",
      Authorization: `Bearer ${key}`,
      ...headers,
    },
    body: JSON.stringify({ model: "gpt-3.5-turbo", ...body }),
  });
}

const says = (content: string) => ({ messages: [{ role: "user", content }] });

async function text(response: Response) {
  const { choices } = (await response.json()) as Completion;
  return choices[0].message.content;
}

// The lines of a body, however it is cut.
async function* lines(body: ReadableStream<Uint8Array>) {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const piece of body) {
    const found = (rest + decoder.decode(piece, { stream: true })).split("\n");
    rest = found.pop() ?? "";
    yield* found;
  }
}

console.log("== Health");
const health = await fetch(`${baseURL.replace(/\/v1$/, "")}/health`);
console.log(health.status, ((await health.json()) as { status: string }).status);

console.log("== Chat");
console.log(await text(await post(says("Hello!"), { "x-model-type": "chat" })));

console.log("== Chat, streamed");
const streamed = await post(
  { ...says("Tell me a story."), stream: true },
  { "x-model-type": "chat" },
);
// An event is a line that begins with "data: "; lines that begin with ":" are signs of life.
for await (const line of lines(streamed.body!)) {
  const data = line.replace(/^data: /, "");
  if (data === line || data === "[DONE]") continue;
  const { choices, error } = JSON.parse(data) as Chunk;
  if (error) throw new Error(error.message);
  for (const { delta } of choices) process.stdout.write(delta.content ?? "");
}
process.stdout.write("\n");

console.log("== Conversation");
const first = await post(says("My name is Ann."), { "x-model-type": "conversation" });
const conversation = first.headers.get("x-conversation-id") ?? "";
await first.arrayBuffer();
console.log(await text(await post(says("Who am I?"), { "x-conversation-id": conversation })));

console.log("== Workflow");
console.log(await text(await post(says("Process this data."), { "x-model-type": "workflow" })));

console.log("== An error");
const refused = await post({ messages: [] });
const { error } = (await refused.json()) as {
  error: { type: string; param: string | null; code: string | null };
};
console.log(refused.status, error.type, error.param, error.code);
