// The small release of test/golden/data/release, imported as a user does, gives the golden pipeline's pictures; both
// styles of one package share what they can; a release that does not fit is refused by name.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { cp, mkdir, mkdtemp, readdir, readFile, rename, rm, stat, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { InferenceSession, liveCounts } from "../../src/binding/index.js";
import { Engine } from "../../src/colorization/engine.js";
import { decodeModelProto } from "../../src/onnx/schema.js";
import { apartWeightBytes } from "../../src/model/requirements.js";
import { importRelease, type ImportReleaseOptions } from "../../src/convert/cobra-release/import-release.js";
import { openModelPackage } from "../../src/model/package.js";
import { runCli } from "../support/cli.js";
import {
  expectLatents,
  expectLines,
  expectPatches,
  expectPictures,
  FLOAT32,
  meanDifference,
  runPipeline,
} from "../support/golden-pipeline.js";

const RELEASE = fileURLToPath(new URL("../golden/data/release/", import.meta.url));
const BUCKETS = "96x96,96x128,128x96";
const MAIN = fileURLToPath(new URL("../../dist/ui/cli/main.js", import.meta.url));
const NETWORKS = [
  "denoiser",
  "guided_upsampler",
  "image_encoder",
  "line_extractor",
  "reference_encoder",
  "vae_decoder",
  "vae_encoder",
].map((name) => `${name}.onnx`);
/** The pictures' encoder is rewritten, for several draws, and so comes as its bytes. */
const OPENED_BY_PATH = NETWORKS.filter((name) => name !== "vae_encoder.onnx");
const weightsOf = (style: string): string[] => [`transformer.${style}.onnx`, `upsampler.${style}.onnx`];
const flags = (release: string, out: string, ...more: string[]): string[] => [
  "model",
  "import",
  "--cobra",
  join(release, "cobra"),
  "--pixart",
  join(release, "pixart"),
  "--prompt",
  join(release, "prompt_tensor"),
  "--buckets",
  BUCKETS,
  "--out",
  out,
  ...more,
];

let folder: string;
let both: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "cobra-release-"));
  both = join(folder, "both");
});
afterAll(() => rm(folder, { recursive: true, force: true }));

// Each of these starts the command several times.
vi.setConfig({ testTimeout: 240_000 });

describe("importing a release", () => {
  it("imports both styles with the command, in float32, and says what it does", async () => {
    const result = await runCli(flags(RELEASE, both, "--precision", "fp32"));
    expect(result).toMatchObject({ code: 0, stdout: `${both}\n` });
    expect(result.stderr).toMatch(/writing line_extractor\.onnx\n(?:writing .*\n)+hashing the files\n$/u);
    const { manifest, styles } = await openModelPackage(both);
    expect(styles).toEqual(["line", "line + shadow"]);
    expect(manifest).toMatchObject({
      name: "cobra",
      trained: true,
      precision: "float32",
      buckets: [
        [96, 96],
        [96, 128],
        [128, 96],
      ],
    });
  });

  it("gives the golden picture, and the other style another one, with the same sessions", async () => {
    const before = liveCounts();
    const create = vi.spyOn(InferenceSession, "create");
    const loaded = (): string[] =>
      create.mock.calls
        .splice(0)
        .flatMap(([model]) => (typeof model === "string" ? basename(model) : []))
        .sort();
    const engine = await Engine.open({ model: both });
    const run = await runPipeline(engine);
    await expectLines(run, FLOAT32);
    await expectPatches(run);
    expectLatents(run, FLOAT32);
    await expectPictures(run, FLOAT32);
    expect(loaded()).toEqual([...OPENED_BY_PATH, ...weightsOf("line-shadow"), "vae.onnx"].sort());
    expect(liveCounts().sessions - before.sessions).toBe(7); // seven networks; on the CPU no solver
    const line = await runPipeline(engine, "line");
    expect(meanDifference(line.image.data, run.image.data)).toBeGreaterThan(5);
    // The other style brings its weights and nothing else; what gives them is gone when they are there.
    expect(loaded()).toEqual(weightsOf("line"));
    expect(liveCounts().sessions - before.sessions).toBe(7); // seven networks; on the CPU no solver
    create.mockRestore();
    await engine.close();
    await expect.poll(() => liveCounts().sessions).toBe(before.sessions);
    expect(liveCounts().tensors).toBe(before.tensors);
  });

  it("holds each set of weights in memory once, and the books say so", async () => {
    const engine = await Engine.open({ model: both });
    const held = (): Record<string, number> =>
      Object.fromEntries(
        Object.entries(engine.memory.ledger.snapshot().owners).flatMap(([owner, { bytes, bookings }]) =>
          owner.startsWith("weights ") && bookings === 1 && bytes > 0 ? [[owner, bytes]] : [],
        ),
      );
    // Booked before they are loaded, so that no page is let in where they will be.
    expect(held()).toEqual({ "weights to come": apartWeightBytes(engine.model, "line + shadow", "cpu") });
    await runPipeline(engine);
    const one = held();
    expect(Object.keys(one).sort()).toEqual([
      "weights transformer, line + shadow",
      "weights upsampler, line + shadow",
      "weights vae",
    ]);
    expect(Object.values(one).reduce((sum, bytes) => sum + bytes, 0)).toBe(
      apartWeightBytes(engine.model, "line + shadow", "cpu"),
    );
    const tensors = liveCounts().tensors;
    await runPipeline(engine, "line");
    const two = held();
    expect(two).toEqual({
      ...one,
      "weights transformer, line": one["weights transformer, line + shadow"],
      "weights upsampler, line": one["weights upsampler, line + shadow"],
    });
    const outputs = async (set: "transformer" | "upsampler"): Promise<number> =>
      decodeModelProto(await readFile(engine.model.weightsPath(set, "line")!)).graph.output.length;
    expect(liveCounts().tensors - tensors).toBe((await outputs("transformer")) + (await outputs("upsampler")));
    await engine.close();
    await expect.poll(held).toEqual({ "weights to come": apartWeightBytes(engine.model, "line", "cpu") });
  });

  it("swaps only a style's own weights, when asked to, and never loads the rest again", async () => {
    const create = vi.spyOn(InferenceSession, "create");
    const loaded = (): string[] =>
      create.mock.calls
        .splice(0)
        .flatMap(([model]) => (typeof model === "string" ? basename(model) : []))
        .sort();
    await expect.poll(() => liveCounts().sessions).toBe(0);
    await using engine = await Engine.open({ model: both, keepStyles: false });
    const owners = (): string[] =>
      Object.keys(engine.memory.ledger.snapshot().owners)
        .filter((owner) => /^weights (?!to come)/u.test(owner))
        .sort();
    const first = await runPipeline(engine);
    expect(loaded()).toEqual([...OPENED_BY_PATH, ...weightsOf("line-shadow"), "vae.onnx"].sort());
    const { tensors } = liveCounts();
    await runPipeline(engine, "line");
    expect(loaded()).toEqual(weightsOf("line"));
    await expect.poll(owners).toEqual(["weights transformer, line", "weights upsampler, line", "weights vae"]);
    expect(liveCounts()).toMatchObject({ sessions: 7, tensors });
    const again = await runPipeline(engine);
    expect(loaded()).toEqual(weightsOf("line-shadow"));
    expect(meanDifference(again.image.data, first.image.data)).toBe(0);
    create.mockRestore();
  });

  it("stores the base, the VAE, the image encoder and the line network of both styles once, and of a LoRA its factors", async () => {
    const { manifest, directory } = await openModelPackage(both);
    const { files, graphs } = manifest;
    expect(manifest.formatVersion).toBe(2);
    expect(
      Object.keys(files)
        .filter((name) => name.endsWith(".bin"))
        .sort(),
    ).toEqual(["weights.bin", "weights.line-shadow.bin", "weights.line.bin"]);
    expect(graphs.styles.line).toEqual(graphs.styles["line + shadow"]);
    const own = await importRelease({
      ...folders(RELEASE),
      directory: join(folder, "shadow"),
      styles: ["line + shadow"],
      precision: "float32",
    });
    for (const name of ["weights.bin", ...NETWORKS, ...weightsOf("line-shadow"), "vae.onnx", "weights.line-shadow.bin"])
      expect(own.manifest.files[name], name).toEqual(files[name]);
    // Every large matrix of the main branch lies in the shared file; what the style has of it are the LoRA's two thin
    // ones.
    const { graph } = decodeModelProto(await readFile(join(directory, graphs.weights!.styles.line!.transformer)));
    const places = new Map(
      graph.initializer.map(({ name, externalData = [] }) => [
        name,
        externalData.find(({ key }) => key === "location")?.value,
      ]),
    );
    const matrix = "main/transformer_blocks.0.ff.net.2.weight#";
    const find = (part: string): string[] => [...places.keys()].filter((name) => name.includes(matrix + part));
    expect(find("base").map((name) => places.get(name))).toEqual(["weights.bin"]);
    expect([...find("down"), ...find("up")].every((name) => places.get(name) !== "weights.bin")).toBe(true);
    expect(find("transposed")).toEqual([]);
  });

  it("imports half precision at half the size, with a picture of the same colours", async () => {
    const path = join(folder, "half");
    expect((await runCli(flags(RELEASE, path, "--style", "line + shadow"))).code).toBe(0);
    const opened = await openModelPackage(path);
    expect(opened.manifest).toMatchObject({ name: "cobra-shadow", precision: "float16" });
    await using engine = await Engine.open({ model: path });
    const run = await runPipeline(engine);
    await expectPictures(run, { line: 1, latents: 0.25, picture: 6, imageMax: 80, imageMean: 3 });
    // On the CPU the weights are held in float32, as ONNX Runtime computes them; the books know.
    const { owners } = engine.memory.ledger.snapshot();
    const held = Object.entries(owners).reduce(
      (sum, [owner, { bytes }]) => sum + (owner.startsWith("weights ") ? bytes : 0),
      0,
    );
    expect(held).toBe(apartWeightBytes(opened, "line + shadow", "cpu"));
    expect(held).toBeGreaterThan(1.5 * apartWeightBytes(opened, "line + shadow", "webgpu"));
  });
});

const folders = (release: string): Pick<ImportReleaseOptions, "cobra" | "pixart" | "prompt" | "buckets"> => ({
  cobra: join(release, "cobra"),
  pixart: join(release, "pixart"),
  prompt: join(release, "prompt_tensor"),
  buckets: [
    [96, 96],
    [96, 128],
    [128, 96],
  ],
});

describe("a release that does not fit", () => {
  let release: string;
  const attempt = async (...styles: ImportReleaseOptions["styles"]): Promise<string> => {
    const out = join(release, "out");
    const error: unknown = await importRelease({
      ...folders(release),
      directory: out,
      styles,
      precision: "float32",
    }).catch((thrown: unknown) => thrown);
    expect(await stat(out).catch(() => undefined)).toBeUndefined();
    return `${(error as Error).message} [${(error as { code?: string }).code}]`;
  };
  const copy = async (): Promise<void> => {
    release = await mkdtemp(join(folder, "bad-"));
    await cp(RELEASE, release, { recursive: true });
  };

  it.each(["pixart/transformer", "pixart/vae", "cobra/image_encoder"])(
    "says that sizes were assumed where %s/config.json is missing",
    async (part) => {
      const release = join(folder, `assumed-${part.replace("/", "-")}`);
      await cp(RELEASE, release, { recursive: true });
      await rm(join(release, part, "config.json"));
      const { code, stderr } = await runCli(flags(release, join(folder, "never")));
      expect(code).toBe(1);
      expect(stderr).toContain(`sizes were assumed, because there is no\n  ${join(release, part, "config.json")}`);
    },
  );

  it("names every file that is missing", async () => {
    await copy();
    await rm(join(release, "cobra/LE"), { recursive: true });
    await rm(join(release, "pixart/vae/diffusion_pytorch_model.safetensors"));
    const { code, stderr } = await runCli(flags(release, join(release, "out")));
    expect(code).toBe(1);
    expect(stderr).toContain("these files are missing (2)");
    expect(stderr).toContain(join(release, "cobra/LE/erika.pth"));
    expect(stderr).toContain(`${join(release, "pixart/vae/diffusion_pytorch_model.safetensors")} (or`);
    expect(stderr).toContain("ERR_MODEL_NOT_FOUND");
  });

  it("names tensors that do not fit, configs that cannot be built, files that are damaged", async () => {
    await copy();
    // The upsampler in place of the control branch: everything is missing and everything is extra.
    await cp(join(release, "cobra/line_GSRP/MultiResNetModel.bin"), join(release, "cobra/line_ckpt/controlnet.bin"));
    const wrong = await attempt("line");
    expect(wrong).toContain("adapter_linear.0.weight: missing, expected [24, 24]");
    expect(wrong).toContain("two_layer_resnets.0.block1.conv1.weight: is not part of the network");

    await truncate(join(release, "cobra/shadow_ckpt/controlnet.bin"), 100_000);
    expect(await attempt("line + shadow")).toMatch(
      /shadow_ckpt\/controlnet\.bin cannot be read as a PyTorch checkpoint.*\[ERR_MODEL_WEIGHTS\]/su,
    );

    const config = join(release, "pixart/transformer/config.json");
    await writeFile(
      config,
      JSON.stringify({ ...(JSON.parse(await readFile(config, "utf8")) as object), patch_size: 4, num_layers: "four" }),
    );
    const odd = await attempt("line");
    expect(odd).toContain(config);
    expect(odd).toMatch(/num_layers.*patch_size: is 4, but only 2 is built/su);
  });

  it("says what the flags must be", async () => {
    const out = join(folder, "flags");
    expect(await runCli(flags(RELEASE, out, "--style", "sketch"))).toMatchObject({
      code: 64,
      stderr: expect.stringContaining('"line" or "line + shadow"') as string,
    });
    expect(await runCli(flags(RELEASE, out, "--buckets", "640"))).toMatchObject({ code: 64 });
    expect((await runCli(flags(RELEASE, out, "--buckets", "100x96"))).stderr).toContain("must be a multiple of 32");
  });
});

describe("the output folder", () => {
  it("is never one that holds something else, and replaces a package only when asked", async () => {
    const foreign = join(folder, "foreign");
    await mkdir(foreign);
    await writeFile(join(foreign, "thesis.doc"), "years of work");
    for (const more of [[], ["--overwrite"]]) {
      const result = await runCli(flags(RELEASE, foreign, ...more));
      expect(result.code).toBe(1);
      expect(result.stderr).toContain("ERR_OUTPUT_EXISTS");
    }
    expect(await readdir(foreign)).toEqual(["thesis.doc"]);
    const mine = join(folder, "mine");
    await cp(both, mine, { recursive: true });
    expect((await runCli(flags(RELEASE, mine, "--style", "line"))).stderr).toContain("--overwrite");
    expect((await runCli(flags(RELEASE, mine, "--style", "line", "--overwrite"))).code).toBe(0);
    expect((await openModelPackage(mine)).styles).toEqual(["line"]);
  });

  it("holds nothing that opens after kill -9, and the next import cleans up and succeeds", async () => {
    const home = join(folder, "killed");
    await mkdir(home);
    const out = join(home, "model");
    for (const part of ["line_extractor.onnx", "transformer.line.onnx", "hashing"]) {
      const child = spawn(process.execPath, [MAIN, ...flags(RELEASE, out)], { stdio: ["ignore", "ignore", "pipe"] });
      child.stderr.on("data", (chunk: Buffer) => {
        if (chunk.toString().includes(part)) child.kill("SIGKILL");
      });
      const [, signal] = (await once(child, "exit")) as [number | null, string | null];
      expect(signal, part).toBe("SIGKILL");
      expect(await stat(out).catch(() => undefined), part).toBeUndefined();
      for (const name of await readdir(home))
        await expect(openModelPackage(join(home, name)), `${part}: ${name}`).rejects.toThrow();
    }
    expect((await readdir(home)).length).toBe(1);
    expect((await runCli(flags(RELEASE, out))).code).toBe(0);
    expect(await readdir(home)).toEqual(["model"]);
    await rename(out, join(home, "moved"));
    expect((await openModelPackage(join(home, "moved"))).styles).toHaveLength(2);
  });
});
