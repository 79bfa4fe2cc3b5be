/**
 * Named weights. A `WeightSource` gives tensors by name; `Weights` is a view of one that keeps book of what a network
 * asked for, so that every missing, wrongly shaped and unused tensor is listed by name in one error.
 */
import { ModelError } from "../../errors.js";
import { elementCount } from "../builder/tensor-data.js";

/** Where weights come from: a file, a generator, or a combination. */
export interface WeightSource {
  /** What it is, for messages: a path, "random weights (seed 1)". */
  readonly origin: string;
  /** All names it holds; undefined when it makes a tensor for any name. */
  names(): readonly string[] | undefined;
  /** Shape of a tensor, "any" when it is made in the shape asked for, undefined when there is none. */
  dims(name: string): readonly number[] | "any" | undefined;
  /** The tensor's values as float32, row major. Read anew at each call. `dims` are the shape from `dims()` or the one wanted. */
  read(name: string, dims: readonly number[]): Float32Array;
}

/** A tensor whose values are read only when they are needed. */
export interface WeightTensor {
  /** Unique in a model: the source's label and the tensor's name, with a suffix for what was done to it. */
  readonly name: string;
  readonly dims: readonly number[];
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
   * A tensor of the shape `dims`. A missing one or another shape goes into the book (see `check`) and gives zeros, so that all
   * faults of a network come to light together.
   */
  tensor(name: string, dims: readonly number[]): WeightTensor {
    const full = this.prefix + name;
    const found = this.source.dims(full);
    this.#book.used.add(full);
    if (found === undefined) this.#book.faults.set(full, `missing, expected [${dims.join(", ")}]`);
    else if (found !== "any" && found.join() !== dims.join()) this.#book.faults.set(full, `has the shape [${found.join(", ")}], expected [${dims.join(", ")}]`);
    const faulty = this.#book.faults.has(full);
    const data = (): Float32Array => (faulty ? new Float32Array(elementCount(dims)) : this.source.read(full, dims));
    return { name: `${this.label}/${full}`, dims, data };
  }

  /** Marks a tensor as known and not needed, whether it is there or not. A name ending in `.` covers all that begin with it. */
  skip(name: string): void {
    const full = this.prefix + name;
    this.#book.used.add(full);
    if (full.endsWith(".")) for (const one of this.source.names() ?? []) if (one.startsWith(full)) this.#book.used.add(one);
  }

  /** Names that the source has, that begin with this view's prefix and that nobody asked for. Empty for generators. */
  unused(): string[] {
    return (this.source.names() ?? []).filter((name) => name.startsWith(this.prefix) && !this.#book.used.has(name)).sort();
  }

  /**
   * Throws ModelError ERR_MODEL_WEIGHTS that lists every missing and wrongly shaped tensor and, unless `allowUnused`, every
   * unused one. Call it when all networks that share the source are built.
   */
  check(options: { allowUnused?: boolean } = {}): void {
    const lines = [...this.#book.faults].map(([name, fault]) => `  ${name}: ${fault}`);
    if (options.allowUnused !== true) lines.push(...this.unused().map((name) => `  ${name}: is not part of the network`));
    if (lines.length === 0) return;
    throw new ModelError("ERR_MODEL_WEIGHTS", `the weights of ${this.label} from ${this.source.origin} do not fit (${lines.length}); check the config and the file:\n${lines.join("\n")}`);
  }
}

/** A tensor made from others when it is needed. `suffix` tells it from `base` in a graph. */
export function derive(base: WeightTensor, suffix: string, dims: readonly number[], values: (data: Float32Array) => Float32Array): WeightTensor {
  return { name: `${base.name}#${suffix}`, dims, data: () => values(base.data()) };
}

/** A linear layer's weight [out, in] as the right side of a MatMul: [in, out]. */
export function transposed(weight: WeightTensor): WeightTensor {
  const [rows, columns] = weight.dims as [number, number];
  return derive(weight, "transposed", [columns, rows], (data) => {
    const result = new Float32Array(data.length);
    for (let row = 0; row < rows; row++) for (let column = 0; column < columns; column++) result[column * rows + row] = data[row * columns + column]!;
    return result;
  });
}
