// Asks the bots named as arguments in every way the SDK has, and prints how each ended, one JSON
// object a line: `bot` and `way`; `text`, what was seen of the answer; `error`, what the SDK
// raised, if it did; `chats`, how many of them the stand-in has got.

import { arrived, ask, OpenAI, someone } from "./service.mjs";

// Once is enough to see whether the SDK sends a request again; where it is told to be patient
// first, as by `rate-limited`, not even that.
const { completions } = new OpenAI({ maxRetries: 1 }).chat;
const patient = { maxRetries: 0 };

const ways = {
  async whole(request, options, see) {
    const { choices } = await completions.create(request, options);
    see(choices[0].message.content);
  },

  async streamed(request, options, see) {
    for await (const chunk of await completions.create({ ...request, stream: true }, options)) {
      see(chunk.choices[0].delta.content);
    }
  },

  async helper(request, options, see) {
    const stream = completions.stream(request, options);
    stream.on("content", see);
    await stream.finalChatCompletion();
  },
};

function shown(error) {
  const { status, code, requestID, headers } = error;
  const retryAfter = headers?.get("retry-after");
  return { class: error.constructor.name, status, code, requestID, retryAfter };
}

async function ending(bot, way) {
  const user = someone();
  const ended = { bot, way, user, text: "" };
  const see = (text) => {
    ended.text += text ?? "";
  };
  try {
    const options = bot === "rate-limited" ? patient : {};
    await ways[way](ask(bot, "Hello!", { user }), options, see);
  } catch (error) {
    ended.error = shown(error);
  }
  return ended;
}

const bots = process.argv.slice(2);
const asked = bots.flatMap((bot) => Object.keys(ways).map((way) => ending(bot, way)));
const endings = await Promise.all(asked);
const chats = await arrived("/v3/chat");
for (const { user, ...ended } of endings) {
  const own = chats.filter(({ body }) => body.user_id === user);
  console.log(JSON.stringify({ ...ended, chats: own.length }));
}
