/** The worker pool with real threads: results, transfer, errors across the boundary, abort, close, bounds. */
import { getEventListeners } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { getPriority } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { describe, expect, it, onTestFinished } from "vitest";
import { ImageClassifier } from "../../../src/classification/image-classifier.js";
import { ImageProcessingError, ResourceError, ZipExtractionError, ERROR_CODES } from "../../../src/errors.js";
import { encodeImage } from "../../../src/io/image/image-codec.js";
import { errorFromData, errorToData } from "../../../src/workers/error-transfer.js";
import { TaskPool, type TaskPoolOptions } from "../../../src/colorization/tasks/pool.js";
import { threadError } from "../../../src/workers/thread-error.js";
import { WorkerPool } from "../../../src/workers/pool.js";
import { transferables } from "../../../src/workers/transfer.js";
import { gradient, temporaryFolder } from "../io/image/pictures.js";

function pool(options: TaskPoolOptions = { maxThreads: 2 }): TaskPool {
  const made = new TaskPool(options);
  onTestFinished(() => made.destroy());
  return made;
}

const picture = (size = 64): { width: number; height: number; channels: 3; data: Uint8Array } => ({
  width: size,
  height: size,
  channels: 3,
  data: gradient(size, size),
});

describe("TaskPool", () => {
  it("encodes and decodes to the same pixels, moving buffers instead of copying them", async () => {
    const workers = pool();
    const image = picture();
    const bytes = await workers.encode(image, { format: "png" });
    expect(image.data.byteLength).toBe(0);
    const { image: back, info } = await workers.decode(bytes, "p.png");
    expect(bytes.byteLength).toBe(0);
    expect(info.format).toBe("png");
    expect(Buffer.compare(back.data, gradient(64, 64))).toBe(0);
    expect(workers.stats()).toMatchObject({ queued: 0, running: 0, completed: 2, failed: 0, aborted: 0 });
  });

  it("leaves the process's settings of sharp as they are: they are its host's", async () => {
    const bytes = await encodeImage(picture(), { format: "png" });
    const svg = Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="4" height="4"/>');
    const before = { cache: sharp.cache(), threads: sharp.concurrency() };
    await pool().decode(bytes.slice(), "p.png");
    const { memory, files, items } = sharp.cache();
    expect([memory.max, files.max, items.max]).toEqual(
      [before.cache.memory, before.cache.files, before.cache.items].map(({ max }) => max),
    );
    expect(sharp.concurrency()).toBe(before.threads);
    expect((await sharp(svg).metadata()).format).toBe("svg");
  });

  it("does urgent calls before those that wait, and threads give way to the event loop", async () => {
    const workers = pool({ maxThreads: 1 });
    const order: string[] = [];
    const encode = (name: string, urgent: boolean): Promise<unknown> =>
      workers
        .run("encode", { image: picture(), name, options: { format: "png" } }, { urgent })
        .then(() => order.push(name));
    await Promise.all([encode("running", false), encode("late", false), encode("urgent", true), encode("next", true)]);
    expect(order).toEqual(["running", "urgent", "next", "late"]);
    if (process.platform !== "linux") return;
    const nice = readdirSync("/proc/self/task").map((thread) =>
      Number(readFileSync(`/proc/self/task/${thread}/stat`, "utf8").split(") ")[1]!.split(" ")[16]),
    );
    expect(nice).toContain(Math.min(19, getPriority(0) + 5));
  });

  it("copies a view that shares its buffer and leaves its neighbours alone", async () => {
    const workers = pool();
    const shared = new Uint8Array(await encodeImage(picture(), { format: "png" }));
    const padded = new Uint8Array(shared.byteLength + 8);
    padded.set(shared, 4);
    const { image } = await workers.decode(padded.subarray(4, padded.byteLength - 4), "p.png");
    expect(image.width).toBe(64);
    expect(padded.byteLength).toBe(shared.byteLength + 8);
  });

  it("gives a worker's error back with its class, code, path, message and cause", async () => {
    const workers = pool();
    const error = await workers
      .decode(new Uint8Array(Buffer.from("plain text")), "a/bad.png")
      .catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(ImageProcessingError);
    expect(error).toMatchObject({
      name: "ImageProcessingError",
      code: "ERR_IMAGE_DECODE",
      imagePath: "a/bad.png",
      message: expect.stringContaining("plain text"),
    });
    const cut = (await encodeImage(picture(), { format: "png" })).slice(0, 200);
    const damaged = await workers.decode(cut, "cut.png").catch((reason: unknown) => reason);
    expect((damaged as Error).cause).toBeInstanceOf(Error);
    expect(workers.stats()).toMatchObject({ completed: 0, failed: 2 });
  });

  it.each(["png", "jpeg", "webp", "tiff", "avif", "gif"] as const)("reads %s", async (format) => {
    const workers = pool({ maxThreads: 1 });
    const bytes = await sharp(gradient(40, 30), { raw: { width: 40, height: 30, channels: 3 } })
      .toFormat(format)
      .toBuffer();
    expect((await workers.decode(new Uint8Array(bytes), `p.${format}`)).info).toMatchObject({
      format,
      width: 40,
      height: 30,
    });
  });

  it("never runs more tasks than threads, and does all of many", async () => {
    const workers = pool({ maxThreads: 2 });
    const calls = Array.from({ length: 30 }, () => workers.encode(picture(), { format: "png" }));
    expect(workers.stats()).toMatchObject({ running: 1, queued: 29 });
    const results = await Promise.all(calls);
    expect(new Set(results.map((bytes) => Buffer.from(bytes).toString("base64"))).size).toBe(1);
    expect(workers.stats()).toMatchObject({ queued: 0, running: 0, completed: 30, failed: 0, aborted: 0 });
  });

  it("starts another thread when calls have waited for busy ones", async () => {
    const workers = pool({ maxThreads: 2 });
    const controller = new AbortController();
    const { data, ...shape } = picture(400);
    const calls = Array.from({ length: 300 }, () =>
      workers.encode({ ...shape, data: data.slice() }, { format: "png", signal: controller.signal }),
    );
    // Node warns of a leak where a signal has more than ten.
    expect(getEventListeners(controller.signal, "abort")).toHaveLength(1);
    await expect.poll(() => workers.stats().running).toBe(2);
    controller.abort(new Error("enough"));
    await Promise.allSettled(calls);
  });

  it("gives up waiting and running calls at their signal, with its reason, and goes on", async () => {
    const workers = pool({ maxThreads: 1 });
    const controller = new AbortController();
    const { signal } = controller;
    const calls = [1, 2, 3].map(() => workers.encode(picture(400), { format: "png", signal }));
    const kept = workers.encode(picture(), { format: "png" });
    const reason = new Error("enough");
    controller.abort(reason);
    const outcomes = await Promise.allSettled(calls);
    expect(outcomes.map((outcome) => outcome.status === "rejected" && outcome.reason)).toEqual([
      reason,
      reason,
      reason,
    ]);
    expect((await kept).byteLength).toBeGreaterThan(0);
    await expect(workers.encode(picture(), { format: "png", signal })).rejects.toBe(reason);
    expect(workers.stats()).toMatchObject({ queued: 0, running: 0, completed: 1, failed: 0, aborted: 4 });
  });

  it("classifies as the classifier does", async () => {
    const workers = pool();
    const classifier = new ImageClassifier();
    const gray = new Uint8Array(300 * 200).map((_, i) => ((i * 7919) >> 5) & 0xff);
    const sources = await Promise.all([
      encodeImage(picture(300), { format: "png" }),
      encodeImage({ width: 300, height: 200, channels: 1, data: gray }, { format: "png" }),
      sharp(gradient(300, 200), { raw: { width: 300, height: 200, channels: 3 } })
        .png({ palette: true, colours: 16 })
        .toBuffer(),
      sharp(gradient(300, 200), { raw: { width: 300, height: 200, channels: 3 } })
        .withMetadata({ orientation: 6 })
        .jpeg()
        .toBuffer(),
    ]);
    for (const bytes of sources) {
      const expected = await classifier.classify(bytes);
      expect(await workers.classify(new Uint8Array(bytes), "p.png", { withMetrics: true })).toEqual(expected);
    }
    expect(
      await workers.classify(new Uint8Array(sources[0]!), "p.png", { thresholds: { saturation: 2 } }),
    ).toMatchObject({ type: "line_art" });
    await expect(workers.classify(new Uint8Array(Buffer.from("plain text")), "p.png")).rejects.toMatchObject({
      code: "ERR_IMAGE_DECODE",
      message: expect.stringContaining("plain text"),
    });
  });

  it("close waits for what was asked and takes nothing new", async () => {
    const workers = pool({ maxThreads: 1 });
    const calls = [1, 2, 3].map(() => workers.encode(picture(), { format: "png" }));
    await Promise.all([workers.close(), workers.close()]);
    expect(workers.stats()).toMatchObject({ completed: 3 });
    await Promise.all(calls);
    await expect(workers.encode(picture(), { format: "png" })).rejects.toMatchObject({ code: "ERR_STATE" });
  });

  it("destroy rejects everything at once", async () => {
    const workers = pool({ maxThreads: 1 });
    const calls = [1, 2, 3].map(() => workers.encode(picture(), { format: "png" }));
    const outcomes = Promise.allSettled(calls);
    await workers.destroy();
    expect(
      (await outcomes).map((outcome) => outcome.status === "rejected" && (outcome.reason as { code: string }).code),
    ).toEqual(["ERR_STATE", "ERR_STATE", "ERR_STATE"]);
    expect(workers.stats()).toMatchObject({ queued: 0, running: 0, aborted: 3 });
  });

  it("says when a thread dies and goes on with a fresh one", async () => {
    const folder = await temporaryFolder();
    const workerFile = join(folder, "worker.mjs");
    await writeFile(
      workerFile,
      "export default ({ task }) => (task === 'encode' ? process.exit(1) : { value: task });",
    );
    type Tasks = { encode: (payload: object) => string; decode: (payload: object) => string };
    const workers = new WorkerPool<Tasks>({ maxThreads: 1, workerFile });
    onTestFinished(() => workers.destroy());
    await expect(workers.run("encode", {})).rejects.toMatchObject({
      code: "ERR_WORKER_THREAD",
      message: expect.stringMatching(/thread of the task "encode" ended/u),
    });
    expect(await workers.run("decode", {})).toBe("decode");
    expect(workers.stats()).toMatchObject({ completed: 1, failed: 1, running: 0 });
  });

  it("says that memory ran out only where it did", () => {
    const codeOf = (code: string): string => threadError("any", Object.assign(new Error("x"), { code })).code;
    expect(codeOf("ERR_WORKER_OUT_OF_MEMORY")).toBe("ERR_OUT_OF_MEMORY");
    expect(codeOf("ERR_MODULE_NOT_FOUND")).toBe("ERR_WORKER_THREAD");
  });

  it("refuses a payload that cannot travel and a bad number of threads", async () => {
    const workers = pool();
    const image = picture();
    await workers.encode(image, { format: "png" });
    await expect(
      workers.run("encode", { image: picture(), name: (() => {}) as never, options: { format: "png" } }),
    ).rejects.toMatchObject({ code: "ERR_ARGUMENT", message: expect.stringContaining("cannot be transferred") });
    await expect(workers.encode(image, { format: "png" })).rejects.toMatchObject({ code: "ERR_ARGUMENT" });
    expect(() => new TaskPool({ maxThreads: 0 })).toThrowError(expect.objectContaining({ code: "ERR_ARGUMENT" }));
  });
});

describe("errors across threads", () => {
  it.each([
    new ImageProcessingError("ERR_IMAGE_LIMIT", "too big", { imagePath: "x.png" }),
    new ZipExtractionError("ERR_ZIP_ENTRY", "evil", {
      entryName: "y",
      cause: new Error("inner", { cause: new TypeError("innermost") }),
    }),
    new ResourceError("ERR_OUTPUT_WRITE", "full", { cause: Object.assign(new Error("ENOSPC"), { code: "ENOSPC" }) }),
  ])("keeps $name", (error) => {
    const copy = errorFromData(structuredClone(errorToData(error)));
    expect(copy).toBeInstanceOf(error.constructor);
    expect({ ...copy, message: copy.message, stack: copy.stack }).toEqual({
      ...error,
      message: error.message,
      stack: error.stack,
    });
    expect((copy.cause as Error | undefined)?.message).toBe((error.cause as Error | undefined)?.message);
    expect((copy.cause as { code?: string } | undefined)?.code).toBe(
      (error.cause as { code?: string } | undefined)?.code,
    );
  });

  it("keeps what is no error of the engine as a plain error, and ends at circular causes", () => {
    const circular = new Error("round");
    circular.cause = circular;
    expect(errorFromData(structuredClone(errorToData(circular))).message).toBe("round");
    expect(errorFromData(structuredClone(errorToData("text")))).toMatchObject({ message: "text" });
    expect(
      errorFromData({
        className: "ImageProcessingError",
        message: "m",
        stack: undefined,
        code: "NOT_OURS",
        imagePath: "p",
      }),
    ).not.toBeInstanceOf(ImageProcessingError);
    expect(Object.keys(ERROR_CODES)).toContain("ERR_IMAGE_LIMIT");
  });
});

describe("transferables", () => {
  it("finds whole buffers once, at any depth, and leaves shared ones", () => {
    const whole = new Uint8Array(4);
    const floats = new Float32Array(2);
    const part = new Uint8Array(8).subarray(1);
    const pooled = Buffer.from("abc");
    expect(
      transferables({
        a: [whole, { whole, floats }],
        part,
        pooled,
        shared: new Uint8Array(new SharedArrayBuffer(4)),
        none: null,
      }),
    ).toEqual([whole.buffer, floats.buffer]);
  });
});
