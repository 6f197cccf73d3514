// A tool that runs in this program: the bot calls it, gets what it says, and answers.
//
//   npm ci && npx tsx tools.ts "Will it rain in Oslo?" bot-tools
//
// The tool must be one of the bot's own, a "local plugin" in Coze: what is given here only says who
// can run it. bot-tools is a bot of the stand-in's that has this one; bot-<id> is any other bot.
// OPENAI_BASE_URL says where the service is; the default is that of scripts/run.

import OpenAI from "openai";

const client = new OpenAI({
  baseURL: process.env.OPENAI_BASE_URL ?? "http://localhost:3000/v1",
  apiKey: process.env.OPENAI_API_KEY ?? "any-string",
});
const [question = "Will it rain in Oslo?", model = "bot-tools"] = process.argv.slice(2);

function rainProbability({ location }: { location: string }) {
  return { location, probability: 0.5 };
}

const runner = client.chat.completions.runTools({
  model,
  messages: [{ role: "user", content: question }],
  tools: [
    {
      type: "function",
      function: {
        name: "get_rain_probability",
        description: "How likely it is that it rains at a place.",
        parameters: { type: "object", properties: { location: { type: "string" } } },
        parse: JSON.parse,
        function: rainProbability,
      },
    },
  ],
});
runner.on("functionToolCall", (call) => console.log(`${call.name} ${call.arguments}`));
runner.on("functionToolCallResult", (result) => console.log(`-> ${result}`));
console.log(await runner.finalContent());
