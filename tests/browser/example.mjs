// examples/browser/index.html, as a person uses it.

export async function example({ service, key }, say) {
  const frame = document.createElement("iframe");
  const loaded = new Promise((resolve) => (frame.onload = resolve));
  frame.src = "/examples/index.html";
  document.body.append(frame);
  await loaded;
  const page = frame.contentDocument;
  const field = (id) => page.getElementById(id);
  const shown = () => [...field("said").children];
  field("url").value = `${service}/v1`;
  field("key").value = key;

  // Wait until something of the page is so.
  function until(holds) {
    return new Promise((resolve) => {
      const look = () => holds() && (watching.disconnect(), resolve());
      const watching = new MutationObserver(look);
      watching.observe(page, { subtree: true, childList: true, characterData: true, attributes: true });
      look();
    });
  }

  function ask(model, text) {
    field("model").value = model;
    field("text").value = text;
    field("send").click();
  }

  ask("bot-gated", "First");
  for (const [text, piece] of [["one ", "one "], ["one two ", "two "]]) {
    await until(() => shown()[1]?.textContent === text);
    await say(piece);
  }
  field("stop").click();
  await until(() => !field("send").disabled);

  ask("bot-echo", "<b>Second</b>");
  await until(() => !field("send").disabled);

  ask("bot-unpublished", "Third");
  await until(() => !field("send").disabled);
  return {
    said: shown().map((element) => [element.className, element.textContent]),
    bold: page.querySelectorAll("b").length,
    ready: field("stop").disabled,
  };
}
