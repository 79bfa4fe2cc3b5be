// The commands beside `colorize`, and what all commands share: classify, doctor, colours, readers that go away, a held
// output.
import { spawn } from "node:child_process";
import { copyFile, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { chapterFiles, linePage, writeChapter, writeFolder } from "../support/chapter.js";
import { runCli } from "../support/cli.js";
import { SMALL_MODEL, TINY_MODEL } from "../support/shared-models.js";

const MAIN = fileURLToPath(new URL("../../dist/ui/cli/main.js", import.meta.url));
let root: string;
const at = (name: string): string => join(root, name);

type Line = Readonly<Record<string, unknown>>;
const linesOf = (stdout: string): Line[] =>
  stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Line);

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "cobra-cli-"));
  await writeChapter(at("chapter.cbz"), 2);
});

afterAll(() => rm(root, { recursive: true, force: true }));

describe("runCli", () => {
  it("rejects for a line of --json that is no JSON or that the schema refuses", async () => {
    const writing = (line: string): Promise<unknown> => {
      const code = encodeURIComponent(`console.log(${JSON.stringify(line)})`);
      return runCli(["--version", "--json"], undefined, { NODE_OPTIONS: `--import=data:text/javascript,${code}` });
    };
    await expect(writing("no JSON")).rejects.toThrow("is no JSON: no JSON");
    await expect(writing('{"event":"none"}')).rejects.toThrow("against docs/cli-json.schema.json");
  });
});

describe("classify", () => {
  it("gives a table of an archive's pictures: type, confidence, the three metrics", async () => {
    const { code, stdout, stderr } = await runCli(["classify", at("chapter.cbz")]);
    const rows = stdout.trimEnd().split("\n");
    expect(rows[0]).toMatch(/^type +sure +saturation +colours +edges +picture$/);
    expect(rows[1]).toMatch(/^line art +\d+% +0\.000 +\d+ +0\.\d{3} {2}p1\.png$/);
    expect(rows.at(-1)).toMatch(/^coloured +\d+% +0\.\d{3} +\d+ +0\.\d{3} {2}ref_b\.jpg$/);
    expect([code, rows.length, stderr]).toEqual([0, 5, "4 pictures: 2 line art, 2 coloured\n"]);
  });

  it("gives JSON lines, with thresholds as options, of pictures and folders, with folders inside where asked", async () => {
    await writeFolder(at("nested"), { "a.png": await linePage(1), "deep/b.png": await linePage(2) });
    const flat = await runCli(["classify", at("nested"), "--json"]);
    expect(linesOf(flat.stdout)).toMatchObject([
      { type: "classification", page: "a.png", imageType: "line_art", metrics: { saturation: 0 } },
      { type: "classification-completed", lineArt: 1, colored: 0, failed: 0 },
    ]);
    const strict = await runCli([
      "classify",
      at("nested"),
      at("nested/a.png"),
      "--recursive",
      "--json",
      "--saturation",
      "0",
      "--color-count",
      "0",
      "--edge-density",
      "1",
    ]);
    expect(linesOf(strict.stdout).map(({ page, imageType }) => [page, imageType])).toEqual([
      ["a.png", "colored"],
      ["deep/b.png", "colored"],
      ["a.png", "colored"],
      [undefined, undefined],
    ]);
  });

  it("goes on after what cannot be read (exit code 2), and ends with 1 where nothing can", async () => {
    await writeFile(at("bad.png"), "text");
    const some = await runCli(["classify", at("bad.png"), at("nowhere"), at("chapter.cbz"), "--json"]);
    expect(some).toMatchObject({ code: 2, stderr: "" });
    expect(linesOf(some.stdout).slice(0, 2)).toMatchObject([
      { type: "classification-failed", page: "bad.png", code: "ERR_IMAGE_DECODE" },
      { type: "classification-failed", page: at("nowhere"), code: "ERR_INPUT_NOT_FOUND" },
    ]);
    const chapter = await readFile(at("chapter.cbz"));
    await writeFile(at("two.cbz"), Buffer.concat([chapter, chapter]));
    expect((await runCli(["classify", at("two.cbz")])).stderr).toMatch(
      /^warning: two.cbz: another archive of \d+ bytes/,
    );
    const none = await runCli(["classify", at("bad.png")]);
    expect(none).toMatchObject({ code: 1 });
    expect(none.stderr).toContain("[ERR_IMAGE_DECODE]");
    expect(await runCli(["classify", at("chapter.cbz"), "--saturation", "much"])).toMatchObject({ code: 64 });
    expect(await runCli(["classify"])).toMatchObject({ code: 64 });
  });
});

describe("doctor", () => {
  const findings = (stdout: string): Record<string, Line> =>
    Object.fromEntries(linesOf(stdout).map((line) => [line["check"], line]));

  it("looks at machine, versions, providers, model and folders, and says how to get what is missing", async () => {
    const { code, stdout } = await runCli(["doctor", "--json"]);
    const found = findings(stdout);
    expect(code).toBe(0);
    for (const check of [
      "cobra-batch",
      "node",
      "system",
      "cores",
      "memory",
      "open-files",
      "sharp",
      "onnxruntime",
      "provider-cpu",
      "provider-cuda",
      "provider-tensorrt",
      "provider-webgpu",
      "model",
      "folder-cache",
      "folder-temporary",
      "folder-current",
    ])
      expect(found).toHaveProperty(check);
    expect(found["node"]).toMatchObject({ status: "ok", found: process.versions.node });
    expect(found["provider-cpu"]).toMatchObject({ status: "ok" });
    expect(found["onnxruntime"]!["found"]).toMatch(/^1\.29\.0 /);
    for (const line of Object.values(found))
      if (line["status"] !== "ok") expect(line["remedy"], JSON.stringify(line)).toEqual(expect.any(String));
  });

  it("ends with 1 and the remedy where the model is damaged or the addon is none, and where a wanted provider is missing", async () => {
    await copyFile(MAIN, at("no-addon.node"));
    await writeFolder(at("empty"), { "readme.txt": Buffer.from("x") });
    const broken = await runCli(["doctor", "--model", at("empty")], undefined, {
      COBRA_ADDON: at("no-addon.node"),
      COBRA_SEEED: "4",
      XDG_CACHE_HOME: at("no-addon.node"),
    });
    expect(broken.code).toBe(1);
    const text = broken.stdout.replace(/\s+/g, " ");
    expect(text).toMatch(/error ONNX Runtime .*cannot be loaded.* -> /);
    expect(text).toMatch(/error provider cpu /);
    expect(text).toMatch(/error model .*no manifest\.json.* -> name a model package/);
    expect(text).toMatch(/warning cache folder .*cannot be written.* -> .*XDG_CACHE_HOME/);
    expect(text).toMatch(/warning environment unknown environment variable COBRA_SEEED -> did you mean COBRA_SEED\?/);
    expect(text).toContain("this machine cannot colour pages yet");
    const wanted = await runCli(["doctor", "--provider", "tensorrt", "--json"]);
    const { status, remedy } = findings(wanted.stdout)["provider-tensorrt"]!;
    if (status !== "ok")
      expect([wanted.code, status, remedy]).toEqual([1, "error", expect.stringContaining("TensorRT 10")]);
  });
});

describe("every command", () => {
  it("suggests the command and the flag that was meant", async () => {
    expect((await runCli(["colorise"])).stderr).toMatch(
      /unknown command 'colorise'\n\(Did you mean colorize\?\)\nRun node \S+main\.js --help/,
    );
    expect((await runCli(["colorize", "--sede", "3"])).stderr).toMatch(
      /unknown option '--sede'\n\(Did you mean --seed\?\)\nRun node \S+main\.js colorize --help/,
    );
  });

  it("reports all faults of its flags at once, with --json as a fatal line", async () => {
    const faults =
      /--seed: must be a whole number of 0 or more, not "x"[^]*--steps: must be a whole number from 1 to 999, [^"]*, not 0/;
    const both = await runCli(["colorize", at("chapter.cbz"), "--steps", "0", "--seed", "x", "--drain", "y", "--json"]);
    expect([both.code, both.stderr]).toEqual([64, expect.stringMatching(faults)]);
    expect(both.stderr).toMatch(
      /^error: 3 settings are wrong:\n {2}- --drain: must be a whole number of 0 or more, not "y"/,
    );
    expect(linesOf(both.stdout)).toMatchObject([
      { type: "fatal", code: "ERR_CONFIG", message: expect.stringMatching(faults) as string },
    ]);
    for (const args of [
      ["colorize", "--sede", "3"],
      ["classify", "a.png", "--saturation", "x"],
      ["redo", at("chapter.cbz"), "p1.png", "--seed", "x", "--hint", "y"],
      ["retry"],
    ]) {
      const { code, stdout } = await runCli([...args, "--json"]);
      expect([code, linesOf(stdout)]).toMatchObject([64, [{ type: "fatal", code: "ERR_CONFIG" }]]);
    }
    const large = await runCli(["config", "explain", at("chapter.cbz"), "--seed", "9007199254740992"]);
    expect(large.stderr).toBe(
      "error: --seed: must be a whole number from 0 to 9007199254740991, not 9007199254740992 [ERR_CONFIG]\n",
    );
  });

  it("writes no control character to the terminal, whatever it is given", async () => {
    const steering = "\u001b[31m\u009b2J";
    for (const args of [
      ["colorize", steering],
      ["colorize", `--${steering}`],
      ["colorize", "a", "--provider", steering],
      ["config", "check", `/nowhere/${steering}`],
      ["model", "info", steering],
      [steering],
    ]) {
      const { stdout, stderr } = await runCli(args);
      expect(stderr).toContain("\\u001b[31m");
      expect(`${stdout}${stderr}`).not.toMatch(/[\u001b\u009b]/);
    }
  });

  it("warns of a variable that nearly names a setting", async () => {
    const { stderr } = await runCli(["config", "explain", at("chapter.cbz")], undefined, { COBRA_TOPK: "9" });
    expect(stderr).toBe("warning: unknown environment variable COBRA_TOPK; did you mean COBRA_TOP_K?\n");
  });

  it("heeds NO_COLOR and FORCE_COLOR", async () => {
    const forced = await runCli(["doctor", "--model", SMALL_MODEL], undefined, { FORCE_COLOR: "1" });
    expect(forced.stdout).toContain("\u001b[32mok");
    expect((await runCli(["doctor", "--model", SMALL_MODEL], undefined, { NO_COLOR: "1" })).stdout).not.toContain(
      "\u001b",
    );
  });

  it("does not mind a reader that goes away", async () => {
    await writeFolder(
      at("many"),
      Object.fromEntries(
        await Promise.all(Array.from({ length: 40 }, async (_, i) => [`${i}.png`, await linePage(i)] as const)),
      ),
    );
    const ended = await new Promise<{ code: number | null; stderr: string }>((resolve) => {
      const child = spawn(process.execPath, [MAIN, "classify", at("many")], { stdio: ["ignore", "pipe", "pipe"] });
      let stderr = "";
      child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
      child.stdout.once("data", () => child.stdout.destroy());
      child.on("close", (code) => resolve({ code, stderr }));
    });
    expect(ended).toEqual({ code: 0, stderr: "40 pictures: 40 line art, 0 coloured\n" });
  });

  it("ends with 75 where another run works on the output, naming it", async () => {
    await writeFolder(at("held"), await chapterFiles(4));
    const command = ["colorize", at("held"), "--output-dir", at("held-out"), "--model", TINY_MODEL, "--json"];
    let second: ReturnType<typeof runCli> | undefined;
    const first = await runCli([...command, "--steps", "900", "--drain", "0"], (child, stdout) => {
      if (second !== undefined || !stdout.includes('"page-stage"')) return;
      child.kill("SIGSTOP"); // however slow the second is to start, the first is not done before
      second = runCli(command).finally(() => {
        child.kill("SIGCONT");
        child.kill("SIGTERM");
      });
    });
    expect(first.code).toBe(143);
    const refused = await second!;
    expect(refused.code).toBe(75);
    expect(refused.stderr).toMatch(/held-out.*process \d+.*\[ERR_OUTPUT_LOCKED\]/);
  });
});
