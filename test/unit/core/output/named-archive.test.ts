// The archive that a run is asked to write: its permissions, a link that leads to it, and names with a number that
// another run was asked for.
import {
  chmod,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  rename,
  rm,
  stat,
  symlink,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { parseBatchConfig, type BatchConfigInput } from "../../../../src/config/batch-config.js";
import { redoRun, type Continuation } from "../../../../src/core/continue-run.js";
import { readArchiveMetadata } from "../../../../src/core/output/archive-metadata.js";
import { runBatch } from "../../../../src/core/run-batch.js";
import { ImageProcessingError } from "../../../../src/errors.js";
import { openArchiveSink } from "../../../../src/io/open-sink.js";
import { colourPage, linePage, writeFolder } from "../../../support/chapter.js";
import { onPaper, paperEngine } from "../../../support/paper-engine.js";

let root: string;
let failing: readonly string[];
const at = (name: string): string => join(root, name);

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "cobra-named-archive-"));
  failing = [];
  await writeFolder(at("refs"), { "a.jpg": await colourPage(1) });
  await writeFolder(at("in"), { "1.png": await linePage(1), "2.png": await linePage(2) });
});
afterEach(() => rm(root, { recursive: true, force: true }));

async function run({ config, options }: Pick<Continuation, "config" | "options">) {
  const coloured: string[] = [];
  const warnings: string[] = [];
  const engine = paperEngine((request) => {
    const { name } = request;
    if (failing.includes(name)) throw new ImageProcessingError("ERR_RUN", `${name} fails`, { imagePath: name });
    coloured.push(name);
    return onPaper(request);
  });
  const { output } = await runBatch(engine, config, {
    ...options,
    onEvent: (event) => void (event.type === "warning" && warnings.push(event.message)),
  });
  return { coloured, output, warnings };
}
const colorize = (own: Partial<BatchConfigInput> = {}) => {
  const output = own.outputDir === undefined ? { outputZip: at("out.cbz") } : {};
  const settings = { inputDir: at("in"), ...output, referenceImages: [at("refs")], ...own };
  return run({ config: parseBatchConfig(settings).config, options: {} });
};
const modeOf = async (name: string): Promise<string> => ((await stat(at(name))).mode & 0o777).toString(8);
const outputs = async (): Promise<string[]> =>
  (await readdir(root)).filter((name) => name.startsWith("out")).toSorted();

describe("what belongs to a private archive", () => {
  it.each([
    [0o600, "700"],
    [0o640, "750"],
    [0o644, "755"],
  ])("is as private: %o", async (mode, folder) => {
    await colorize();
    await chmod(at("out.cbz"), mode);
    failing = ["3.png"];
    await writeFile(at("in/3.png"), await linePage(3));
    expect((await colorize({ seed: 5 })).output).toBe(at("out_1.cbz"));
    expect(await modeOf("out_1.cbz")).toBe(mode.toString(8));
    expect(await modeOf("out.cbz.cobra-batch")).toBe(folder);
    await chmod(at("out.cbz.cobra-batch"), 0o777);
    await colorize({ seed: 5 });
    expect(await modeOf("out.cbz.cobra-batch")).toBe(folder);
  });

  it("is a picture that gets a number beside a private one, too", async () => {
    await mkdir(at("outd"));
    await writeFile(at("outd/1_colorized.png"), "mine", { mode: 0o600 });
    await colorize({ outputDir: at("outd") });
    expect(await modeOf("outd/1_colorized_1.png")).toBe("600");
  });
});

describe("an archive that is named by a link", () => {
  beforeEach(async () => {
    await mkdir(at("store"));
    await symlink("store/real.cbz", at("out.cbz"));
  });
  const inStore = async (): Promise<string[]> => {
    expect(await readlink(at("out.cbz"))).toBe("store/real.cbz");
    expect(await outputs()).toEqual(["out.cbz"]);
    return readdir(at("store"));
  };

  it("is written where the link leads, also before it is there, and the link stays", async () => {
    expect((await colorize()).output).toBe(at("store/real.cbz"));
    expect(await inStore()).toEqual(["real.cbz"]);
    expect(await colorize()).toMatchObject({ coloured: [] });
    await writeFile(at("in/3.png"), await linePage(3));
    expect(await colorize()).toMatchObject({ coloured: ["3.png"], output: at("store/real.cbz") });
    expect(await run(await redoRun(at("out.cbz"), ["1.png"]))).toMatchObject({ coloured: ["1.png"] });
    expect(await colorize({ overwrite: true })).toMatchObject({ coloured: ["1.png", "2.png", "3.png"] });
    expect(await inStore()).toEqual(["real.cbz"]);
  });

  it("is refused where the link leads into no folder", async () => {
    await rename(at("store"), at("elsewhere"));
    await expect(colorize()).rejects.toMatchObject({
      code: "ERR_OUTPUT_WRITE",
      message: `cannot write ${at("out.cbz")}: it is a link to ${at("store/real.cbz")}, and the folder of that does not exist`,
    });
    expect(await readdir(root)).not.toContain("store");
  });

  it("is written there by a sink of its own", async () => {
    await writeFile(at("store/real.cbz"), "old");
    const sink = await openArchiveSink(at("out.cbz"), { overwrite: true });
    expect(await sink.finish()).toBe(at("store/real.cbz"));
    expect(await inStore()).toEqual(["real.cbz"]);
  });
});

describe("a picture of an output folder that is a link", () => {
  beforeEach(async () => {
    await colorize({ outputDir: at("outd") });
    await mkdir(at("store"));
    await rename(at("outd/1_colorized.png"), at("store/1.png"));
    await symlink("../store/1.png", at("outd/1_colorized.png"));
    await writeFile(at("in/1.png"), await linePage(5));
  });

  it("is kept: the new one has a name beside it, and that is said", async () => {
    const before = await readFile(at("store/1.png"));
    const { warnings } = await colorize({ outputDir: at("outd"), seed: 5 });
    expect(warnings).toContain(
      `${at("outd/1_colorized.png")} is a link and is kept; the new picture of 1.png is ${at("outd/1_colorized_1.png")}`,
    );
    expect(await readlink(at("outd/1_colorized.png"))).toBe("../store/1.png");
    expect(before.equals(await readFile(at("store/1.png")))).toBe(true);
  });

  it("is replaced with overwrite, not what it leads to, and that is said", async () => {
    const before = await readFile(at("store/1.png"));
    const { warnings } = await colorize({ outputDir: at("outd"), overwrite: true, seed: 5 });
    expect(warnings).toContain(
      `${at("outd/1_colorized.png")} was a link to ${at("store/1.png")}, which stays as it is; it is a picture now`,
    );
    expect(before.equals(await readFile(at("store/1.png")))).toBe(true);
  });
});

describe("a name with a number", () => {
  it("that a run was asked for is not taken for a result of the name without", async () => {
    await colorize({ seed: 5 });
    await colorize({ outputZip: at("out_1.cbz") });
    const own = await readFile(at("out_1.cbz"));
    await writeFile(at("in/3.png"), await linePage(3));
    expect(await colorize()).toMatchObject({ output: at("out_2.cbz"), coloured: ["1.png", "2.png", "3.png"] });
    expect(own.equals(await readFile(at("out_1.cbz")))).toBe(true);
    expect(await outputs()).toEqual(["out.cbz", "out_1.cbz", "out_2.cbz"]);
  });

  it("of a result stays known as that after a redo, which holds the name that was asked for", async () => {
    await colorize({ seed: 5 });
    await colorize();
    const again = await redoRun(at("out_1.cbz"), ["2.png"], { pages: { seed: 7 } });
    expect(again.config.outputZip).toBe(at("out.cbz"));
    expect(await run(again)).toMatchObject({ output: at("out_1.cbz"), coloured: ["2.png"] });
    expect((await readArchiveMetadata(at("out_1.cbz")))!.run!.record.config.outputZip).toBe("out.cbz");
    expect(await colorize()).toMatchObject({ output: at("out_1.cbz"), coloured: [] });
    expect(await outputs()).toEqual(["out.cbz", "out_1.cbz"]);
  });

  it("of one's own is not redone by the run beside it, whose journal has that name", async () => {
    failing = ["2.png"];
    await colorize({ seed: 5 });
    await rm(at("out.cbz.cobra-batch"), { recursive: true });
    await colorize();
    await rm(at("out_1.cbz"));
    failing = [];
    await colorize({ outputZip: at("out_1.cbz") });
    const again = await redoRun(at("out_1.cbz"), ["1.png"], { pages: { seed: 7 } });
    expect(again.config.outputZip).toBe(at("out_1.cbz"));
    expect(await run(again)).toMatchObject({ output: at("out_1.cbz"), coloured: ["1.png"] });
  });
});
