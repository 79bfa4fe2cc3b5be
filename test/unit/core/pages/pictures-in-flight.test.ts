/** Large pictures one after the other, small ones at once, in the pages' order. */
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { PicturesInFlight } from "../../../../src/core/pages/pictures-in-flight.js";
import type { PageJob } from "../../../../src/core/pages/page-work.js";
import { MemoryManager } from "../../../../src/memory/memory-manager.js";
import { picturesBudget, PICTURES_BYTES } from "../../../../src/memory/pressure.js";

const MIB = 2 ** 20;
const manager = (budgetBytes: number): MemoryManager =>
  new MemoryManager({
    needs: { sharedBytes: () => 0, pageBytes: () => 0 },
    arenas: () => [],
    shrinkArenas: async () => {},
    budgetBytes,
    readHost: () =>
      ({
        totalBytes: 64 * 1024 * MIB,
        availableBytes: 63 * 1024 * MIB,
        limitedBy: "machine",
        processBytes: 0,
      }) as never,
  });
const job = (name: string): PageJob => ({ entry: { name } }) as PageJob;
const blank = (width: number, height: number): Promise<Buffer> =>
  sharp({ create: { width, height, channels: 3, background: "white" }, limitInputPixels: false })
    .png({ compressionLevel: 1 })
    .toBuffer();
const signal = new AbortController().signal;
/** Whether a promise is settled a little later. */
const settled = async (promise: Promise<unknown>): Promise<boolean> =>
  Promise.race([promise.then(() => true), new Promise<boolean>((resolve) => setTimeout(() => resolve(false), 150))]);

describe("picturesBudget", () => {
  it("is a quarter of what is free, up to its most", () => {
    expect([picturesBudget(400), picturesBudget(2 ** 40)]).toEqual([100, PICTURES_BYTES]);
  });
});

describe("PicturesInFlight", () => {
  it("lets one in that is larger than the budget, others only when it is gone, small ones beside one another", async () => {
    const pictures = new PicturesInFlight(manager(64 * MIB), false);
    const [large, small] = [await blank(2000, 2000), await blank(200, 300)];
    const [a, b, c] = [job("a"), job("b"), job("c")];
    await pictures.hold(a, pictures.turn(), large, signal); // 24 MB of a budget of 16
    const second = pictures.hold(b, pictures.turn(), small, signal);
    expect(await settled(second)).toBe(false);
    pictures.release(a);
    pictures.release(a);
    await second;
    const third = pictures.hold(c, pictures.turn(), small, signal);
    expect(await settled(third)).toBe(true);
    expect(pictures.memory.ledger.snapshot()).toBeDefined();
    pictures.releaseAll();
  });

  it("gives room in the order of turns, whoever asks first", async () => {
    const pictures = new PicturesInFlight(manager(64 * MIB), false);
    const large = await blank(2000, 2000);
    const [first, second] = [pictures.turn(), pictures.turn()];
    const later = pictures.hold(job("b"), second, large, signal);
    expect(await settled(later)).toBe(false);
    const a = job("a");
    await pictures.hold(a, first, large, signal);
    expect(await settled(later)).toBe(false);
    pictures.release(a);
    await later;
    pictures.releaseAll();
  });

  it("ends with the signal's reason", async () => {
    const pictures = new PicturesInFlight(manager(64 * MIB), true);
    const controller = new AbortController();
    await pictures.hold(job("a"), pictures.turn(), await blank(2000, 2000), signal);
    const waits = pictures.hold(job("b"), pictures.turn(), await blank(2000, 2000), controller.signal);
    const reason = new Error("enough");
    setTimeout(() => controller.abort(reason), 20);
    await expect(waits).rejects.toBe(reason);
    pictures.releaseAll();
  });
});
