/** gpu-check from end to end, on the CPU with the tiny model: every kind of step but those that need a GPU. */
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

const SCRIPT = fileURLToPath(new URL("../../scripts/gpu-check.mjs", import.meta.url));

interface Step {
  readonly name: string;
  readonly outcome: string;
  readonly figures: readonly { figure: string; value: number | string }[];
}

it(
  "gives figures of each step, saves them, and skips what is not there with the reason",
  { timeout: 420_000 },
  async () => {
    const folder = mkdtempSync(join(tmpdir(), "cobra-gpu-check-"));
    const steps = [
      "versions",
      "doctor",
      "golden-fp32",
      "tiny",
      "peer-k3",
      "networks-k3",
      "pages-k3",
      "batch",
      "out-of-memory",
      "tensorrt",
    ];
    const args = ["--device", "cpu", "--steps", steps.join(","), "--minutes", "6", "--python", "/nonexistent/python3"];
    const env = { ...process.env, COBRA_READY: "1" };
    const ended = await new Promise<{ code: unknown; stderr: string }>((resolve) => {
      execFile(
        process.execPath,
        [SCRIPT, ...args, "--out", join(folder, "out"), "--work", join(folder, "work")],
        { env },
        (error, _stdout, stderr) => resolve({ code: error?.code ?? 0, stderr }),
      );
    });
    expect(ended, ended.stderr).toMatchObject({ code: 0 });
    const lines = readFileSync(join(folder, "out/results.jsonl"), "utf8").trimEnd().split("\n");
    const results = Object.fromEntries(lines.map((line) => JSON.parse(line) as Step).map((step) => [step.name, step]));
    expect(Object.keys(results).sort()).toEqual([...steps, "build"].sort());
    const skipped = Object.values(results).filter(({ outcome }) => outcome !== "passed");
    expect(skipped.map(({ name, outcome }) => [name, outcome])).toEqual([
      ["peer-k3", "skipped"],
      ["tensorrt", "skipped"],
    ]);
    const figure = (step: string, name: string): unknown =>
      results[step]!.figures.find((one) => one.figure === name)?.value;
    expect(figure("golden-fp32", "denoiser, largest difference")).toBeLessThan(0.01);
    expect(figure("tiny", "mean difference from the CPU")).toBe(0);
    expect(figure("networks-k3", "denoising step, k = 3")).toBeGreaterThan(0);
    expect(figure("pages-k3", "share of the time in network runs")).toBeGreaterThan(0);
    expect(figure("batch", "step of 4, a page")).toBeGreaterThan(0);
    expect(figure("out-of-memory", "the same session runs again")).toBe("yes");
    expect(readFileSync(join(folder, "out/results.md"), "utf8")).toContain("## networks-k3");
    rmSync(folder, { recursive: true });
  },
);
