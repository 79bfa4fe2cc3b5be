// Several devices: the same pictures wherever a page goes, a lost device, books of a device with a limit.
import { beforeAll, describe, expect, it } from "vitest";
import { InferenceSession, liveCounts, type RasterImage } from "../../src/binding/index.js";
import { Engine, type EngineParts } from "../../src/colorization/engine.js";
import type { EngineOptions } from "../../src/colorization/engine-options.js";
import type { RasterRequest, RasterResult } from "../../src/colorization/cobra/raster-request.js";
import type { ReferenceImage } from "../../src/colorization/cobra/references.js";
import { InferenceError } from "../../src/errors.js";
import { decodeImage } from "../../src/io/image/image-codec.js";
import { colourPage, linePage } from "../support/chapter.js";
import { TINY_MODEL } from "../support/shared-models.js";

const PAGES = 4;
let page: RasterImage;
let references: ReferenceImage[];
let expected: string[];

const request = (seed: number, more: Partial<RasterRequest> = {}): RasterRequest => ({
  page: { ...page, data: page.data.slice() },
  style: "line",
  seed,
  steps: 2,
  topK: 1,
  hints: [{ x: 20, y: 20, color: [200, 30, 30] }],
  ...more,
});

const hex = ({ image }: RasterResult): string => Buffer.from(image.data).toString("base64");

async function colour(
  options: EngineOptions,
  parts?: EngineParts,
): Promise<{ pictures: string[]; stats: ReturnType<Engine["stats"]>; devices: Set<string> }> {
  await using engine = await Engine.openWith({ model: TINY_MODEL, ...options }, parts);
  using set = engine.references(references);
  const devices = new Set<string>();
  const onStage: RasterRequest["onStage"] = (_stage, _step, _steps, device) =>
    void (device === undefined || devices.add(device));
  const seeds = Array.from({ length: PAGES }, (_, index) => index);
  const pictures = await Promise.all(
    seeds.map(async (seed) => hex(await engine.colorize(set, request(seed, { onStage })))),
  );
  return { pictures, stats: engine.stats(), devices };
}

/** Opens networks whose device is lost at its `run`-th run. */
function losing(device: string, run: number): EngineParts {
  let runs = 0;
  return {
    openNetwork: async (_graph, model, options, name) => {
      const session = await InferenceSession.create(model, options);
      if (name !== device) return session;
      const inner = session.run.bind(session);
      session.run = async (...given) => {
        if (++runs >= run) throw new InferenceError("ERR_DEVICE_LOST", `the device ${device} was lost`);
        return inner(...given);
      };
      return session;
    },
  };
}

beforeAll(async () => {
  page = (await decodeImage(await linePage(1), "page")).image;
  references = [{ name: "ref", image: (await decodeImage(await colourPage(1), "ref")).image }];
  expected = (await colour({})).pictures;
});

describe("several devices", () => {
  it("give the same pictures, and share the pages", async () => {
    const { pictures, stats, devices } = await colour({ devices: ["cpu", "cpu"] });
    expect(pictures).toEqual(expected);
    expect(stats.devices.map(({ device, state }) => [device, state])).toEqual([
      ["cpu", "ready"],
      ["cpu:1", "ready"],
    ]);
    expect(stats.devices.map(({ pages }) => pages.done)).toEqual([2, 2]);
    expect(devices).toEqual(new Set(["cpu", "cpu:1"]));
    const runs = stats.devices.map((one) => one.runs.denoiser!.runs);
    expect(runs[0]! + runs[1]!).toBe(stats.runs.denoiser!.runs);
  });

  it.each([1, 7])("lose one at its run %i: the other does its pages, to the same bytes", async (run) => {
    const { pictures, stats } = await colour({ devices: ["cpu", "cpu"] }, losing("cpu:1", run));
    expect(pictures).toEqual(expected);
    expect(stats.devices.map(({ state, pages }) => [state, pages.inFlight])).toEqual([
      ["ready", 0],
      ["lost", 0],
    ]);
  });

  it("end with ERR_DEVICE_LOST when none is left", async () => {
    await expect(colour({}, losing("cpu", 5))).rejects.toMatchObject({ code: "ERR_DEVICE_LOST" });
  });

  it("do not name the device of an engine that has one", async () => {
    expect((await colour({})).devices).toEqual(new Set());
  });

  it.each([
    [["gpu"], /there is no device "gpu"/],
    [["cuda:0", "cuda:0"], /"cuda:0" is named twice/],
    [[], /the list of devices is empty/],
  ])("refuse %j", async (devices, message) => {
    await expect(Engine.open({ model: TINY_MODEL, devices })).rejects.toThrow(message);
  });
});

it("leave no session, tensor or run behind", async () => {
  await expect.poll(() => liveCounts()).toMatchObject({ sessions: 0, tensors: 0, runs: 0 });
});
