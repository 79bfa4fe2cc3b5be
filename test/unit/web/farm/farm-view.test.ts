// What people at the page are told of a farm's chapters: nothing that needs a terminal.
import { describe, expect, it } from "vitest";
import { ERROR_TABLE, type ErrorCode } from "../../../../src/errors.js";
import { describeUnreadable, type QueuedChapter } from "../../../../src/farm/queue/queued-chapter.js";
import { queueNamesOf } from "../../../../src/farm/queue/farm-queue.js";
import { farmView } from "../../../../src/ui/web/farm/farm-view.js";
import type { FarmChapter } from "../../../../src/ui/web/api/farm.js";

const MODEL = { hash: "0".repeat(64), name: "paper", version: "1", trained: true };
const OF_THE_COMMAND = /`cobra|--[a-z]|cobra-batch [a-z]/u;

function shown(chapter: QueuedChapter): FarmChapter {
  const state = { connected: true, paused: false, nodes: [], chapters: [chapter] };
  return farmView(state, "test", queueNamesOf("test", MODEL), new Map()).chapters[0]!;
}

const failed: QueuedChapter = {
  ...describeUnreadable("0123456789ab"),
  reason: "why",
  remedy: "then `cobra-batch queue retry 0123456789ab`",
};

describe("remedies of chapters", () => {
  it("name no command, whatever has failed", () => {
    const { code: _code, ...unknown } = failed;
    const pages = [
      { page: "p1.png", stage: "decode", code: "ERR_HINTS", message: "m", remedy: "use --hints" },
    ] as const;
    const all = [
      shown(failed),
      shown(unknown),
      shown({ ...unknown, failures: pages }),
      ...(Object.keys(ERROR_TABLE) as ErrorCode[]).map((code) => shown({ ...failed, code })),
    ];
    for (const { remedy } of all) {
      expect(remedy).toMatch(/^\S.+[^.]$/u);
      expect(remedy).not.toMatch(OF_THE_COMMAND);
    }
    expect(all[2]!.failures).toMatchObject([{ page: "p1.png", remedy: expect.not.stringMatching(OF_THE_COMMAND) }]);
  });

  it("are there for chapters that failed alone", () => {
    const { remedy: _remedy, reason: _reason, code: _code, ...waiting } = failed;
    expect(shown({ ...waiting, state: "waiting" })).not.toHaveProperty("remedy");
  });
});
