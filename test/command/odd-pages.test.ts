// Pages that are not like the others: in colour already, blank, or with numbers from the model that are not finite.
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, expect, it } from "vitest";
import { buildModelPackage } from "../../src/convert/build-package.js";
import { PRESETS, presetWeights } from "../../src/convert/presets.js";
import type { BatchEvent } from "../../src/core/events.js";
import type { WeightSource } from "../../src/onnx/weights.js";
import { colourPage, linePage, writeFolder } from "../support/chapter.js";
import { runCli } from "../support/cli.js";

let root: string;
const at = (name: string): string => join(root, name);

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "cobra-odd-"));
  await writeFolder(at("references"), { "ref.jpg": await colourPage(2) });
});

afterAll(() => rm(root, { recursive: true, force: true }));

async function colorize(
  name: string,
  ...flags: string[]
): Promise<{ code: number | null; stderr: string; events: BatchEvent[] }> {
  const { code, stderr, stdout } = await runCli([
    "colorize",
    "--input-dir",
    at(name),
    "--output-dir",
    at(`${name}-out`),
    "--json",
    "--reference-dir",
    at("references"),
    ...flags,
  ]);
  return {
    code,
    stderr,
    events: stdout
      .split("\n")
      .slice(0, -1)
      .map((line) => JSON.parse(line) as BatchEvent),
  };
}

it("a page in colour beside line art is left as it is, byte for byte, and reported", async () => {
  const cover = await colourPage(1);
  await writeFolder(at("covered"), { "cover.jpg": cover, "p1.png": await linePage(1) });
  const { code, events } = await colorize("covered");
  expect(code).toBe(0);
  expect((await readFile(join(at("covered-out"), "cover.jpg"))).equals(cover)).toBe(true);
  expect(events).toContainEqual(expect.objectContaining({ type: "page-kept-in-color", page: "cover.jpg" }));
  expect(events.at(-1)).toMatchObject({ completed: 1, inColor: 1 });
  const again = await runCli([
    "colorize",
    "--input-dir",
    at("covered"),
    "--output-dir",
    at("covered-text"),
    "--reference-dir",
    at("references"),
  ]);
  expect(again.stderr).toContain("1 already in colour");
});

it("a blank landscape page is a page like any other, and keeps its size", async () => {
  const blank = { create: { width: 300, height: 200, channels: 3, background: "white" } } as const;
  await writeFolder(at("blank"), { "white.png": await sharp(blank).png().toBuffer() });
  const { code, events } = await colorize("blank");
  expect(code).toBe(0);
  expect(events.at(-1)).toMatchObject({ completed: 1, failed: 0 });
  const { width, height } = await sharp(join(at("blank-out"), "white_colorized.png")).metadata();
  expect([width, height]).toEqual([300, 200]);
});

it("a page for which the network gives no finite numbers fails as ERR_MODEL_OUTPUT, and the others are done", async () => {
  const config = PRESETS.tiny;
  const weights = presetWeights(config, 1, 2);
  const line = weights.styles.line!;
  const broken: WeightSource = {
    ...line.main,
    read: (name, dims) =>
      name === "proj_out.bias" ? line.main.read(name, dims).fill(3e38) : line.main.read(name, dims),
  };
  await buildModelPackage({
    directory: at("model"),
    config,
    weights: { ...weights, styles: { ...weights.styles, line: { ...line, main: broken } } },
    info: { name: "broken", version: "1", licence: "CC0-1.0", trained: false, description: "one style overflows" },
  });
  await writeFolder(at("nan"), {
    "p1.png": await linePage(1),
    "p2.png": await linePage(2),
    "p3.png": await linePage(3),
  });
  await writeFile(at("nan.json"), JSON.stringify({ images: { "p2.png": { style: "line" } } }));
  const { code, events } = await colorize("nan", "--model", at("model"), "--steps", "1", "--config", at("nan.json"));
  expect(code).toBe(2);
  expect(events.at(-1)).toMatchObject({
    completed: 2,
    failed: 1,
    failures: [{ page: "p2.png", code: "ERR_MODEL_OUTPUT" }],
  });
});
