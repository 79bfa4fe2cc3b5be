// `--config` and `cobra-batch config`, as a user runs them.
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { BatchEvent } from "../../src/core/events.js";
import { writeChapter } from "../support/chapter.js";
import { CLI_PATH, runCli } from "../support/cli.js";
import { SMALL_MODEL } from "../support/shared-models.js";

let root: string;
const at = (name: string): string => join(root, name);

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "cobra-config-cli-"));
  await writeChapter(at("chapter.cbz"), 2);
  await writeFile(
    at("good.json"),
    JSON.stringify({
      default: { num_inference_steps: 1, seed: 5, outputZip: at("from-file.cbz") },
      images: { "p2.png": { seed: 9, numInferenceSteps: 2 } },
    }),
  );
  await writeFile(at("bad.json"), JSON.stringify({ default: { seed: -1 }, images: { "p1.png": { topk: 2 } } }));
});

afterAll(() => rm(root, { recursive: true, force: true }));

describe("colorize --config", () => {
  it("uses the file's settings for all pages and for single ones; flags go over both", async () => {
    const colour = async (...flags: string[]): Promise<Extract<BatchEvent, { type: "page-completed" }>[]> => {
      const result = await runCli([
        "colorize",
        at("chapter.cbz"),
        "--config",
        at("good.json"),
        "--model",
        SMALL_MODEL,
        "--json",
        ...flags,
      ]);
      expect(result).toMatchObject({ code: 0, stderr: "" });
      const events = result.stdout
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line) as BatchEvent);
      expect(
        events.filter((event) => event.type === "page-stage" && event.stage === "denoise" && event.page === "p2.png"),
      ).toHaveLength(2);
      return events.filter((event) => event.type === "page-completed");
    };
    expect((await colour()).map(({ page, seed }) => [page, seed])).toEqual([
      ["p1.png", 5],
      ["p2.png", 9],
    ]);
    expect((await colour("--seed", "3", "--output-dir", at("flagged"))).map(({ seed }) => seed)).toEqual([3, 3]);
  });
});

describe("config", () => {
  it("check names every fault and its place, with exit code 64, or says that the file is valid", async () => {
    const bad = await runCli(["config", "check", at("bad.json")]);
    expect(bad).toMatchObject({ code: 64, stdout: "" });
    expect(bad.stderr).toMatch(
      /default\.seed[^]*images\["p1\.png"\]\.topk: unknown setting\nwrite topK in place of topk/,
    );
    expect(await runCli(["config", "check", at("good.json")])).toMatchObject({
      code: 0,
      stdout: expect.stringContaining("is valid: 3 settings for all pages, 1 entry for single pages") as string,
    });
  });

  it("explain prints which value won and from where", async () => {
    const result = await runCli(["config", "explain", at("chapter.cbz"), "--config", at("good.json"), "--steps", "4"]);
    expect(result.code).toBe(0);
    expect(result.stdout).toMatch(/^numInferenceSteps +4 +flag$/m);
    expect(result.stdout).toMatch(/^seed +5 +file \(.*good\.json\)$/m);
    expect(result.stdout).toMatch(/^topK +3 +default$/m);
    expect(result.stdout).toMatch(/^outputZip .*from-file\.cbz" +file/m);
    expect(result.stdout).toMatch(/^zipOutputName +- +default$/m);
    const bare = await runCli(["config", "explain", at("chapter.cbz")], undefined, {
      COBRA_TOP_K: "5",
      COBRA_REFERENCE_IMAGES: "a:b",
    });
    expect(bare.stdout).toMatch(/^outputZip +".*chapter_colorized\.cbz" +default$/m);
    expect(bare.stdout).toMatch(/^topK +5 +environment \(COBRA_TOP_K\)$/m);
    expect(bare.stdout).toMatch(/^referenceImages +\["a","b"\] +environment \(COBRA_REFERENCE_IMAGES\)$/m);
    const wrong = await runCli(["config", "explain", at("chapter.cbz"), "--steps", "0"], undefined, {
      COBRA_TOP_K: "0",
    });
    expect(wrong).toMatchObject({
      code: 64,
      stderr: expect.stringMatching(
        /2 settings are wrong:\n {2}- --steps: must be .* not 0\n {2}- COBRA_TOP_K: must be .* not 0 \[ERR_CONFIG\]/,
      ) as string,
    });
  });

  it("schema prints JSON Schema", async () => {
    const { code, stdout } = await runCli(["config", "schema"]);
    expect([code, (JSON.parse(stdout) as { type: string }).type]).toEqual([0, "object"]);
  });
});

it("variables of engine flags: an empty one counts as none, and a wrong one is named, not its flag", async () => {
  const colorize = ["colorize", at("nowhere"), "--output-dir", at("out")];
  const empty = await runCli(colorize, undefined, { COBRA_DEVICES: "", COBRA_MAX_BATCH: "" });
  expect(empty).toMatchObject({ code: 1, stderr: expect.stringContaining("ERR_INPUT_NOT_FOUND") as string });
  const wrong = await runCli(colorize, undefined, { COBRA_DEVICES: "x", COBRA_MAX_BATCH: "0" });
  expect(wrong).toMatchObject({
    code: 64,
    stderr: expect.stringMatching(/COBRA_DEVICES: must be .*COBRA_MAX_BATCH: must be /su) as string,
  });
  const flag = await runCli([...colorize, "--max-batch=y"], undefined, { COBRA_MAX_BATCH: "0" });
  expect(flag.stderr).toContain("--max-batch: must be");
});

describe("a configuration file that is a pipe, as <(command)", () => {
  it("is read once for several chapters", async () => {
    await writeChapter(at("one.cbz"), 1);
    await writeChapter(at("two.cbz"), 1);
    await writeFile(at("seven.json"), JSON.stringify({ default: { num_inference_steps: 1, seed: 7 } }));
    execFileSync("mkfifo", [at("pipe")]);
    const writer = spawn("sh", ["-c", 'cat "$0" > "$1"', at("seven.json"), at("pipe")]);
    const several = ["colorize", at("one.cbz"), at("two.cbz"), "--output-dir", at("several")];
    const { code, stdout } = await runCli([...several, "--config", at("pipe"), "--model", SMALL_MODEL, "--json"]);
    expect(code).toBe(0);
    expect(stdout.match(/"type":"page-completed".*"seed":7/gu)).toHaveLength(2);
    if (writer.exitCode === null) await once(writer, "exit");
  });

  it("is waited for no more after the first signal", async () => {
    execFileSync("mkfifo", [at("silent")]);
    const args = ["colorize", at("chapter.cbz"), "--output-zip", at("never.cbz"), "--config", at("silent")];
    const child = spawn(process.execPath, [CLI_PATH, ...args], { stdio: ["ignore", "ignore", "pipe"] });
    // It opens once the command has, and stays open and silent.
    const writer = spawn("sh", ["-c", 'exec 3> "$0"; kill -TERM "$1"; exec sleep 600', at("silent"), `${child.pid!}`]);
    const [code] = (await once(child, "exit")) as [number];
    writer.kill("SIGKILL");
    expect(code).toBe(143);
  });
});
