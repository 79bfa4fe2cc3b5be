// What fails on a farm with a real Redis, workers in this process: pages, workers, Redis itself.
import { appendFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { markText } from "../../../src/core/journal/crash-marks.js";
import { ResourceError } from "../../../src/errors.js";
import { collectRequests } from "../../../src/farm/queue/collect-requests.js";
import { connect, ping } from "../../../src/farm/queue/farm-queue.js";
import { resultKey } from "../../../src/farm/store/result-key.js";
import { onPaper, paperEngine } from "../../support/paper-engine.js";
import { usePaperFarm } from "../../support/paper-farm.js";
import { hasRedis } from "../../support/redis.js";

describe.skipIf(!hasRedis)("what fails on a farm (needs Debian's package redis-server)", () => {
  const farm = usePaperFarm();
  const { model, store, startWorker, settings, submit, ended } = farm;

  it("tries a page again when its worker fails, and gives it up after three times", async () => {
    let tries = 0;
    await startWorker(
      paperEngine((request) => {
        if (request.name === "p1.png" && ++tries < 3) throw new ResourceError("ERR_DEVICE_LOST", "the device is gone");
        return onPaper(request);
      }),
    );
    expect(await ended(await submit(settings()))).toBeUndefined();
    expect(tries).toBe(3);
  }, 60_000);

  it("a result that the store finds too large fails its page at once", async () => {
    let tries = 0;
    await startWorker(
      paperEngine((request) => {
        if (request.name !== "p1.png") return onPaper(request);
        tries++;
        throw new ResourceError("ERR_STORE_LIMIT", "too large");
      }),
    );
    expect(await ended(await submit(settings({ seed: 31 })))).toMatch(
      /^1 of 6 pages failed: p1.png \(ERR_STORE_LIMIT\)/,
    );
    expect(tries).toBe(1);
  });

  it("a worker that ends gives its pages back, and another one does them", async () => {
    let begun!: () => void;
    const beginning = new Promise<void>((resolve) => (begun = resolve));
    const stuck = await startWorker(
      paperEngine(async (_request, { signal }) => {
        begun();
        await new Promise((_, reject) => signal!.addEventListener("abort", () => reject(signal!.reason as Error)));
        throw new Error("unreachable");
      }),
    );
    const submission = await submit(settings());
    await beginning;
    await stuck.close(0);
    const other = paperEngine();
    await startWorker(other);
    expect(await ended(submission)).toBeUndefined();
    expect(other.requests).toHaveLength(6);
  });

  it("sets a page aside that two crash notes name, and does one alone that one names", async () => {
    const shared = await store();
    const config = settings({ seed: 77 });
    const { requests } = await collectRequests(config, {
      pool: paperEngine().pool,
      model,
      pageConfig: () => ({}),
      store: shared,
    });
    const note = (name: string): string => {
      const key = resultKey(
        requests.find((one) => one.name === name)!,
        model.hash,
      );
      return `${JSON.stringify({ signal: "SIGSEGV", marks: [{ text: markText({ page: name, fingerprint: key }, "denoise") }] })}\n`;
    };
    await appendFile(shared.crashFile("a"), note("p1.png") + note("p2.png"));
    await appendFile(shared.crashFile("b"), note("p1.png"));
    // Workers that take all pages and die: here, whose lock is lost.
    const submission = await submit(config);
    for (const job of await farm.queue.pages.getPrioritized())
      await farm.redis.hincrby(`cobra:${farm.queue.names.pages}:${job.id}`, "ats", 1);
    const engine = paperEngine(async (request) => {
      if (request.name === "p2.png") expect(engine.inColouring).toBe(1);
      // Others wait for one beside them. The one that p2 waits for has none: p2 lets no page pass.
      else for (let turn = 0; turn < 200 && engine.mostInColouring < 2; turn++) await sleep(5);
      return onPaper(request);
    }, 6);
    await startWorker(engine, 6);
    expect(await ended(submission)).toBe("1 of 6 pages failed: p1.png (ERR_PAGE_CRASHED)");
    expect(engine.requests.map(({ name }) => name)).not.toContain("p1.png");
    expect(engine.mostInColouring).toBeGreaterThan(1);
  });

  it("waits for Redis to come back after it was killed", async () => {
    const engine = paperEngine(async (request) => {
      await new Promise((resolve) => setTimeout(resolve, 20));
      return onPaper(request);
    });
    await startWorker(engine, 1);
    const submission = await submit(settings({ seed: 9 }));
    await farm.server.kill();
    expect(await ended(submission)).toBeUndefined();
  }, 60_000);

  it("says soon that there is no Redis", async () => {
    const url = "redis://:secret@127.0.0.1:1";
    const nobody = connect(url);
    await expect(ping(nobody, url, 200)).rejects.toMatchObject({
      code: "ERR_QUEUE_CONNECTION",
      message: expect.not.stringContaining("secret") as string,
    });
    nobody.disconnect();
    expect(() => connect("http://host")).toThrow(/--queue/);
  });
});
