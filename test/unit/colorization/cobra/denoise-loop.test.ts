/** The denoising of a batch: what a page gives does not depend on its neighbours, and pages may come and go. */
import { beforeAll, describe, expect, it } from "vitest";
import { Tensor } from "../../../../src/binding/index.js";
import { DenoiseLoop } from "../../../../src/colorization/cobra/denoise-loop.js";
import { solverSteps } from "../../../../src/colorization/cobra/solver.js";
import { Networks, type DenoiserConditions } from "../../../../src/colorization/networks/networks.js";
import { openModelPackage, type ModelPackage } from "../../../../src/model/package.js";
import { networkInputs } from "../../../../src/model/network-inputs.js";
import { TINY_MODEL } from "../../../support/shared-models.js";

let model: ModelPackage;
let dims: Readonly<Record<string, readonly number[]>>;
const STYLE = "line + shadow" as const;

beforeAll(async () => {
  model = await openModelPackage(TINY_MODEL, { verify: false });
  const [width, height] = model.manifest.buckets[0]!;
  dims = networkInputs(model.manifest, { width, height }, 2).denoiser;
});

/** Numbers of a page, others for each. */
function numbers(page: number, name: string, scale = 1): Float32Array {
  const count = dims[name]!.reduce((product, dim) => product * dim, 1);
  const shift = [...name].reduce((sum, letter) => sum + letter.charCodeAt(0), page * 101);
  return Float32Array.from({ length: count }, (_, i) => scale * Math.sin(shift + i * 0.7391));
}

/** The inputs of some pages, side by side. */
function batch(pages: readonly number[], name: string, scale?: number): Tensor {
  const parts = pages.map((page) => (name === "resolution" ? resolution() : numbers(page, name, scale)));
  const all = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  parts.reduce((at, part) => (all.set(part, at), at + part.length), 0);
  return Tensor.from("float32", all, [pages.length, ...dims[name]!.slice(1)]);
}

function resolution(): Float32Array {
  const [width, height] = model.manifest.buckets[0]!;
  return Float32Array.of(height, 2 * width);
}

function conditionsOf(pages: readonly number[]): DenoiserConditions {
  return {
    lineLatent: batch(pages, "line_latent"),
    hintLatent: batch(pages, "hint_latent"),
    hintMask: batch(pages, "hint_mask", 0.5),
    resolution: batch(pages, "resolution"),
    referenceKv: batch(pages, "reference_kv", 0.3),
  };
}

async function open(
  networks: Networks,
  pages: readonly number[],
  from: { latent: Float32Array; clean: Float32Array }[] = [],
): Promise<DenoiseLoop> {
  const session = await networks.session("denoiser", STYLE);
  const upload = async (arrays: readonly Float32Array[]): Promise<Tensor> => {
    const all = new Float32Array(arrays.reduce((sum, array) => sum + array.length, 0));
    arrays.reduce((at, array) => (all.set(array, at), at + array.length), 0);
    return Tensor.upload(session, "float32", all, [arrays.length, ...dims["latent"]!.slice(1)]);
  };
  const start = await upload(
    from.length > 0 ? from.map(({ latent }) => latent) : pages.map((page) => numbers(page, "latent")),
  );
  const previous = from.length > 0 ? await upload(from.map(({ clean }) => clean)) : undefined;
  return DenoiseLoop.open(networks, STYLE, conditionsOf(pages), start, previous);
}

function rows(tensor: Tensor): Float32Array[] {
  const size = (tensor.data as Float32Array).length / tensor.dims[0]!;
  return Array.from({ length: tensor.dims[0]! }, (_, row) =>
    (tensor.data as Float32Array).slice(row * size, (row + 1) * size),
  );
}

/** What one page gives alone. */
async function alone(networks: Networks, page: number, steps: number): Promise<Float32Array> {
  using loop = await open(networks, [page]);
  expect(await loop.run([solverSteps(steps)])).toBe(steps);
  using latent = loop.finish();
  return (latent.data as Float32Array).slice();
}

describe("a batch", () => {
  it.each([1, 2, 5])("of %i pages gives each page the bytes that it gets alone", async (count) => {
    using networks = new Networks(model, { intraOpThreads: 2 });
    const pages = Array.from({ length: count }, (_, page) => page);
    using loop = await open(networks, pages);
    const schedule = solverSteps(3);
    expect(await loop.run(pages.map(() => schedule))).toBe(3);
    using latent = loop.finish();
    for (const [page, row] of rows(latent).entries())
      expect(Buffer.from(row.buffer).equals(Buffer.from((await alone(networks, page, 3)).buffer))).toBe(true);
  });

  it("lets a page join another that has taken steps, and go on alone when that one is done", async () => {
    using networks = new Networks(model, { intraOpThreads: 2 });
    using first = await open(networks, [0]);
    const schedule = solverSteps(4);
    const taken = await first.run([schedule.slice(0, 2)]);
    const before = { latent: rows(first.latent)[0]!, clean: rows(first.clean)[0]! };
    const fresh = { latent: numbers(1, "latent"), clean: new Float32Array(before.latent.length) };
    using both = await open(networks, [0, 1], [before, fresh]);
    const left = 4 - taken;
    await both.run([schedule.slice(taken), schedule.slice(0, left)]);
    const joined = { latent: rows(both.latent)[1]!, clean: rows(both.clean)[1]! };
    expect(rows(both.latent)[0]).toEqual(await alone(networks, 0, 4));
    using last = await open(networks, [1], [joined]);
    await last.run([schedule.slice(left)]);
    expect(rows(last.latent)[0]).toEqual(await alone(networks, 1, 4));
  });

  it("lets another's steps go between its own where it yields, and loses none", async () => {
    using networks = new Networks(model, { intraOpThreads: 2 });
    using one = await open(networks, [0]);
    using two = await open(networks, [1]);
    const schedule = solverSteps(50);
    const order: string[] = [];
    const run = (loop: DenoiseLoop, name: string): Promise<number> =>
      loop.run([schedule], { yields: true, onStep: (done) => order.push(`${name}${done}`) });
    expect(await Promise.all([run(one, "a"), run(two, "b")])).toEqual([50, 50]);
    expect(order.indexOf("b1")).toBeLessThan(order.indexOf("a50"));
    expect(order.filter((step) => step.startsWith("a"))).toEqual(schedule.map((_, step) => `a${step + 1}`));
    expect(rows(one.latent)[0]).toEqual(await alone(networks, 0, 50));
    expect(rows(two.latent)[0]).toEqual(await alone(networks, 1, 50));
  });

  it("can be cancelled between steps, and goes on where it was", async () => {
    using networks = new Networks(model, { intraOpThreads: 2 });
    using loop = await open(networks, [3]);
    const schedule = solverSteps(3);
    const stop = new AbortController();
    const told: number[] = [];
    const onStep = (done: number): void => {
      told.push(done);
      stop.abort("enough");
    };
    await expect(loop.run([schedule], { onStep, signal: stop.signal })).rejects.toBe("enough");
    const taken = told.at(-1)!;
    await loop.run([schedule.slice(taken)]);
    expect(rows(loop.latent)[0]).toEqual(await alone(networks, 3, 3));
  });
});

it("the solver needs no session beside a denoiser on the host", async () => {
  using networks = new Networks(model, { deviceId: 1 });
  const { session, solver } = await networks.denoiser(STYLE);
  expect([session.device.name, solver]).toEqual(["cpu:1", undefined]);
});
