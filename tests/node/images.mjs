// Images, recordings and files in messages: what the stand-in gets of them.

import assert from "node:assert/strict";
import test from "node:test";
import {
  arrived,
  ask,
  BadRequestError,
  chatsOf,
  chunksOf,
  completions,
  someone,
  textOf,
} from "./service.mjs";

const address = "https://example.com/cat.png";
const starts = {
  png: Buffer.from("\x89PNG\r\n\x1a\n", "latin1"),
  jpg: Buffer.from("\xff\xd8\xff\xe0", "latin1"),
  wav: Buffer.from("RIFF\x24\0\0\0WAVEfmt ", "latin1"),
  pdf: Buffer.from("%PDF-1.7\n"),
};

// A file that nobody has uploaded before; `mark` is what it can be told by.
function file(kind) {
  const mark = someone();
  return { mark, base64: Buffer.concat([starts[kind], Buffer.from(mark)]).toString("base64") };
}

function text(content) {
  return { type: "text", text: content };
}

function image(url) {
  return { type: "image_url", image_url: { url } };
}

async function uploadsOf({ mark }) {
  return (await arrived("/v1/files/upload")).filter(({ body }) => body.includes(mark));
}

function nameIn({ body }) {
  return body.match(/filename="(.+)"/)[1];
}

// What the stand-in has got as the messages of a user's only chat, files as objects.
async function messagesFrom(user) {
  const [{ body }] = await chatsOf(user);
  return body.additional_messages.map(({ content_type, content }) =>
    content_type === "object_string" ? JSON.parse(content) : content,
  );
}

for (const stream of [false, true]) {
  test(`an address is passed on as it is, stream: ${stream}`, async () => {
    const user = someone();
    const content = [text("What is this?"), image(address)];
    const answer = await completions.create(ask("echo", content, { user, stream }));
    const told = stream ? textOf(await chunksOf(answer)) : answer.choices[0].message.content;
    assert.ok(told.startsWith(`You said: What is this? [image ${address}]`));
    assert.deepEqual(await messagesFrom(user), [
      [text("What is this?"), { type: "image", file_url: address }],
    ]);
  });
}

test("an image in a data: URL is uploaded, under the extension of what it is", async () => {
  const user = someone();
  const jpeg = file("jpg");
  // It calls itself something else.
  const content = [image(`data:image/png;base64,${jpeg.base64}`), text("What is this?")];
  await completions.create(ask("echo", content, { user }));
  const uploads = await uploadsOf(jpeg);
  assert.equal(uploads.length, 1);
  assert.match(nameIn(uploads[0]), /\.jpg$/);
  const [[question, { type, file_id }]] = await messagesFrom(user);
  assert.deepEqual(question, text("What is this?"));
  assert.equal(type, "image");
  assert.match(file_id, /^\d+$/);
});

test("an image that a conversation repeats is uploaded once", async () => {
  const png = file("png");
  const request = ask("echo", [
    text("What is this?"),
    image(`data:image/png;base64,${png.base64}`),
  ]);
  const { choices } = await completions.create(request);
  request.messages.push(choices[0].message, { role: "user", content: "Are you sure?" });
  const user = someone();
  await completions.create({ ...request, user });
  assert.equal((await uploadsOf(png)).length, 1);
  const [[, shown], answer, question] = await messagesFrom(user);
  assert.equal(shown.type, "image");
  assert.equal(answer, choices[0].message.content);
  assert.equal(question, "Are you sure?");
});

test("several images stand beside one text", async () => {
  const user = someone();
  const pngs = [file("png"), file("png")];
  const images = pngs.map(({ base64 }) => image(`data:image/png;base64,${base64}`));
  await completions.create(
    ask("echo", [text("Compare"), images[0], text("and"), images[1]], { user }),
  );
  const [[told, ...shown]] = await messagesFrom(user);
  assert.deepEqual(told, text("Compare\nand"));
  assert.deepEqual(
    shown.map(({ type }) => type),
    ["image", "image"],
  );
  assert.notEqual(shown[0].file_id, shown[1].file_id);
});

test("a recording and a file are uploaded", async () => {
  const user = someone();
  const [wav, pdf] = [file("wav"), file("pdf")];
  const content = [
    text("Compare"),
    { type: "input_audio", input_audio: { data: wav.base64, format: "wav" } },
    {
      type: "file",
      file: { filename: "report.pdf", file_data: `data:application/pdf;base64,${pdf.base64}` },
    },
  ];
  await completions.create(ask("echo", content, { user }));
  const [[, ...shown]] = await messagesFrom(user);
  assert.deepEqual(
    shown.map(({ type }) => type),
    ["audio", "file"],
  );
  assert.match(nameIn((await uploadsOf(wav))[0]), /\.wav$/);
  assert.equal(nameIn((await uploadsOf(pdf))[0]), "report.pdf");
});

for (const [about, part, place] of [
  ["that is not base64", image("data:image/png;base64,%%%"), "image_url.url"],
  ["that is no image", image("data:image/png;base64,SGVsbG8h"), "image_url.url"],
  ["at no address of the web", image("file:///etc/passwd"), "image_url.url"],
]) {
  test(`an image ${about} is a BadRequestError that names the place`, async () => {
    const user = someone();
    const request = ask("echo", [text("What is this?"), part], { user });
    await assert.rejects(completions.create(request), (error) => {
      assert.ok(error instanceof BadRequestError);
      assert.equal(error.code, "invalid_value");
      assert.equal(error.param, `messages[0].content[1].${place}`);
      return true;
    });
    assert.deepEqual(await chatsOf(user), []);
  });
}
