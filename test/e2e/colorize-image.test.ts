// A picture in memory to a picture in memory, from a program and through the example server.
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { Engine } from "../../src/colorization/engine.js";
import type { ColorizeImageOptions } from "../../src/colorization/colorize-image.js";
import { pageResultSchema } from "../../src/colorization/request/page-request.js";
import { colourPage, linePage } from "../support/chapter.js";
import { hashOf } from "../support/paper-engine.js";
import { ONE_THREAD, SMALL_MODEL } from "../support/shared-models.js";

let folder: string;
let engine: Engine;
let page: Buffer;
let references: Buffer[];
const at = (name: string): string => join(folder, name);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "cobra-image-"));
  page = await linePage(1);
  references = await Promise.all([1, 2].map((seed) => colourPage(seed)));
  engine = await Engine.open({ model: SMALL_MODEL, maxQueued: 3, session: ONE_THREAD });
});

afterEach(() => vi.restoreAllMocks());

afterAll(async () => {
  await engine.close();
  await rm(folder, { recursive: true, force: true });
});

const options = (more: Partial<ColorizeImageOptions> = {}): ColorizeImageOptions => ({
  references,
  steps: 1,
  topK: 1,
  ...more,
});

describe("colorizeImage", () => {
  it("keeps format, size, resolution and profile, and leaves the given bytes alone", async () => {
    const jpeg = await sharp(page).withIccProfile("p3").withDensity(300).jpeg().toBuffer();
    const before = hashOf(jpeg);
    const result = await engine.colorizeImage(jpeg, options());
    const { format, width, height, density, icc } = await sharp(result.data).metadata();
    expect([format, width, height, density, icc !== undefined]).toEqual(["jpeg", 200, 280, 300, true]);
    expect(result).toMatchObject({ format: "jpeg", width: 200, height: 280, seed: 0, warnings: [] });
    expect(result.references.every((label) => /^reference [12]#\d$/.test(label))).toBe(true);
    expect(hashOf(jpeg)).toBe(before);
  });

  it("gives other formats, documents with layers, and layers as files", async () => {
    const psd = await engine.colorizeImage(page, options({ format: "psd" }));
    expect([psd.format, Buffer.from(psd.data.subarray(0, 4)).toString()]).toEqual(["psd", "8BPS"]);
    const layered = await engine.colorizeImage(page, options({ format: "webp", layers: true }));
    expect((await sharp(layered.data).metadata()).format).toBe("webp");
    expect(layered.layers!.map(({ name }) => name)).toEqual(["1_original.png", "2_color.png", "3_ink.png"]);
  });

  it("reads the same references once for all calls, and other ones beside them", async () => {
    const opened = vi.spyOn(engine, "references");
    const first = await engine.colorizeImage(page, options({ references: [references[1]!] }));
    const again = await engine.colorizeImage(page, options({ references: [new Uint8Array(references[1]!)] }));
    expect(opened).toHaveBeenCalledTimes(1);
    expect(Buffer.compare(first.data, again.data)).toBe(0);
    await engine.colorizeImage(page, options({ references: [] }));
    expect(opened).toHaveBeenCalledTimes(2);
  });

  it("refuses more calls than maxQueued with a code, and does the others", async () => {
    const calls = await Promise.allSettled(
      Array.from({ length: 5 }, (_, seed) => engine.colorizeImage(page, options({ seed }))),
    );
    expect(calls.map(({ status }) => status)).toEqual(["fulfilled", "fulfilled", "fulfilled", "rejected", "rejected"]);
    for (const call of calls)
      if (call.status === "rejected") expect(call.reason).toMatchObject({ name: "QueueError", code: "ERR_QUEUE_FULL" });
    await engine.colorizeImage(page, options());
  });

  it("rejects with the signal's reason and goes on with other calls", async () => {
    const reason = new Error("enough");
    await expect(engine.colorizeImage(page, options({ signal: AbortSignal.abort(reason) }))).rejects.toBe(reason);
    const controller = new AbortController();
    const stopped = engine.colorizeImage(
      page,
      options({
        steps: 400,
        signal: controller.signal,
        onProgress: ({ step }) => step === 2 && controller.abort(reason),
      }),
    );
    await expect(stopped).rejects.toBe(reason);
  });

  it.each<[string, unknown, unknown, string, RegExp]>([
    ["no picture", undefined, {}, "ERR_ARGUMENT", /picture must be a picture's file/],
    ["a path", "page.png", { references: [] }, "ERR_ARGUMENT", /Buffer or Uint8Array/],
    ["no options", Buffer.from([1]), undefined, "ERR_ARGUMENT", /references must be a list/],
    ["a reference that is a path", Buffer.from([1]), { references: ["a.png"] }, "ERR_ARGUMENT", /references\.0/],
    [
      "several faults",
      Buffer.from([1]),
      { references: [], ink: "foo", fill: "zz", format: "jpg", seed: -1, sed: 2 },
      "ERR_ARGUMENT",
      /seed.*ink.*fill.*format.*"sed"/s,
    ],
    ["text", Buffer.from("no picture"), { references: [] }, "ERR_IMAGE_DECODE", /plain text/],
  ])("refuses %s with a code", async (_what, picture, given, code, message) => {
    await expect(engine.colorizeImage(picture as never, given as never)).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message) as string,
    });
  });

  it("refuses bytes with a code that are moved to another thread while a call waits, and goes on with other calls", async () => {
    const moved = (bytes: Uint8Array<ArrayBuffer>): void => void structuredClone(bytes, { transfer: [bytes.buffer] });
    const [picture, reference] = [new Uint8Array(page), new Uint8Array(await colourPage(3))];
    const equal = new Uint8Array(reference);
    const ofPicture = engine.colorizeImage(picture, options());
    moved(picture);
    const refusal = {
      code: "ERR_ARGUMENT",
      message: expect.stringMatching(/^the bytes of .*not transferred$/) as string,
    };
    await expect(ofPicture).rejects.toMatchObject(refusal);
    const ofReference = engine.colorizeImage(page, options({ references: [reference] }));
    moved(reference);
    await expect(ofReference).rejects.toMatchObject(refusal);
    await expect(engine.colorizeImage(page, options({ references: [equal] }))).resolves.toMatchObject({ seed: 0 });
    const moves = { name: "001.png", page: { bytes: picture }, settings: {}, references: [] };
    await expect(engine.colorizePage(moves)).resolves.toMatchObject({
      status: "failed",
      failure: { code: "ERR_ARGUMENT" },
    });
  });

  it("finishes calls that came before close(), and refuses those after it", async () => {
    const own = await Engine.open({ model: SMALL_MODEL, session: ONE_THREAD });
    const before = [1, 2, 3].map((seed) => own.colorizeImage(page, options({ seed })));
    const closed = own.close();
    await expect(own.colorizeImage(page, options())).rejects.toMatchObject({ code: "ERR_STATE" });
    expect((await Promise.all(before)).map(({ seed }) => seed)).toEqual([1, 2, 3]);
    await closed;
  });

  it("names a reference that cannot be read", async () => {
    const bad = { name: "cover.jpg", data: Buffer.from("no picture") };
    await expect(engine.colorizeImage(page, options({ references: [bad] }))).rejects.toMatchObject({
      code: "ERR_IMAGE_DECODE",
      message: expect.stringContaining("cover.jpg") as string,
    });
  });
});

describe("colorizePage", () => {
  it("gives a page's failure as a result that fits its schema, and names the hash that is not known", async () => {
    const result = await engine.colorizePage({
      name: "p.png",
      page: { bytes: page },
      references: [{ name: "a.png", hash: hashOf(page) }],
    });
    expect(pageResultSchema.parse(result)).toMatchObject({
      status: "failed",
      failure: { page: "p.png", stage: "decode", code: "ERR_NO_REFERENCES" },
    });
    await expect(engine.colorizePage({ name: "" } as never)).rejects.toMatchObject({ code: "ERR_ARGUMENT" });
  });
});

describe("examples/server.mjs", () => {
  let server: ChildProcess;
  let url: string;

  beforeAll(async () => {
    await writeFile(at("reference.jpg"), references[0]!);
    server = spawn(process.execPath, ["examples/server.mjs", at("reference.jpg")], {
      env: { ...process.env, PORT: "0", COBRA_MODEL: SMALL_MODEL },
      stdio: ["ignore", "pipe", "inherit"],
    });
    const [line] = (await once(server.stdout!, "data")) as [Buffer];
    url = /http:\S+/.exec(line.toString())![0];
  });

  afterAll(async () => {
    if (server.exitCode === null) {
      server.kill("SIGTERM");
      await once(server, "exit");
    }
  });

  it("colours what is posted, and says with a code what it cannot do", async () => {
    const answer = await fetch(`${url}/?steps=1&topK=1&format=webp`, { method: "POST", body: new Uint8Array(page) });
    expect([answer.status, answer.headers.get("content-type"), answer.headers.get("x-picture-size")]).toEqual([
      200,
      "image/webp",
      "200x280",
    ]);
    expect((await sharp(await answer.arrayBuffer()).metadata()).format).toBe("webp");
    const bad = await fetch(url, { method: "POST", body: "no picture" });
    expect([bad.status, await bad.json()]).toEqual([422, expect.objectContaining({ code: "ERR_IMAGE_DECODE" })]);
    const wrong = await fetch(`${url}/?seed=x`, { method: "POST", body: new Uint8Array(page) });
    expect([wrong.status, await wrong.json()]).toEqual([400, expect.objectContaining({ code: "ERR_ARGUMENT" })]);
    expect((await fetch(url)).status).toBe(405);
    server.kill("SIGTERM");
    const [code] = (await once(server, "exit")) as [number];
    expect(code).toBe(0);
  });
});
