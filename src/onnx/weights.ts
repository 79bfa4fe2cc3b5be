/**
 * Named weights. A `WeightSource` gives tensors by name; `Weights` is a view of one that records what a network asked
 * for, so that every missing, wrongly shaped and unused tensor is listed by name in one error.
 */
import { ModelError } from "../errors.js";
import { elementCount } from "./tensor-data.js";
import { quotedName, shownLines, shownName } from "../text/shown.js";

/** Where weights come from: a file, a generator, or a combination. */
export interface WeightSource {
  /** What it is, for messages: a path, "random weights (seed 1)". */
  readonly origin: string;
  /** All names it holds; undefined when it makes a tensor for any name. */
  names(): readonly string[] | undefined;
  /** Shape of a tensor, "any" when it is made in the shape asked for, undefined when there is none. */
  dims(name: string): readonly number[] | "any" | undefined;
  /**
   * The tensor's values as float32, row major. Read again at each call. `dims` are the shape from `dims()` or the one
   * wanted.
   */
  read(name: string, dims: readonly number[]): Float32Array;
  /** What a tensor is made of, where that is known: see `Origin`. Undefined: a tensor of its own. */
  originOf?(name: string, dims: readonly number[]): Origin | undefined;
}

/**
 * A tensor of a source that others have too: `base`'s own tensor of the same name and, with `adapter`, a product added
 * to it.
 */
interface Origin {
  readonly base: WeightSource;
  /** base + scale * up down, with `down` [rank, in] and `up` [out, rank]. */
  readonly adapter?: {
    readonly source: WeightSource;
    readonly down: string;
    readonly up: string;
    readonly rank: number;
    readonly scale: number;
  };
}

/** A tensor whose values are read only when they are needed. */
export interface WeightTensor {
  /** Unique in a model: the source's label and the tensor's name, with a suffix for what was done to it. */
  readonly name: string;
  readonly dims: readonly number[];
  /** Whether other sources of the same base give the same tensor. */
  readonly shared?: boolean;
  /** The same tensor as a sum: a shared matrix and a product of two smaller ones of its own. */
  readonly sum?: { readonly base: WeightTensor; readonly left: WeightTensor; readonly right: WeightTensor };
  data(): Float32Array;
}

interface Book {
  readonly used: Set<string>;
  readonly faults: Map<string, string>;
}

/** See the file's head. */
export class Weights {
  readonly #book: Book;
  constructor(
    readonly source: WeightSource,
    /** Goes before names in graphs, so that two sources do not collide. */
    readonly label: string,
    readonly prefix = "",
    book?: Book,
  ) {
    this.#book = book ?? { used: new Set(), faults: new Map() };
  }

  /** The weights whose names begin with `prefix`, under the rest of their names. Shares the book. */
  scope(prefix: string): Weights {
    return new Weights(this.source, this.label, `${this.prefix}${prefix}.`, this.#book);
  }

  /** True when the source has the tensor (a generator has every one). */
  has(name: string): boolean {
    return this.source.dims(this.prefix + name) !== undefined;
  }

  /**
   * A tensor of the shape `dims`. A missing one or another shape goes into the book (see `check`) and gives zeros, so
   * that all faults of a network come to light together.
   */
  tensor(name: string, dims: readonly number[]): WeightTensor {
    const full = this.prefix + name;
    const found = this.source.dims(full);
    this.#book.used.add(full);
    if (found === undefined) this.#book.faults.set(full, `missing, expected [${dims.join(", ")}]`);
    else if (found !== "any" && found.join() !== dims.join())
      this.#book.faults.set(full, `has the shape [${found.join(", ")}], expected [${dims.join(", ")}]`);
    const faulty = this.#book.faults.has(full);
    const data = (): Float32Array =>
      faulty ? new Float32Array(elementCount(dims)) : readFinite(this.source, full, dims);
    const own = { name: `${this.label}/${full}`, dims, data };
    const origin = faulty ? undefined : this.source.originOf?.(full, dims);
    if (origin === undefined) return own;
    return origin.adapter === undefined ? { ...own, shared: true } : withSum(own, full, origin);
  }

  /**
   * Marks a tensor as known and not needed, whether it is there or not. A name ending in `.` covers all that begin with
   * it.
   */
  skip(name: string): void {
    const full = this.prefix + name;
    this.#book.used.add(full);
    if (full.endsWith("."))
      for (const one of this.source.names() ?? []) if (one.startsWith(full)) this.#book.used.add(one);
  }

  /** Names that the source has, that begin with this view's prefix and that nobody asked for. Empty for generators. */
  unused(): string[] {
    return (this.source.names() ?? [])
      .filter((name) => name.startsWith(this.prefix) && !this.#book.used.has(name))
      .sort();
  }

  /**
   * Throws ModelError ERR_MODEL_WEIGHTS that lists every missing and wrongly shaped tensor and, unless `allowUnused`,
   * every unused one. Call it when all networks that share the source are built.
   */
  check(options: { allowUnused?: boolean } = {}): void {
    const faulty = [...this.#book.faults].map(([name, fault]) => `${shownName(name)}: ${fault}`);
    const unused = options.allowUnused === true ? [] : this.unused();
    const lines = [...faulty, ...unused.map((name) => `${shownName(name)}: is not part of the network`)];
    if (lines.length === 0) return;
    throw new ModelError(
      "ERR_MODEL_WEIGHTS",
      `the weights of ${this.label} from ${this.source.origin} do not fit (${lines.length}):\n${shownLines(lines)}`,
      { remedy: "check the config and the file" },
    );
  }
}

/**
 * A tensor's values. One that is no number would make every picture nothing, so it is an error that names the tensor.
 */
function readFinite(source: WeightSource, name: string, dims: readonly number[]): Float32Array {
  const values = source.read(name, dims);
  for (let at = 0; at < values.length; at++) {
    if (Number.isFinite(values[at])) continue;
    throw new ModelError(
      "ERR_MODEL_WEIGHTS",
      `the tensor ${quotedName(name)} of ${source.origin} holds ${values[at]} (value ${at} of ${values.length}), and weights must be finite numbers; the file is damaged`,
      { remedy: "get it again" },
    );
  }
  return values;
}

/** A tensor of a base with a product added, as the sum of both. Matrices only: what else has an adapter is small. */
function withSum(own: WeightTensor, full: string, { base, adapter }: Origin): WeightTensor {
  if (own.dims.length !== 2 || adapter === undefined) return own;
  const [rows, columns] = own.dims as [number, number];
  const { source, down, up, rank, scale } = adapter;
  const part = (name: string, dims: readonly number[], data: () => Float32Array): WeightTensor => ({
    name: `${own.name}#${name}`,
    dims,
    data,
  });
  return {
    ...own,
    sum: {
      base: { ...part("base", own.dims, () => readFinite(base, full, own.dims)), shared: true },
      left: part("up", [rows, rank], () => readFinite(source, up, [rows, rank]).map((value) => scale * value)),
      right: part("down", [rank, columns], () => readFinite(source, down, [rank, columns])),
    },
  };
}

/** A tensor made from others when it is needed. `suffix` distinguishes it from `base` in a graph. */
export function derive(
  base: WeightTensor,
  suffix: string,
  dims: readonly number[],
  values: (data: Float32Array) => Float32Array,
): WeightTensor {
  return {
    name: `${base.name}#${suffix}`,
    dims,
    data: () => values(base.data()),
    ...(base.shared === true ? { shared: true } : {}),
  };
}

/**
 * A linear layer's weight [out, in] as the right side of a MatMul: [in, out]. Of a sum, both parts: (base + left
 * right)^T = base^T + right^T left^T.
 */
export function transposed(weight: WeightTensor): WeightTensor {
  const { sum } = weight;
  const whole = transposedAlone(weight);
  return sum === undefined
    ? whole
    : { ...whole, sum: { base: transposed(sum.base), left: transposed(sum.right), right: transposed(sum.left) } };
}

function transposedAlone(weight: WeightTensor): WeightTensor {
  const [rows, columns] = weight.dims as [number, number];
  return derive(weight, "transposed", [columns, rows], (data) => {
    const result = new Float32Array(data.length);
    for (let row = 0; row < rows; row++)
      for (let column = 0; column < columns; column++) result[column * rows + row] = data[row * columns + column]!;
    return result;
  });
}
