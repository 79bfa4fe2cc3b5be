/** Values that an unpickler returns: plain values, plain containers and whatever its globals make. */

/** A list. */
export class PickleList {
  readonly items: unknown[] = [];
}

/** A dictionary, `OrderedDict` too, in the order of its entries. A key that comes twice has the last value. */
export class PickleDict {
  readonly entries = new Map<unknown, unknown>();
}

/** A tuple. */
export class PickleTuple {
  constructor(readonly items: readonly unknown[]) {}
}

/** A name of a Python module that a pickle may call, and what calling it gives here. Nothing of Python is involved. */
export class PickleGlobal {
  constructor(
    /** "torch._utils._rebuild_tensor_v2". */
    readonly name: string,
    /** Makes the value; undefined for names that are only mentioned, such as a storage's class. Throws PickleFault. */
    readonly call?: (args: readonly unknown[]) => unknown,
  ) {}
}

/** Something in a pickle that is refused; the message says what. */
export class PickleFault extends Error {
  /** @param remedy what to do about it, where that is not plain from the message */
  constructor(
    message: string,
    readonly remedy?: string,
  ) {
    super(message);
  }
}

/** What a value is, for messages. */
export function kindOf(value: unknown): string {
  if (value === null) return "None";
  if (value instanceof PickleList) return "a list";
  if (value instanceof PickleDict) return "a dict";
  if (value instanceof PickleTuple) return `a tuple of ${value.items.length}`;
  if (value instanceof PickleGlobal) return value.name;
  if (value instanceof Uint8Array) return "bytes";
  if (typeof value === "object") return "a tensor or storage";
  return typeof value === "string"
    ? `the text ${JSON.stringify(value.slice(0, 40))}`
    : `the ${typeof value} ${String(value)}`;
}

/** What to do about a checkpoint of the other byte order. */
export const RESAVE_LITTLE_ENDIAN = "save it again on a little-endian machine";
