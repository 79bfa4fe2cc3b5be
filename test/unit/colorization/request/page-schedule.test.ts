/** Pages on their way together: in order, so many at once, large pictures one after the other. */
import { setImmediate as tick } from "node:timers/promises";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { BatchProcessingError } from "../../../../src/errors.js";
import { PAGES_AHEAD, PageSchedule, PageNotStartedError } from "../../../../src/colorization/request/page-schedule.js";
import { Turns } from "../../../../src/colorization/request/turns.js";
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

/** Lets everything that can go on go on. */
async function turns(count = 20): Promise<void> {
  for (let i = 0; i < count; i++) await tick();
}

describe("Turns", () => {
  it("serves in the order in which turns were taken, at most `limit` at once, whoever asks first or gives up", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 4 }),
        fc.array(fc.record({ ask: fc.nat(6), stay: fc.nat(4), gives: fc.boolean() }), { maxLength: 12 }),
        async (limit, plans) => {
          const line = new Turns(() => limit);
          const begun: number[] = [];
          let inside = 0;
          let most = 0;
          await Promise.all(
            plans.map(async ({ ask, stay, gives }, index) => {
              const turn = line.take();
              await turns(ask);
              if (gives) {
                turn.end();
                return;
              }
              await turn.begin();
              begun.push(index);
              most = Math.max(most, ++inside);
              await turns(stay);
              inside--;
              turn.end();
              turn.end();
            }),
          );
          expect(begun).toEqual([...begun].sort((a, b) => a - b));
          expect(begun).toHaveLength(plans.filter(({ gives }) => !gives).length);
          expect(most).toBeLessThanOrEqual(limit);
        },
      ),
      { seed: 7, numRuns: 60 },
    );
  });

  it("asks for its limit anew, refuses a bad one, and gives a place up with the signal's reason", async () => {
    let limit = 1;
    const line = new Turns(() => limit);
    const [first, second, third] = [line.take(), line.take(), line.take()];
    await first.begin();
    const controller = new AbortController();
    const reason = new Error("enough");
    const waits = second.begin(controller.signal);
    const follows = third.begin();
    controller.abort(reason);
    await expect(waits).rejects.toBe(reason);
    await expect(line.take().begin(AbortSignal.abort(reason))).rejects.toBe(reason);
    limit = 2;
    first.end();
    await follows;
    limit = 0;
    const refused = line.take().begin();
    await expect(refused).rejects.toMatchObject({ code: "ERR_ARGUMENT" });
  });
});

describe("PageSchedule", () => {
  it("lets pages be read ahead, a few of them, until their colouring begins", async () => {
    const schedule = new PageSchedule({ colouring: () => 1 });
    const pages = Array.from({ length: PAGES_AHEAD + 3 }, () => schedule.enter());
    const read: number[] = [];
    const coloured: number[] = [];
    const finish: (() => void)[] = [];
    const works = pages.map(async (page, index) => {
      await page.ahead();
      read.push(index);
      await page.colouring(async () => {
        coloured.push(index);
        await new Promise<void>((resolve) => finish.push(resolve));
      });
      page.leave();
    });
    await turns();
    expect([read.length, coloured]).toEqual([PAGES_AHEAD + 1, [0]]);
    for (let next = finish.shift(); next !== undefined; next = finish.shift()) {
      next();
      await turns();
    }
    await Promise.all(works);
    expect(coloured).toEqual(pages.map((_, index) => index));
  });

  it("leaves a page where no page may be begun any more, and the line goes on", async () => {
    let open = true;
    const schedule = new PageSchedule({ colouring: () => 1, admitted: async () => open });
    const [first, second] = [schedule.enter(), schedule.enter()];
    expect(await first.colouring(async () => "done")).toBe("done");
    open = false;
    const error = await second.colouring(async () => "done").catch((cause: unknown) => cause);
    expect(error).toBeInstanceOf(PageNotStartedError);
    expect(error).toBeInstanceOf(BatchProcessingError);
    expect(error).toMatchObject({ code: "ERR_STATE", name: "PageNotStartedError" });
  });
});

describe("booking of pictures", () => {
  it("has a budget that is a quarter of what is free, up to its most", () => {
    expect([picturesBudget(400), picturesBudget(2 ** 40)]).toEqual([100, PICTURES_BYTES]);
  });

  it("lets one in that is larger than the budget, others only when it is gone, small ones beside one another", async () => {
    const memory = manager(64 * MIB);
    const schedule = new PageSchedule({ colouring: () => 1 });
    const book = (bytes: number): Promise<Disposable> =>
      schedule.enter().booking(() => memory.holdPicture("page", bytes));
    const large = await book(24 * MIB); // of a budget of 16
    let small: Disposable | undefined;
    const waits = book(MIB).then((slot) => (small = slot));
    await turns();
    expect(small).toBeUndefined();
    large[Symbol.dispose]();
    large[Symbol.dispose]();
    await waits;
    await book(MIB);
  });

  it("gives room in the order of pages, whoever asks first", async () => {
    const memory = manager(64 * MIB);
    const schedule = new PageSchedule({ colouring: () => 1 });
    const [first, second] = [schedule.enter(), schedule.enter()];
    let later: Disposable | undefined;
    const waits = second.booking(() => memory.holdPicture("b", 24 * MIB)).then((slot) => (later = slot));
    await turns();
    expect(later).toBeUndefined();
    const a = await first.booking(() => memory.holdPicture("a", 24 * MIB));
    await turns();
    expect(later).toBeUndefined();
    a[Symbol.dispose]();
    await waits;
  });

  it("ends with the signal's reason", async () => {
    const memory = manager(64 * MIB);
    const schedule = new PageSchedule({ colouring: () => 1 });
    const controller = new AbortController();
    await schedule.enter().booking(() => memory.holdPicture("a", 60 * MIB));
    const { signal } = controller;
    const waits = schedule.enter().booking(() => memory.holdPicture("b", 60 * MIB, signal), signal);
    const reason = new Error("enough");
    await turns();
    controller.abort(reason);
    await expect(waits).rejects.toBe(reason);
  });
});
