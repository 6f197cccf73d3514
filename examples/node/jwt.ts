// The service's OAuth token, as its owner sees it; callers do not notice that there is one.
//
//   npm ci && npx tsx jwt.ts
//
// OPENAI_BASE_URL says where the service is; the default is that of scripts/run. The token endpoints
// are open to the owner alone: PROXY_ADMIN_KEY is the key for them, unless the service has
// TOKEN_ENDPOINTS=loopback. JWT-SETUP.md sets OAuth up.

import OpenAI from "openai";

const baseURL = process.env.OPENAI_BASE_URL ?? "http://localhost:3000/v1";
const client = new OpenAI({ baseURL, apiKey: process.env.OPENAI_API_KEY ?? "any-string" });

interface Told {
  token: string;
  info: { hasToken: boolean; isValid: boolean; expiresIn: number };
  message: string;
  error?: { message: string };
}

async function ask(method: string, path: string) {
  const response = await fetch(baseURL.replace(/\/v1$/, "") + path, {
    method,
    headers: { Authorization: `Bearer ${process.env.PROXY_ADMIN_KEY ?? ""}` },
  });
  const told = (await response.json()) as Told;
  if (told.error) {
    console.error(told.error.message);
    process.exit(1);
  }
  return told;
}

async function chat() {
  const answer = await client.chat.completions.create({
    model: "gpt-3.5-turbo",
    messages: [{ role: "user", content: "Hello!" }],
  });
  return answer.choices[0].message.content;
}

// A token opens all that the app may do: keep it off screens and out of logs.
const first = await ask("GET", "/get_jwt");
console.log("A token that is good:", first.info.isValid);
console.log(await chat());

const second = await ask("POST", "/refresh_jwt");
console.log("Another one after a refresh:", second.token !== first.token);
console.log(await chat());

console.log((await ask("DELETE", "/clear_jwt")).message);
console.log(await chat());
