// Two machines' worth of processes on one output: separate PID namespaces, one hostname. Nobody can ask whether the
// other lives, so only the heartbeat counts.
import { spawn, type ChildProcess } from "node:child_process";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { readJournal } from "../../src/core/journal/journal.js";
import { canUnshare, UNSHARE } from "../support/other-machine.js";

const HOLDER = fileURLToPath(new URL("../support/lease-holder.mjs", import.meta.url));
/** Short, so that a test is quick; the rules with the real times are held in the unit test, with a clock of its own. */
const TIMES = { heartbeatMs: 200, staleAfterMs: 3000, pollMs: 50 };
/**
 * Of one that looks at a living holder: it waits for a heartbeat, however slow the machine, and ends with the first.
 */
const PATIENT = { ...TIMES, staleAfterMs: 110_000 };

let root: string;
let children: ChildProcess[] = [];
beforeEach(() => (root = mkdtempSync(join(tmpdir(), "cobra-machines-"))));
afterEach(async () => {
  for (const child of children) child.kill("SIGKILL");
  children = [];
  rmSync(root, { recursive: true, force: true });
});

interface Machine {
  /** Number of the holder's process, as this machine sees it. */
  pid(): number;
  /** The next line that it says, as its two words. */
  says(): Promise<[what: string, ms: number]>;
}

/** A process that holds the output, on a machine of its own that is called like all others. */
function startMachine(times = TIMES): Machine {
  const script = 'hostname worker && exec "$0" "$@"';
  const child = spawn(
    "unshare",
    [...UNSHARE, "sh", "-c", script, process.execPath, HOLDER, root, JSON.stringify(times)],
    {
      stdio: ["ignore", "pipe", "ignore"],
    },
  );
  children.push(child);
  const lines: string[] = [];
  let wake = (): void => {};
  child.stdout.on("data", (chunk: Buffer) => {
    lines.push(...chunk.toString().split("\n").filter(Boolean));
    wake();
  });
  return {
    pid: () => Number(readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, "utf8").trim().split(" ")[0]),
    says: async () => {
      while (lines.length === 0) await new Promise<void>((resolve) => (wake = resolve));
      const [what, ms] = lines.shift()!.split(" ");
      return [what!, Number(ms)];
    },
  };
}

describe.skipIf(!canUnshare())("two machines with one name (needs the right to make namespaces)", () => {
  it("do not both work on an output; the second takes it over once the first was killed, after the silence", async () => {
    const first = startMachine();
    expect((await first.says())[0]).toBe("held");
    expect((await startMachine(PATIENT).says())[0]).toBe("ERR_OUTPUT_LOCKED");
    // Held open, its namespace keeps its number. A new one of that number would prove at once that the holder is gone.
    const namespace = openSync(`/proc/${first.pid()}/ns/pid`, "r");
    process.kill(first.pid(), "SIGKILL");
    const [held, waited] = await startMachine().says();
    closeSync(namespace);
    expect(held).toBe("held");
    expect(waited).toBeGreaterThanOrEqual(TIMES.staleAfterMs);
  }, 120_000);

  it("a machine that stood still learns that its output was taken over, and the journal has no line of it since", async () => {
    const first = startMachine();
    await first.says();
    const pid = first.pid();
    process.kill(pid, "SIGSTOP");
    const second = startMachine();
    expect((await second.says())[0]).toBe("held");
    process.kill(pid, "SIGCONT");
    expect((await first.says())[0]).toBe("ERR_OUTPUT_LOCKED");
    process.kill(second.pid(), "SIGKILL");
    const { entries, damaged } = (await readJournal(join(root, "journal.ndjson")))!;
    const writers = entries.flatMap((entry) => (entry.type === "retry" ? entry.pages : []));
    const changes = writers.filter((writer, index) => index > 0 && writer !== writers[index - 1]).length;
    expect([changes <= 1, damaged]).toEqual([true, 0]);
  }, 120_000);
});
