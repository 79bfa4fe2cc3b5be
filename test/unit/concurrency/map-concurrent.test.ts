/** Stages, over random schedules: nothing lost, nothing twice, never more inside than allowed, order kept. */
import { setImmediate as tick } from "node:timers/promises";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { encodeStage } from "../../../src/core/pages/page-flow.js";
import { mapConcurrent, type MapOptions } from "../../../src/concurrency/map-concurrent.js";

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

/** Lets a number of turns of the event loop pass. */
async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await tick();
}

async function* numbers(count: number, onTake: (n: number) => void = () => {}): AsyncGenerator<number> {
  for (let n = 0; n < count; n++) {
    onTake(n);
    yield n;
  }
}

const delays = fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 30 });
const shape = { concurrency: fc.integer({ min: 1, max: 4 }), capacity: fc.integer({ min: 0, max: 3 }) };

describe("stage", () => {
  it("of encoding keeps every worker busy while a large page is at its head", async () => {
    const maxThreads = 4;
    let running = 0;
    let idleTurns = 0;
    const done = new Set<number>();
    const encoded = mapConcurrent(
      numbers(9),
      async (n) => {
        running++;
        await turns(n === 0 ? 12 : 4);
        done.add(n);
        running--;
        return n;
      },
      encodeStage({ maxThreads }),
    );
    const all = collect(encoded);
    await turns(2);
    for (; !done.has(0); await tick()) idleTurns += running < maxThreads ? 1 : 0;
    expect(await all).toEqual(Array.from({ length: 9 }, (_, n) => n));
    expect(idleTurns).toBeLessThan(6);
  });

  it("asks for its concurrency whenever an item may be taken, so that it may change; a bad number ends it", async () => {
    let limit = 1;
    let running = 0;
    const most: number[] = [];
    const items = mapConcurrent(
      numbers(12),
      async (n) => {
        most.push(++running);
        if (n === 5) limit = 3;
        await turns(3);
        running--;
        return n;
      },
      { concurrency: () => limit },
    );
    expect(await collect(items)).toEqual(Array.from({ length: 12 }, (_, n) => n));
    expect([Math.max(...most.slice(0, 6)), Math.max(...most)]).toEqual([1, 3]);
    expect(() => mapConcurrent(numbers(1), async (n) => n, { concurrency: () => 0 })).toThrow(/whole number above 0/);
    let bad = 2;
    await expect(
      collect(mapConcurrent(numbers(5), async (n) => (bad = n === 2 ? 0.5 : bad), { concurrency: () => bad })),
    ).rejects.toMatchObject({ code: "ERR_ARGUMENT" });
  });

  it("gives each result once, in order or as they finish, within its bounds", async () => {
    await fc.assert(
      fc.asyncProperty(
        delays,
        shape.concurrency,
        shape.capacity,
        fc.boolean(),
        fc.integer({ min: 0, max: 3 }),
        async (work, concurrency, capacity, ordered, pause) => {
          let running = 0;
          let inside = 0;
          const results: number[] = [];
          const items = mapConcurrent(
            numbers(work.length, () => {
              inside++;
              expect(inside).toBeLessThanOrEqual(concurrency + capacity + 1); // one may be in the consumer's hands
            }),
            async (n, { index }) => {
              expect(index).toBe(n);
              running++;
              expect(running).toBeLessThanOrEqual(concurrency);
              await turns(work[n]!);
              running--;
              return n * 10;
            },
            { concurrency, capacity, ordered },
          );
          for await (const result of items) {
            inside--;
            results.push(result);
            await turns(pause);
          }
          const expected = work.map((_, n) => n * 10);
          expect(ordered ? results : results.sort((a, b) => a - b)).toEqual(expected);
        },
      ),
      { numRuns: 150 },
    );
  });

  it("works at once as many as it may, and ahead of its consumer", async () => {
    let started = 0;
    const items = mapConcurrent(
      numbers(20),
      async (n) => {
        started++;
        return n;
      },
      { concurrency: 3, capacity: 2 },
    );
    await turns(5);
    expect(started).toBe(0);
    await items.next();
    await turns(20);
    expect(started).toBe(6);
    await items.return!();
  });

  it("joined stages keep everything, whatever their shapes", async () => {
    await fc.assert(
      fc.asyncProperty(delays, fc.array(fc.record(shape), { minLength: 1, maxLength: 4 }), async (work, shapes) => {
        let chain: AsyncIterable<number> = numbers(work.length);
        for (const options of shapes)
          chain = mapConcurrent(
            chain,
            async (n) => {
              await turns(work[n]!);
              return n;
            },
            options,
          );
        expect(await collect(chain)).toEqual(work.map((_, n) => n));
      }),
      { numRuns: 60 },
    );
  });

  it("an error ends every stage: works are told and awaited, the input is closed, the consumer gets it once", async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: 9 }), fc.boolean(), async (bad, ordered) => {
        let closed = false;
        let running = 0;
        const fault = new Error(`item ${bad}`);
        const input = async function* (): AsyncGenerator<number> {
          try {
            yield* numbers(10);
          } finally {
            closed = true;
          }
        };
        const first = mapConcurrent(input(), async (n) => n, { concurrency: 2 });
        const second = mapConcurrent(
          first,
          async (n, { signal }) => {
            running++;
            await turns(n % 3);
            running--;
            if (n === bad) throw fault;
            return signal.aborted ? -1 : n;
          },
          { concurrency: 3, ordered },
        );
        const third = mapConcurrent(second, async (n) => n, { concurrency: 2 });
        await expect(collect(third)).rejects.toBe(fault);
        expect([closed, running]).toEqual([true, 0]);
        expect(await third.next()).toEqual({ done: true, value: undefined });
      }),
    );
  });

  it("an error of the input reaches the consumer after the works under way", async () => {
    const fault = new Error("unreadable");
    const input = async function* (): AsyncGenerator<number> {
      yield 1;
      throw fault;
    };
    let finished = false;
    await expect(
      collect(
        mapConcurrent(
          input(),
          async (n) => {
            await turns(5);
            finished = true;
            return n;
          },
          { concurrency: 2 },
        ),
      ),
    ).rejects.toBe(fault);
    expect(finished).toBe(true);
  });

  it("a consumer that stops closes all stages before it", async () => {
    let taken = 0;
    let aborted = 0;
    const first = mapConcurrent(
      numbers(1000, () => taken++),
      async (n) => n,
      { concurrency: 2 },
    );
    const second = mapConcurrent(
      first,
      async (n, { signal }) => {
        signal.addEventListener("abort", () => aborted++);
        await turns(2);
        return n;
      },
      { concurrency: 2 },
    );
    for await (const n of second) if (n === 3) break;
    const before = taken;
    await turns(20);
    expect(taken).toBe(before);
    expect(taken).toBeLessThan(20);
    expect(aborted).toBeGreaterThan(0);
  });

  it("a signal ends it with the signal's reason, before and during the work", async () => {
    const reason = new Error("cancelled");
    const early = mapConcurrent(numbers(3), async (n) => n, { signal: AbortSignal.abort(reason) });
    await expect(collect(early)).rejects.toBe(reason);
    const controller = new AbortController();
    const seen: number[] = [];
    const items = mapConcurrent(
      numbers(100),
      async (n) => {
        await turns(1);
        return n;
      },
      { signal: controller.signal },
    );
    await expect(
      (async () => {
        for await (const n of items) {
          seen.push(n);
          if (n === 4) controller.abort(reason);
        }
      })(),
    ).rejects.toBe(reason);
    expect(seen).toEqual([0, 1, 2, 3, 4]);
  });

  it("does not hang on an input whose next never comes", async () => {
    const controller = new AbortController();
    const silent: AsyncIterable<number> = {
      [Symbol.asyncIterator]: () => ({ next: () => new Promise(() => undefined) }),
    };
    const items = collect(mapConcurrent(silent, async (n) => n, { signal: controller.signal }));
    await turns(2);
    controller.abort(new Error("stop"));
    await expect(items).rejects.toThrow("stop");
  });

  it("takes plain iterables and results that are undefined, and refuses bad bounds", async () => {
    expect(await collect(mapConcurrent([1, 2, 3], async () => undefined))).toEqual([undefined, undefined, undefined]);
    expect(await collect(mapConcurrent([], async (n) => n))).toEqual([]);
    for (const options of [{ concurrency: 0 }, { concurrency: 1.5 }, { capacity: -1 }] as MapOptions[])
      expect(() => mapConcurrent([], async (n) => n, options)).toThrowError(
        expect.objectContaining({ code: "ERR_ARGUMENT" }),
      );
  });
});
