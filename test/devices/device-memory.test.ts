// A device that runs out of memory: each step of the ladder, on a CPU device that fails as a GPU does. Alone in its
// process: simulations change devices of the whole process.
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { Device, InferenceSession, liveCounts, type RasterImage } from "../../src/binding/index.js";
import { simulateDevice } from "../../src/binding/runtime/simulate.js";
import { Engine } from "../../src/colorization/engine.js";
import type { OpenNetwork } from "../../src/colorization/networks/network-sessions.js";
import type { EngineOptions } from "../../src/colorization/engine-options.js";
import type { RasterRequest, RasterResult } from "../../src/colorization/cobra/raster-request.js";
import type { ReferenceImage } from "../../src/colorization/cobra/references.js";
import { ResourceError } from "../../src/errors.js";
import { decodeImage } from "../../src/io/image/image-codec.js";
import { setupLogging } from "../../src/logging.js";
import { colourPage, linePage } from "../support/chapter.js";
import { TINY_MODEL } from "../support/shared-models.js";

const DEVICE = "cpu:3";
const OUT_OF_MEMORY = "CUDA failure 2: out of memory";
let page: RasterImage;
let references: ReferenceImage[];

const request = (): RasterRequest => ({
  page: { ...page, data: page.data.slice() },
  style: "line",
  seed: 1,
  steps: 2,
  topK: 1,
});

const hex = ({ image }: RasterResult): string => Buffer.from(image.data).toString("base64");

/** Colours a page until everything is loaded and cached, then again with failing runs. */
async function withFailures(
  runs: readonly number[],
  options: EngineOptions = {},
  { openNetwork, fill = () => undefined }: { openNetwork?: OpenNetwork; fill?: () => unknown } = {},
) {
  const folder = await mkdtemp(join(tmpdir(), "cobra-device-memory-"));
  const logFile = join(folder, "log.ndjson");
  const logging = setupLogging({ level: "WARNING", logFile, console: false });
  try {
    await using engine = await Engine.openWith(
      { model: TINY_MODEL, devices: [DEVICE], deviceMemoryBytes: 2 ** 31, ...options },
      { openNetwork },
    );
    using set = engine.references(references);
    const before = hex(await engine.colorize(set, request()));
    fill();
    simulateDevice(DEVICE, { failures: Object.fromEntries(runs.map((run) => [run, OUT_OF_MEMORY])) });
    const after = await engine.colorize(set, request()).then(hex, (error: unknown) => error);
    const [device] = engine.stats().devices;
    const lines = (await readFile(logFile, "utf8")).split("\n").filter(Boolean);
    const steps = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    return { before, after, device: device!, steps };
  } finally {
    logging.close();
    await rm(folder, { recursive: true, force: true });
  }
}

beforeAll(async () => {
  page = (await decodeImage(await linePage(1), "page")).image;
  references = [{ name: "ref", image: (await decodeImage(await colourPage(1), "ref")).image }];
});

afterEach(() => simulateDevice(DEVICE));

describe("a device without memory left", () => {
  it("drops its caches first, and the picture stays", async () => {
    const { before, after, steps } = await withFailures([1]);
    expect(after).toBe(before);
    expect(steps).toMatchObject([{ step: "drop-caches", device: DEVICE, level: "WARNING" }]);
  });

  it("opens its sessions again when nothing else helps, and the picture stays", async () => {
    let isFull = false;
    // As after an arena's shortage on CUDA: a session that was there then fails every run.
    const openNetwork: OpenNetwork = async (_graph, model, options) => {
      const session = await InferenceSession.create(model, options);
      const wasThere = !isFull;
      const run = session.run.bind(session);
      session.run = async (...given) => {
        if (isFull && wasThere) throw new ResourceError("ERR_OUT_OF_MEMORY", "the device is full");
        return run(...given);
      };
      return session;
    };
    const { before, after, steps } = await withFailures([], {}, { openNetwork, fill: () => (isFull = true) });
    expect(after).toBe(before);
    expect([...new Set(steps.map(({ step }) => step))]).toEqual(["drop-caches", "shrink-arenas", "rebuild-sessions"]);
  });

  it("fails the page when all steps were taken, and keeps its books", async () => {
    const { after, device } = await withFailures(Array.from({ length: 200 }, (_, index) => index + 1));
    expect(after).toMatchObject({ code: "ERR_OUT_OF_MEMORY" });
    expect(device.pages.inFlight).toBe(0);
  });

  it("books weights, activations and references, and gives back all but them; free + reserved + held = total", async () => {
    const { device } = await withFailures([]);
    const { memory, references: cache } = device;
    expect(memory.freeBytes + memory.reservedBytes + memory.heldBytes).toBe(memory.totalBytes);
    expect(memory.totalBytes).toBe(2 ** 31);
    expect(memory.reservedBytes).toBe(0);
    expect(Object.keys(memory.owners).toSorted()).toEqual(["activations", "references", "weights"]);
    expect(memory.owners["references"]!.bytes).toBe(cache.heldBytes);
    expect(cache.leasedBytes).toBe(0);
  });

  it("has allocated nothing in the end", async () => {
    await expect.poll(() => liveCounts()).toMatchObject({ sessions: 0, tensors: 0, runs: 0, leases: 0 });
    expect(Device.of(DEVICE).figures().allocatedBytes).toBe(0);
  });
});
