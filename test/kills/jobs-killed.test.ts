// A server that is killed for real (SIGKILL, at a named event) goes on with its jobs when it starts again: the results
// are those of an undisturbed run, and no page is coloured twice once it is done.
import { spawn } from "node:child_process";
import { mkdir, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { buildPresetPackage } from "../../src/convert/presets.js";
import type { Job, Picture } from "../../src/ui/web/api/schemas.js";
import { writeChapter } from "../support/chapter.js";
import { runFixture } from "../support/child.js";

let root: string;
const at = (name: string): string => join(root, name);

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "cobra-jobs-killed-"));
  await writeChapter(at("chapter.cbz"), 3);
  await buildPresetPackage({ directory: at("model"), preset: "tiny" });
});

afterAll(() => rm(root, { recursive: true, force: true }));

interface Told {
  readonly job: Job;
  readonly pictures: Picture[];
  readonly results: Readonly<Record<string, string>>;
}

/** Undefined where the process was killed. */
async function serve(data: string, what: unknown, event = ""): Promise<Told[] | undefined> {
  const { code, signal, stdout, stderr } = await runFixture("support/jobs-server.mjs", {
    args: [data, at("model"), JSON.stringify(what), event],
    timeoutMs: 120_000,
  });
  if (signal === "SIGKILL" && event !== "") return undefined;
  expect({ code, signal, stderr: code === 0 ? "" : stderr }).toEqual({ code: 0, signal: null, stderr: "" });
  return JSON.parse(stdout) as Told[];
}

const SETTINGS = { numInferenceSteps: 1, seed: 3 };
const CHAPTER = () => ({ chapter: at("chapter.cbz"), job: { settings: SETTINGS } });

describe("a killed server", () => {
  it("goes on with its jobs, wherever it was", async () => {
    const [whole] = (await serve(at("whole"), CHAPTER()))!;
    expect(whole!.job).toMatchObject({ state: "completed", progress: { completed: 3 } });
    const data = at("killed");
    expect(await serve(data, CHAPTER(), "scanning")).toBeUndefined();
    // Killed while its pictures were looked at: a draft, or queued already.
    const [draft] = (await readdir(join(data, "jobs"))) as [string];
    expect(draft).toBeDefined();
    await rm(data, { recursive: true });
    expect(await serve(data, CHAPTER(), "job running")).toBeUndefined();
    for (const event of ["picture p2.png completed", "picture p3.png processing"])
      expect(await serve(data, {}, event), event).toBeUndefined();
    const [told] = (await serve(data, {}))!;
    expect(told!.job).toMatchObject({ state: "completed", progress: { completed: 3, failed: 0 } });
    expect(told!.results).toEqual(whole!.results);
  });

  it("keeps a preview that waits, and its seeds; approved, it colours the rest", async () => {
    const data = at("preview");
    const job = { settings: { ...SETTINGS, preview: true, previewSeeds: 2 } };
    expect(await serve(data, { chapter: at("chapter.cbz"), job }, "job preview")).toBeUndefined();
    const [waiting] = (await serve(data, {}))!;
    expect(waiting!.job).toMatchObject({ state: "preview", preview: { seeds: [{ seed: 3 }, { seed: 4 }] } });
    expect(await serve(data, { approve: 4 }, "picture p2.png processing")).toBeUndefined();
    const [told] = (await serve(data, {}))!;
    expect(told!.job).toMatchObject({ state: "completed", settings: { seed: 4 } });
    expect(told!.pictures.map(({ result }) => result?.seed).slice(0, 3)).toEqual([4, 4, 4]);
  });

  it("finishes a page that was done again", async () => {
    const data = at("redo");
    const [before] = (await serve(data, CHAPTER()))!;
    expect(await serve(data, { redo: "p2.png", settings: { seed: 9 } }, "picture p2.png processing")).toBeUndefined();
    const [after] = (await serve(data, {}))!;
    expect(after!.job).toMatchObject({ state: "completed", progress: { completed: 3 } });
    expect(after!.pictures.find(({ name }) => name === "p2.png")!.result!.seed).toBe(9);
    const changed = Object.keys(after!.results).filter((name) => after!.results[name] !== before!.results[name]);
    expect(changed).toEqual(["p2.png"]);
  });
});

describe("a second server", () => {
  it("is refused the same data while the first one runs", async () => {
    const data = at("held");
    await mkdir(data);
    const script = `
      const { TaskPool } = await import("./dist/colorization/tasks/pool.js");
      const { JobStore, oneEngine } = await import("./dist/ui/web/jobs/index.js");
      const engine = async () => { throw new Error(); };
      const data = ${JSON.stringify(data)};
      const open = () => JobStore.open({ data, pool: new TaskPool(), colorizer: oneEngine(engine) });
      if (process.argv[1] === "hold") { await open(); console.log("open"); setInterval(() => {}, 1000); }
      else await open().then(() => console.log("opened"), ({ code }) => console.log(code));`;
    const start = (what: string) => spawn(process.execPath, ["--input-type=module", "-e", script, what]);
    const said = (child: ReturnType<typeof start>): Promise<string> =>
      new Promise((resolve) => child.stdout.once("data", (chunk: Buffer) => resolve(chunk.toString().trim())));
    const first = start("hold");
    try {
      expect(await said(first)).toBe("open");
      const second = start("try");
      expect(await said(second)).toBe("ERR_OUTPUT_LOCKED");
    } finally {
      first.kill("SIGKILL");
    }
    const third = start("try");
    expect(await said(third)).toBe("opened");
    third.kill("SIGKILL");
  });
});
