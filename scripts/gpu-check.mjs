// `npm run gpu-check [-- --minutes 6]`, in a bundle `./gpu-check`: one run that shows what a machine with a GPU gives.
// Steps run in order of worth, each a process with a limit; results are saved as each step ends, so that whatever
// stops the run leaves what was found. docs/gpu.md says how to read them.
import { existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { plan } from "./gpu-check/plan.mjs";
import { Results } from "./gpu-check/results.mjs";
import { startStep } from "./gpu-check/run-step.mjs";
import { main, makeFolderOf, ROOT, say, SetupError } from "./lib/steps.mjs";

const HELP = `npm run gpu-check -- [options]      (in a bundle: ./gpu-check [options])

Checks what a machine with a GPU computes, how fast, and in how much memory.

  --minutes N      how long it may take in all (default: 6)
  --device NAME    cuda, cuda:1, webgpu or cpu (default: cuda)
  --size NAME      "full" builds Cobra's architecture with random weights, "tiny" a small one
                   (default: full; tiny on the CPU)
  --steps A,B      only these steps
  --python PATH    a Python with PyTorch, for the peer (default: python3)
  --work DIR       folder for the large package, kept for the next run (default: in ${tmpdir()})
  --out DIR        folder for results.jsonl and results.md (default: ./gpu-check-results)

Exit codes: 0 no step failed, 1 one did, 64 wrong options.`;

/** What is measured: a preset, a page size, denoising steps, and how many pages for how long at most. */
const SIZES = {
  full: { preset: "full", bucket: { width: 640, height: 1024 }, steps: 10, most: { pages: 24, seconds: 30 } },
  tiny: { preset: "tiny", bucket: { width: 96, height: 128 }, steps: 4, most: { pages: 4, seconds: 5 } },
};
/** Building the large package, in the background from the start. */
const BUILD_SECONDS = 300;

function readOptions() {
  try {
    const { values } = parseArgs({
      options: {
        minutes: { type: "string", default: "6" },
        device: { type: "string", default: "cuda" },
        size: { type: "string" },
        steps: { type: "string" },
        python: { type: "string", default: "python3" },
        work: { type: "string", default: join(tmpdir(), "cobra-gpu-check") },
        out: { type: "string", default: "gpu-check-results" },
        help: { type: "boolean", default: false },
      },
    });
    const size = values.size ?? (values.device === "cpu" ? "tiny" : "full");
    if (!Object.hasOwn(SIZES, size)) throw new Error(`--size ${size}: must be full or tiny`);
    if (!/^(?:cpu|(?:cuda|webgpu)(?::\d+)?)$/.test(values.device))
      throw new Error(`--device ${values.device}: must be cuda, cuda:1, webgpu or cpu`);
    const minutes = Number(values.minutes);
    if (!(minutes > 0)) throw new Error(`--minutes ${values.minutes}: must be a number above 0`);
    const steps = values.steps?.split(",");
    const names = plan().map(({ name }) => name);
    const unknown = steps?.find((name) => !names.includes(name));
    if (unknown !== undefined) throw new Error(`--steps ${unknown}: there are ${names.join(", ")}`);
    return { ...values, size, minutes, steps };
  } catch (error) {
    say(`error: ${error.message}\n\n${HELP}`);
    return undefined;
  }
}

await main(async () => {
  const options = readOptions();
  if (options === undefined) return 64;
  if (options.help) return void process.stdout.write(`${HELP}\n`);
  if (existsSync(join(ROOT, "scripts/lib/setup.mjs")) && process.env.COBRA_READY !== "1")
    await (await import("./lib/setup.mjs")).ensureReady(); // not in a bundle, where all is there
  const end = performance.now() + options.minutes * 60_000;
  const leftSeconds = () => (end - performance.now()) / 1000;
  const work = resolve(options.work);
  makeFolderOf("work", work);
  makeFolderOf("out", resolve(options.out));
  const { preset, ...what } = SIZES[options.size];
  const directory = join(work, `${preset}-float16`);
  const shared = { device: options.device, python: options.python, size: options.size, work, directory, ...what };
  const results = new Results(resolve(options.out), options);
  const chosen = plan().filter(({ name }) => options.steps?.includes(name) ?? true);
  const build = chosen.some(({ needsPackage }) => needsPackage)
    ? startStep("build.packageOf", { directory, preset }, Math.min(BUILD_SECONDS, leftSeconds()))
    : undefined;
  for (const step of chosen) {
    const before = step.needsPackage ? await build.ended : undefined;
    if (before !== undefined && !results.has("build"))
      results.add({ name: "build", what: `the ${preset} package, random weights` }, before);
    if (before !== undefined && before.outcome !== "passed") {
      results.add(step, { outcome: "skipped", reason: "there is no package to run", figures: [], seconds: 0 });
      continue;
    }
    const limit = Math.min(step.seconds, leftSeconds());
    if (limit < 2) {
      results.add(step, { outcome: "skipped", reason: "no time was left", figures: [], seconds: 0 });
      continue;
    }
    results.add(step, await startStep(step.run, { ...shared, ...step.with }, limit).ended);
  }
  build?.end();
  say(`results: ${results.paths.join(", ")}`);
  if (results.faults > 0) throw new SetupError(`${results.faults} ${results.faults === 1 ? "step" : "steps"} failed`);
  return 0;
});
