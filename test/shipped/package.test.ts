// The packed tarball in a stranger's project: installed into an empty folder, imported, required, type-checked and run.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { writeChapter } from "../support/chapter.js";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** Public names that exist at run time. */
const PUBLIC_NAMES = [
  "BatchProcessingError",
  "ImageProcessingError",
  "ConfigurationError",
  "ResourceError",
  "QueueError",
  "ValidationError",
  "ZipExtractionError",
  "ClassificationError",
  "BatchConfig",
  "parseBatchConfig",
  "ConfigurationHandler",
  "ImageClassifier",
  "separateLineArtAndReferences",
  "ImageQueue",
  "StatusTracker",
  "BatchProcessor",
  "setupLogging",
  "getLogger",
  "configureComponentLogger",
  "MemoryManager",
  "Engine",
  "runBatch",
];

let home: string;
let tarball: string;
const at = (name: string): string => join(home, name);

interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** Runs a command in the stranger's folder, with nothing of this project's environment. */
function run(command: string, args: readonly string[], cwd = home): Promise<Ended> {
  const env = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^(COBRA_|VITEST|NODE_|npm_(?!config_))/.test(name)),
  );
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd, env, stdio: ["ignore", "pipe", "pipe"] });
    const ended: Ended = { code: null, stdout: "", stderr: "" };
    child.stdout.on("data", (chunk: Buffer) => (ended.stdout += chunk.toString()));
    child.stderr.on("data", (chunk: Buffer) => (ended.stderr += chunk.toString()));
    child.on("error", reject);
    child.on("close", (code) => resolve({ ...ended, code }));
  });
}

async function runScript(name: string, text: string): Promise<Ended> {
  await writeFile(at(name), text);
  return run(process.execPath, [name]);
}

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), "cobra-stranger-"));
  const packed = await run("npm", ["pack", "--pack-destination", home, "--loglevel", "error"], ROOT);
  expect(packed.code, packed.stderr).toBe(0);
  tarball = (await readdir(home)).find((name) => name.endsWith(".tgz"))!;
  await writeFile(at("package.json"), JSON.stringify({ name: "stranger", version: "1.0.0", private: true }));
  const installed = await run("npm", ["install", "--prefer-offline", "--no-audit", "--no-fund", `./${tarball}`]);
  expect(installed.code, installed.stderr).toBe(0);
  await writeChapter(at("chapter.cbz"), 2);
}, 300_000);

afterAll(() => rm(home, { recursive: true, force: true }));

describe("the tarball", () => {
  it("holds the addon, ONNX Runtime with its notices, the embedded model and the licence, and neither sources, tests nor a path of this machine", async () => {
    const installed = at("node_modules/cobra-batch");
    expect((await readdir(installed)).toSorted()).toEqual([
      "CHANGELOG.md",
      "CONTRIBUTING.md",
      "LICENSE",
      "README.md",
      "THIRD_PARTY_NOTICES",
      "dist",
      "docs",
      "examples",
      "models",
      "package.json",
      "prebuilds",
    ]);
    expect((await readdir(join(installed, "prebuilds/linux-x64"))).toSorted()).toEqual([
      "LICENSE.onnxruntime",
      "ThirdPartyNotices.onnxruntime.txt",
      "cobra_batch.node",
      "libonnxruntime.so.1",
    ]);
    expect(await readdir(join(installed, "models"))).toEqual(expect.arrayContaining(["default"]));
    const texts = (await readdir(installed, { recursive: true })).filter((name) =>
      /\.(c?js|d\.c?ts|json|md)$/.test(name),
    );
    expect(texts.length).toBeGreaterThan(100);
    for (const name of texts)
      expect(await readFile(join(installed, name), "utf8"), name).not.toContain(ROOT.slice(0, -1));
  });

  it("brings no compiler and no build tool along", async () => {
    const packages = await readdir(at("node_modules"));
    expect(packages.filter((name) => /cmake|node-addon-api|typescript|vitest/.test(name))).toEqual([]);
  });
});

describe("import and require", () => {
  const probe = `
    const names = Object.keys(api);
    const missing = ${JSON.stringify(PUBLIC_NAMES)}.filter((name) => api[name] === undefined);
    const signals = ["SIGINT", "SIGTERM", "SIGHUP", "uncaughtException", "unhandledRejection", "beforeExit"].filter((name) => process.listenerCount(name) > 0);
    require("node:fs").writeFileSync("probe.json", JSON.stringify({ missing, signals, count: names.length, resources: process.getActiveResourcesInfo().filter((name) => /Worker|Timeout|Immediate|TCP|MessagePort|Process|FSEvent/.test(name)) }));`;

  it.each([
    [
      "import",
      "probe.mjs",
      `import { createRequire } from "node:module"; import * as api from "cobra-batch"; const require = createRequire(import.meta.url); ${probe}`,
    ],
    ["require", "probe.cjs", `const api = require("cobra-batch"); ${probe}`],
  ])(
    "%s gives every public name and does nothing else: no word, no signal handler, nothing that keeps the process",
    async (_way, name, text) => {
      expect(await runScript(name, text)).toEqual({ code: 0, stdout: "", stderr: "" });
      expect(JSON.parse(await readFile(at("probe.json"), "utf8"))).toMatchObject({
        missing: [],
        signals: [],
        resources: [],
      });
    },
  );

  it("gives the same classes both ways", async () => {
    const ended = await runScript(
      "same.cjs",
      `const a = require("cobra-batch"); import("cobra-batch").then((b) => process.stdout.write(String(a.BatchProcessor === b.BatchProcessor && a.BatchProcessingError === b.BatchProcessingError)));`,
    );
    expect(ended).toEqual({ code: 0, stdout: "true", stderr: "" });
  });
});

describe("colouring a page", () => {
  const body = (out: string): string => `
    const engine = await Engine.open();
    const { config } = parseBatchConfig({ inputZip: "chapter.cbz", outputDir: ${JSON.stringify(out)}, numInferenceSteps: 1, style: "line" });
    const processor = new BatchProcessor(engine, config);
    await processor.addImages(["p1.png"]);
    const types = new Set();
    const reading = (async () => { for await (const event of processor.events()) types.add(event.type); })();
    const summary = await processor.startProcessing();
    await reading;
    await processor.close();
    await engine.close();
    process.stdout.write(JSON.stringify({ completed: summary.completed, types: [...types] }));`;

  it.each([
    [
      "an ES module",
      "esm.mjs",
      "esm-out",
      `import { BatchProcessor, Engine, parseBatchConfig } from "cobra-batch";${body("esm-out")}`,
    ],
    [
      "CommonJS",
      "common.cjs",
      "common-out",
      `const { BatchProcessor, Engine, parseBatchConfig } = require("cobra-batch"); (async () => {${body("common-out")}})();`,
    ],
    [
      "a worker thread",
      "worker.mjs",
      "worker-out",
      `import { isMainThread, Worker } from "node:worker_threads";
      import { BatchProcessor, Engine, parseBatchConfig } from "cobra-batch";
      if (isMainThread) new Worker(new URL(import.meta.url), { stdout: false });
      else {${body("worker-out")}}`,
    ],
  ])("works from %s with the embedded model, in silence", async (_kind, name, out, text) => {
    const ended = await runScript(name, text);
    expect(ended).toMatchObject({ code: 0, stderr: "" });
    expect(JSON.parse(ended.stdout)).toMatchObject({
      completed: 1,
      types: expect.arrayContaining(["batch-started", "page-stage", "page-completed", "batch-completed"]) as string[],
    });
    const { data, info } = await sharp(at(`${out}/p1_colorized.png`))
      .raw()
      .toBuffer({ resolveWithObject: true });
    expect(info).toMatchObject({ width: 200, height: 280, channels: 3 });
    const coloured = Array.from(
      { length: 200 * 280 },
      (_, pixel) =>
        Math.max(...data.subarray(pixel * 3, pixel * 3 + 3)) - Math.min(...data.subarray(pixel * 3, pixel * 3 + 3)),
    ).filter((chroma) => chroma > 30);
    expect(coloured.length).toBeGreaterThan(1000);
  });

  it("works from a bundle that leaves the package out", async () => {
    const { build } = createRequire(join(ROOT, "package.json"))("rolldown") as typeof import("rolldown");
    await writeFile(
      at("app.ts"),
      `import { Engine } from "cobra-batch";
      const engine: Engine = await Engine.open();
      console.log(engine.model.manifest.name);
      await engine.close();`,
    );
    await build({
      input: at("app.ts"),
      external: ["cobra-batch"],
      platform: "node",
      output: { file: at("bundle.mjs"), format: "esm" },
      logLevel: "silent",
    });
    expect(await run(process.execPath, ["bundle.mjs"])).toMatchObject({ code: 0, stderr: "" });
  });

  it("holds every file that its documents link to", async () => {
    const installed = at("node_modules/cobra-batch");
    const documents = (await readdir(installed, { recursive: true })).filter(
      (name) => name.endsWith(".md") && !name.startsWith("node_modules"),
    );
    const links = await Promise.all(
      documents.map(async (name) => {
        const text = await readFile(join(installed, name), "utf8");
        const targets = [...text.matchAll(/\]\((?!https?:|#|mailto:)([^)#\s]+)/g)].map(([, target]) => target!);
        return targets.map((target) => [name, join(dirname(name), target)] as const);
      }),
    );
    const dead = links.flat().filter(([, target]) => !existsSync(join(installed, target)));
    expect(dead).toEqual([]);
    expect(links.flat().length).toBeGreaterThan(20);
  });

  it("works by the installed command", async () => {
    const ended = await run("npx", [
      "--no-install",
      "cobra-batch",
      "colorize",
      "chapter.cbz",
      "--steps",
      "1",
      "--style",
      "line",
      "--quiet",
    ]);
    expect(ended).toMatchObject({ code: 0, stdout: `${at("chapter_colorized.cbz")}\n` });
  });
});

describe("the types", () => {
  const program = `
    import { BatchProcessor, ConfigurationHandler, Engine, ImageClassifier, ImageQueue, parseBatchConfig, StatusTracker, BatchProcessingError, BatchConfig, type BatchEvent, type ImageQueueItem } from "cobra-batch";
    const { config }: { config: BatchConfig } = BatchConfig.parse({ inputZip: "a.cbz", outputZip: "b.cbz" });
    export async function main(): Promise<string[]> {
      const engine = await Engine.open();
      const processor: AsyncDisposable = new BatchProcessor(engine, config, { signal: AbortSignal.timeout(1000) });
      const names: string[] = [];
      const tell = (event: BatchEvent): void => { if (event.type === "page-completed") names.push(event.output); };
      for await (const event of (processor as BatchProcessor).events()) tell(event);
      const item: ImageQueueItem | undefined = new ImageQueue().peek();
      names.push(String([item, new StatusTracker(), new ConfigurationHandler(), new ImageClassifier()].length));
      // @ts-expect-error a style that does not exist is a type error
      parseBatchConfig({ style: "lines" });
      // @ts-expect-error an event type that does not exist is a type error
      if (({} as BatchEvent).type === "page-finished") names.pop();
      const code: string = new BatchProcessingError("ERR_STATE", "x").code;
      return [...names, code];
    }
  `;

  it("check a strict program as an ES module and as CommonJS, declarations of the package included", async () => {
    await mkdir(at("typed"), { recursive: true });
    await writeFile(at("typed/a.mts"), program);
    await writeFile(at("typed/b.cts"), program);
    const options = {
      module: "nodenext",
      target: "es2022",
      strict: true,
      noEmit: true,
      skipLibCheck: false,
      types: ["node"],
      typeRoots: [join(ROOT, "node_modules/@types")],
    };
    await writeFile(
      at("typed/tsconfig.json"),
      JSON.stringify({ compilerOptions: options, include: ["*.mts", "*.cts"] }),
    );
    expect(await run(process.execPath, [join(ROOT, "node_modules/typescript/bin/tsc"), "-p", "typed"])).toMatchObject({
      code: 0,
      stdout: "",
    });
  });
});
