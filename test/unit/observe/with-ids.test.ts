/** Ids of batches and pages: with the work where somebody may see them, and left out where nobody does. */
import { afterEach, describe, expect, it } from "vitest";
import { logContext, setupLogging, withLogContext, type LoggingSetup } from "../../../src/logging.js";
import { CHANNELS } from "../../../src/observe/channels.js";
import { withIds } from "../../../src/observe/with-ids.js";

const ends: (() => void)[] = [];
afterEach(() => {
  for (const end of ends.splice(0)) end();
});

/** The ids that work sees which goes on after a while. */
const seen = (): Promise<unknown> =>
  withIds({ job: "j", page: "1.png" }, async () => {
    await new Promise(setImmediate);
    return logContext();
  });

const log = (): LoggingSetup => {
  const setup = setupLogging({ stream: { write: () => true } });
  ends.push(() => setup.close());
  return setup;
};

describe("work has its ids", () => {
  it("while lines are logged", async () => {
    log();
    expect(await seen()).toEqual({ job: "j", page: "1.png" });
  });

  it("while a channel is listened to", async () => {
    ends.push(CHANNELS.networkRun.subscribe(() => undefined));
    expect(await seen()).toEqual({ job: "j", page: "1.png" });
  });

  it("where its caller has some", async () => {
    expect(await withLogContext({ job: "caller's", pages: ["a"] }, seen)).toEqual({
      job: "j",
      page: "1.png",
      pages: ["a"],
    });
  });

  it("not where nobody sees them", async () => {
    log().close();
    expect(await seen()).toEqual({});
  });
});
