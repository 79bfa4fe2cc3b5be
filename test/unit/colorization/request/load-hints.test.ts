// A picture of hints that cannot be read: whose fault that is.
import { describe, expect, it } from "vitest";
import { loadHints } from "../../../../src/colorization/request/load-hints.js";
import { ResourceError } from "../../../../src/errors.js";

describe("loadHints", () => {
  const load = (error: Error): Promise<unknown> => {
    const pool = { run: () => expect.unreachable() };
    const fail = async (): Promise<never> => {
      throw error;
    };
    const hints = { name: "h.png", picture: { hash: "a".repeat(64) } };
    return loadHints(pool, hints, { width: 1, height: 1 }, fail, undefined);
  };

  it("a file that cannot be read fails its page; a store that does not answer is tried again", async () => {
    await expect(load(new Error("no such file"))).rejects.toMatchObject({ code: "ERR_HINTS" });
    const away = new ResourceError("ERR_STORE_CONNECTION", "the store does not answer");
    await expect(load(away)).rejects.toBe(away);
  });
});
