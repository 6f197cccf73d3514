// The page's program: runs what the address names, and reports its result, or why there is none.

import * as example from "./example.mjs";
import * as sdk from "./sdk.mjs";
import * as tokens from "./tokens.mjs";

const told = Object.fromEntries(new URLSearchParams(location.search));
const say = (queue, what) => fetch(`/${queue}`, { method: "POST", body: JSON.stringify(what) });

try {
  await say("report", await { ...sdk, ...tokens, ...example }[told.page](told, (what) => say("seen", what)));
} catch (error) {
  await say("report", { crashed: String(error.stack) });
}
