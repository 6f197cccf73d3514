// Vercel's AI SDK through the Responses API: two turns, each with a call of a tool.

import { createOpenAI } from "@ai-sdk/openai";
import { generateText, stepCountIs, streamText, tool } from "ai";
import { z } from "zod";

const openai = createOpenAI({
  baseURL: process.env.OPENAI_BASE_URL,
  apiKey: process.env.OPENAI_API_KEY,
});
// Calls its tool for each question, and answers with the tool's output.
const model = openai.responses("bot-tools");
const turns = ["Rain?", "And tomorrow?"];
let calls = [];

const tools = {
  get_rain_probability: tool({
    description: "How likely it is that it rains.",
    inputSchema: z.object({ location: z.string() }),
    async execute({ location }) {
      calls.push(location);
      return { location, probability: 0.5 };
    },
  }),
};
const common = { model, tools, stopWhen: stepCountIs(5), maxRetries: 0 };

const ways = {
  async whole(request) {
    const { text, response } = await generateText({ ...common, ...request });
    return { text, response };
  },

  async streamed(request) {
    const result = streamText({ ...common, ...request });
    let text = "";
    for await (const piece of result.textStream) text += piece;
    return { text, response: await result.response };
  },
};

// The history is in each request: as references to what Coze keeps, or where nothing may be
// referred to, as it is. Or each turn names the response before it.
const histories = {
  async referred(ask) {
    const messages = [];
    const answers = [];
    for (const content of turns) {
      messages.push({ role: "user", content });
      const { text, response } = await ask({ messages });
      messages.push(...response.messages);
      answers.push(text);
    }
    return answers;
  },

  async by_id(ask) {
    const answers = [];
    let previousResponseId;
    for (const prompt of turns) {
      const providerOptions = { openai: { previousResponseId } };
      const { text, response } = await ask({ prompt, providerOptions });
      previousResponseId = response.id;
      answers.push(text);
    }
    return answers;
  },
};

for (const [way, ask] of Object.entries(ways)) {
  for (const [name, history] of Object.entries(histories)) {
    calls = [];
    const answers = await history(ask);
    console.log(JSON.stringify({ way: `${way}, ${name}`, answers, calls }));
  }
}
