// A farm that is looked at, on a real Redis: who asks for a look sees what was changed before, and is told of it.
import { describe, expect, it } from "vitest";
import { connect, noteQueues } from "../../../src/farm/queue/farm-queue.js";
import { FarmWatch, type FarmState } from "../../../src/farm/queue/farm-status.js";
import { usePaperFarm } from "../../support/paper-farm.js";
import { hasRedis } from "../../support/redis.js";

describe.skipIf(!hasRedis)("FarmWatch (needs Debian's package redis-server)", () => {
  const farm = usePaperFarm();
  const { model, settings, submit } = farm;

  it("sees what was changed before `refresh`, also while an earlier look is under way", async () => {
    await noteQueues(farm.redis, "test", model);
    const redis = connect(farm.server.url);
    const told: FarmState[] = [];
    const watch = new FarmWatch(redis, "test", (state) => told.push(state));
    const admin = await watch.admin();
    const list = admin.list.bind(admin);
    let goOn!: () => void;
    const gate = new Promise<void>((resolve) => (goOn = resolve));
    const read = new Promise<void>((resolve) => {
      admin.list = async () => {
        const chapters = await list();
        admin.list = list;
        resolve();
        await gate;
        return chapters;
      };
    });
    const early = watch.refresh();
    await read; // it has seen an empty farm that is not paused
    const { id } = await submit(settings());
    await admin.pause();
    const late = watch.refresh();
    goOn();
    await early;
    await late;
    expect(watch.state).toMatchObject({ connected: true, paused: true, chapters: [{ id, state: "paused", left: 6 }] });
    expect(told.at(-1)).toEqual(watch.state);
    await admin.resume();
    await watch.refresh();
    expect(watch.state).toMatchObject({ paused: false, chapters: [{ id, state: "waiting" }] });
    await watch[Symbol.asyncDispose]();
    const last = watch.state;
    await watch.refresh(); // closed: nothing is asked
    expect(watch.state).toBe(last);
    redis.disconnect();
  });
});
