/**
 * Reads the golden cases of `test/golden/data/networks` (values that the original Cobra code gives; what each case
 * shows stands in `index.json` there).
 */
import { appendFileSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import sharp from "sharp";
import { expect } from "vitest";
import type { RasterImage } from "../../src/binding/raster.js";
import { loadSafetensors, type SafetensorsFile } from "../../src/convert/weights/safetensors.js";
import { prefixView, union } from "../../src/convert/weights/sources.js";
import type { WeightSource } from "../../src/onnx/weights.js";

const ROOT = fileURLToPath(new URL("../golden/data/networks/", import.meta.url));

interface GoldenValue {
  readonly file?: string;
  readonly key?: string;
  readonly png?: string;
  readonly shape: readonly number[];
  readonly stacked?: number;
}

interface WeightPlace {
  readonly file?: string | readonly string[];
  readonly prefix: string;
}

interface GoldenRecord {
  readonly id: string;
  readonly file: string;
  readonly config: Record<string, unknown>;
  readonly weights?: WeightPlace | Record<string, WeightPlace>;
  readonly vae_weights?: readonly string[];
  readonly inputs: Record<string, GoldenValue>;
  readonly mids: Record<string, GoldenValue>;
  readonly outputs: Record<string, GoldenValue>;
  readonly tolerance: Record<string, number | string>;
  readonly images?: Record<string, string>;
}

/** A tensor of a case; I64 and I32 values come as numbers in `ints`. */
export interface GoldenTensor {
  readonly dims: readonly number[];
  readonly dtype: "float32" | "int64" | "int32";
  /** The values as float32 (exact for the small integers of the cases). */
  readonly data: Float32Array;
}

const index = new Map<string, GoldenRecord>();
const files = new Map<string, SafetensorsFile>();

function record(id: string): GoldenRecord {
  if (index.size === 0) {
    const { cases } = JSON.parse(readFileSync(`${ROOT}index.json`, "utf8")) as { cases: GoldenRecord[] };
    for (const one of cases) index.set(one.id, one);
  }
  const found = index.get(id);
  if (found === undefined) throw new Error(`no golden case ${id}; there are ${[...index.keys()].join(", ")}`);
  return found;
}

function open(file: string): SafetensorsFile {
  const known = files.get(file) ?? loadSafetensors(ROOT + file);
  files.set(file, known);
  return known;
}

/** A golden case. */
export class GoldenCase {
  readonly config: Record<string, unknown>;
  readonly #record: GoldenRecord;
  constructor(readonly id: string) {
    this.#record = record(id);
    this.config = this.#record.config;
  }

  /** A tolerance of the case, such as "abs". */
  tolerance(name: string): number {
    const value = this.#record.tolerance[name];
    if (typeof value !== "number") throw new Error(`${this.id} has no tolerance ${name}`);
    return value;
  }

  /** Names of the case's values of one kind. */
  names(kind: "inputs" | "mids" | "outputs"): string[] {
    return Object.keys(this.#record[kind]);
  }

  /** A tensor among inputs, mids and outputs. */
  tensor(name: string): GoldenTensor {
    const value = this.#value(name);
    if (value.file === undefined || value.key === undefined) throw new Error(`${this.id}: ${name} is not a tensor`);
    const file = open(value.file);
    const dtype = ({ F32: "float32", I64: "int64", I32: "int32" } as const)[file.dtype(value.key) as "F32"];
    return { dims: value.shape, dtype, data: file.read(value.key) };
  }

  /** A picture among inputs, mids and outputs; stacked ones come as a list, top first. */
  async pictures(name: string): Promise<RasterImage[]> {
    const value = this.#value(name);
    if (value.png === undefined) throw new Error(`${this.id}: ${name} is not a picture`);
    const channels = value.shape.at(-1) === 3 && value.shape.length > 2 ? 3 : 1;
    const whole = await readPicture(value.png, channels);
    const count = value.stacked ?? 1;
    const height = whole.height / count;
    const bytes = whole.width * height * channels;
    return Array.from({ length: count }, (_, at) => ({
      width: whole.width,
      height,
      channels,
      data: whole.data.subarray(at * bytes, (at + 1) * bytes),
    }));
  }

  /** A picture that is not stacked. */
  async picture(name: string): Promise<RasterImage> {
    return (await this.pictures(name))[0]!;
  }

  /** A source picture of the case (RGB), such as "page". */
  async image(name: string): Promise<RasterImage> {
    return readPicture(this.imagePath(name).slice(ROOT.length), 3);
  }

  /** Path of a source picture of the case. */
  imagePath(name: string): string {
    const file = this.#record.images?.[name];
    if (file === undefined) throw new Error(`${this.id} has no image ${name}`);
    return ROOT + file;
  }

  /**
   * Weights of the case, or of one of its networks where it has several ("vae" for `vae_weights`). Cases without
   * weights of their own use another case's: see `weightsOf`.
   */
  weights(network?: string): WeightSource {
    const { weights, vae_weights: vae } = this.#record;
    if (network === "vae" && vae !== undefined) return at({ file: vae, prefix: "weights/" });
    if (weights === undefined) return at({ file: this.#record.file, prefix: "weights/" });
    if (network === undefined) return at({ file: this.#record.file, ...(weights as WeightPlace) });
    const place = (weights as Record<string, WeightPlace>)[network];
    if (place === undefined) throw new Error(`${this.id} has no weights for ${network}`);
    return at({ file: this.#record.file, ...place });
  }

  #value(name: string): GoldenValue {
    const { inputs, mids, outputs } = this.#record;
    const value = outputs[name] ?? mids[name] ?? inputs[name];
    if (value === undefined)
      throw new Error(
        `${this.id} has no value ${name}; it has ${Object.keys({ ...inputs, ...mids, ...outputs }).join(", ")}`,
      );
    return value;
  }
}

function at(place: WeightPlace): WeightSource {
  const names = typeof place.file === "string" ? [place.file] : place.file!;
  return union(names.map((name) => prefixView(open(name), place.prefix)));
}

async function readPicture(file: string, channels: 1 | 3): Promise<RasterImage> {
  const picture = sharp(ROOT + file)
    .toColourspace(channels === 1 ? "b-w" : "srgb")
    .removeAlpha();
  const { data, info } = await picture.raw().toBuffer({ resolveWithObject: true });
  if (info.channels !== channels) throw new Error(`${file} has ${info.channels} channels, expected ${channels}`);
  return { width: info.width, height: info.height, channels, data: new Uint8Array(data) };
}

/** The case `id`. */
export function loadGolden(id: string): GoldenCase {
  return new GoldenCase(id);
}

/** Largest absolute difference; NaN and infinity count as infinite. Throws when lengths differ. */
export function maxDifference(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (actual.length !== expected.length) throw new Error(`${actual.length} values, expected ${expected.length}`);
  let largest = 0;
  for (let at = 0; at < expected.length; at++) {
    const difference = Math.abs(actual[at]! - expected[at]!);
    if (!(difference <= largest)) largest = Number.isNaN(difference) ? Infinity : difference;
  }
  return largest;
}

/**
 * Checks that outputs equal a case's values. `pairs` says which output is which value (default: the value's own name).
 * A tolerance "rel" is taken of the largest absolute value, at least 1.
 */
export function expectGolden(
  outputs: Readonly<Record<string, { readonly dims: readonly number[]; readonly data: Float32Array }>>,
  golden: GoldenCase,
  names: readonly (string | readonly [output: string, value: string])[],
  tolerance: number,
): void {
  for (const one of names) {
    const [output, value] = typeof one === "string" ? [one, one] : one;
    const expected = golden.tensor(value);
    const actual = outputs[output];
    expect(actual?.dims, `${golden.id} ${value}: dims`).toEqual(expected.dims);
    const difference = maxDifference(actual!.data, expected.data);
    report(golden.id, value, difference, tolerance);
    expect(difference, `${golden.id} ${value}: largest difference`).toBeLessThanOrEqual(tolerance);
  }
}

/** With COBRA_GOLDEN_REPORT=<file> every comparison is written there, one line of JSON each. */
function report(id: string, value: string, difference: number, tolerance: number): void {
  const path = process.env["COBRA_GOLDEN_REPORT"];
  if (path !== undefined && path !== "")
    appendFileSync(path, `${JSON.stringify({ id, value, difference, tolerance })}\n`);
}
