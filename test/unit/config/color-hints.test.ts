// `colorHints` and a page's own `referenceImages` in configuration files: what is read, and what is said of faults.
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { pageSettings, parseBatchConfig } from "../../../src/config/batch-config.js";
import { colorHintsSchema, hintColor } from "../../../src/config/color-hints.js";
import type { ConfigurationError } from "../../../src/errors.js";
import { configFileJsonSchema, ConfigurationHandler } from "../../../src/config/configuration-handler.js";

let root: string;
beforeAll(async () => (root = await mkdtemp(join(tmpdir(), "cobra-hints-config-"))));
afterAll(() => rm(root, { recursive: true, force: true }));

async function load(content: unknown): Promise<ConfigurationHandler> {
  const path = join(root, "config.json");
  await writeFile(path, JSON.stringify(content));
  const handler = new ConfigurationHandler();
  await handler.loadConfigFile(path);
  return handler;
}

describe("a page's own settings in a file", () => {
  it("are dots or a picture, in camelCase or snake_case; relative paths count from the file's folder", async () => {
    const handler = await load({
      default: { reference_images: ["refs", "/abs/x.png"], outputZip: "out/" },
      images: {
        "p1.png": {
          color_hints: [
            { x: 3, y: 4.5, color: "#FF8000" },
            { x: 0, y: 0, color: [1, 2, 3], radius: 6 },
          ],
        },
        "p2.png": { colorHints: "hints/p2.png", reference_images: ["../b.png"] },
      },
    });
    expect(handler.getDefaultConfig()).toEqual({
      referenceImages: [join(root, "refs"), "/abs/x.png"],
      outputZip: join(root, "out/"),
    });
    expect(handler.getImageConfig("p1.png")).toEqual({
      colorHints: [
        { x: 3, y: 4.5, color: "#FF8000" },
        { x: 0, y: 0, color: [1, 2, 3], radius: 6 },
      ],
    });
    expect(handler.getImageConfig("p2.png")).toEqual({
      colorHints: join(root, "hints/p2.png"),
      referenceImages: [join(root, "../b.png")],
    });
    expect([hintColor("#FF8000"), hintColor([1, 2, 3])]).toEqual([
      [255, 128, 0],
      [1, 2, 3],
    ]);
  });

  it("are refused with all faults at once: place, value and rule", async () => {
    const images = {
      a: {
        colorHints: [
          { x: -1, y: 2, color: "red" },
          { x: 1, y: "2", color: [0, 0, 256], radius: 0 },
          { x: 1, y: 1, color: "#123456", colour: 1 },
        ],
      },
      b: { color_hints: 7 },
      c: { colorHints: [], referenceImages: [] },
      d: { referenceImages: [] },
      e: { colorHints: [{ x: 1, color: "#123456" }] },
    };
    const error = await load({ images }).catch((reason: unknown) => reason as Error);
    expect(error).toMatchObject({ code: "ERR_CONFIG" });
    const text = (error as Error).message;
    for (const part of [
      'images["a"].colorHints.0.x: must be 0 or more, in the page\'s own pixels, not -1',
      'images["a"].colorHints.0.color: must be "#rrggbb" or three whole numbers from 0 to 255, not "red"',
      'images["a"].colorHints.1.y: must be a number, not "2"',
      'images["a"].colorHints.1.color.2: must be "#rrggbb" or three whole numbers from 0 to 255, not 256',
      'images["a"].colorHints.1.radius: must be above 0, not 0',
      'images["a"].colorHints.2: unknown "colour"',
      'images["b"].color_hints: must be the path of a picture with transparency, or a list',
      'images["c"].colorHints: must hold at least one dot',
      'images["d"].referenceImages: must name at least one',
      'images["e"].colorHints.0.y: must be a number, not undefined',
    ])
      expect(text).toContain(part);
    expect((error as ConfigurationError).remedy).toBe(
      'leave "colour" out; leave referenceImages out for the references of all pages',
    );
  });

  it("belong to pages: the batch has no hints, and a page has the batch's references unless it names its own", async () => {
    await expect(load({ default: { colorHints: "x.png" } })).rejects.toThrow(/default\.colorHints: unknown setting/);
    const { config } = parseBatchConfig({ inputDir: "a", outputDir: "b", referenceImages: ["batch.png"] });
    expect(pageSettings(config)).not.toHaveProperty("referenceImages");
    expect(pageSettings(config, { referenceImages: ["own.png"], colorHints: "h.png" })).toMatchObject({
      referenceImages: ["own.png"],
      colorHints: "h.png",
      seed: 0,
    });
  });

  it("stand in the JSON Schema", () => {
    expect(configFileJsonSchema()).toMatchObject({
      properties: {
        images: {
          additionalProperties: {
            properties: {
              colorHints: { anyOf: [{ type: "string" }, { type: "array" }] },
              referenceImages: { type: "array" },
            },
          },
        },
      },
    });
  });
});

it.each([
  [{ x: Number.NaN, y: 1, color: "#ff0000" }, "dot 2: x must be a number"],
  [{ x: 1, color: "#ff0000" }, "dot 2: y must be a number"],
])("a bad dot is told by its place: %j", (dot, message) => {
  const good = { x: 1, y: 1, color: "#000000" };
  expect(colorHintsSchema.safeParse([good, dot]).error?.issues.map((issue) => issue.message)).toEqual([message]);
});
