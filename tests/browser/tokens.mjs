// What a page of another origin can get out of the token endpoints, in every way that it has.

const endpoints = [
  ["GET", "/get_jwt"],
  ["POST", "/refresh_jwt"],
  ["DELETE", "/clear_jwt"],
];

async function got(url, options) {
  try {
    const response = await fetch(url, options);
    return { status: response.status, type: response.type, text: await response.text() };
  } catch (error) {
    return { refused: error.name };
  }
}

function loaded(element, attributes) {
  return new Promise((resolve) => {
    Object.assign(element, attributes, {
      onload: () => resolve("loaded"),
      onerror: () => resolve("refused"),
    });
    document.body.append(element);
  });
}

export async function tokens({ service, key }) {
  const found = {};
  for (const [method, path] of endpoints) {
    const url = service + path;
    found[`${method} ${path}`] = await got(url, { method });
    found[`${method} ${path} with a key`] = await got(url, {
      method,
      headers: { authorization: `Bearer ${key}` },
    });
    found[`${method} ${path} with credentials`] = await got(url, { method, credentials: "include" });
    if (method !== "DELETE") {
      found[`${method} ${path} unread`] = await got(url, { method, mode: "no-cors" });
    }
  }
  found["as a script"] = await loaded(document.createElement("script"), {
    src: `${service}/get_jwt`,
  });
  const frame = document.createElement("iframe");
  await loaded(frame, { src: `${service}/get_jwt` });
  let inside;
  try {
    inside = frame.contentWindow.document.body.innerText;
  } catch (error) {
    inside = error.name;
  }
  return { found, inside };
}

// Health is for every page to read, but not its details.
export async function health({ service }) {
  return got(`${service}/health`);
}
