/**
 * A restricted unpickler (Python's pickle protocols 0 to 5; opcodes: Lib/pickletools.py). It knows plain values and
 * containers and the globals that it is given; every other global, every class and every extension is refused by name.
 * Nothing of a pickle is ever executed: a "call" is a lookup in the table of globals.
 */
import { quotedName } from "../../../text/shown.js";
import { PickleDict, PickleFault, PickleGlobal, PickleList, PickleTuple, kindOf } from "./pickle-values.js";
import type { PickleInput } from "./pickle-input.js";

/** What an unpickler may resolve. */
export interface PickleRules {
  /** The global of that name; undefined refuses it. */
  global(module: string, name: string): PickleGlobal | undefined;
  /** The value of a persistent id, which PyTorch uses for storages. Throws PickleFault. */
  persistent(id: unknown): unknown;
}

const MARK = Symbol("mark");
/** Longest name of a module or class. */
const MAX_LINE_BYTES = 4096;
/** A text of a checkpoint is a name. */
const MAX_VALUE_BYTES = 2 ** 20;
const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
/** More values than any checkpoint has; a pickle that makes more is forged. */
const MAX_VALUES = 20_000_000;

/** Reads one pickle and leaves the input behind it. Throws PickleFault. */
export function unpickle(input: PickleInput, rules: PickleRules): unknown {
  return new Unpickler(input, rules).load();
}

class Unpickler {
  readonly #input: PickleInput;
  readonly #rules: PickleRules;
  readonly #stack: unknown[] = [];
  readonly #memo = new Map<number, unknown>();
  #values = 0;

  constructor(input: PickleInput, rules: PickleRules) {
    this.#input = input;
    this.#rules = rules;
  }

  load(): unknown {
    for (;;) {
      const opcode = this.#bytes(1)[0]!;
      if (opcode === 0x2e) return this.#pop(); // STOP
      const run = OPCODES[opcode];
      if (run === undefined)
        throw new PickleFault(
          `it has the opcode 0x${opcode.toString(16).padStart(2, "0")} at byte ${this.#input.position - 1}, which plain data never needs`,
        );
      run(this);
    }
  }

  // Reading.
  #bytes(count: number): Uint8Array {
    const bytes = this.#input.take(count);
    if (bytes === undefined) throw new PickleFault(`it ends in the middle, at byte ${this.#input.position}`);
    return bytes;
  }
  #view(count: number): DataView {
    const bytes = this.#bytes(count);
    return new DataView(bytes.buffer, bytes.byteOffset, count);
  }
  uint(size: 1 | 2 | 4): number {
    const view = this.#view(size);
    return size === 1 ? view.getUint8(0) : size === 2 ? view.getUint16(0, true) : view.getUint32(0, true);
  }
  int32(): number {
    return this.#view(4).getInt32(0, true);
  }
  length8(): number {
    const length = this.#view(8).getBigUint64(0, true);
    if (length > BigInt(Number.MAX_SAFE_INTEGER)) throw new PickleFault(`it claims a value of ${length} bytes`);
    return Number(length);
  }
  float(): number {
    return this.#view(8).getFloat64(0, false);
  }
  text(length: number): string {
    const bytes = this.#value(length);
    try {
      return UTF8.decode(bytes);
    } catch {
      throw new PickleFault(`it has a text that is not UTF-8, before byte ${this.#input.position}`);
    }
  }
  latin(length: number): string {
    return Buffer.from(this.#value(length)).toString("latin1");
  }
  copy(length: number): Uint8Array {
    return new Uint8Array(this.#value(length));
  }
  /** The bytes of a text or of a value of bytes. */
  #value(length: number): Uint8Array {
    if (length > MAX_VALUE_BYTES && this.#input.position + length <= this.#input.end)
      throw new PickleFault(`it has a text or bytes of ${length} bytes; at most ${MAX_VALUE_BYTES} are read`);
    return this.#bytes(length);
  }
  /** A little-endian integer in two's complement: a number where that is exact, else a bigint. */
  long(length: number): number | bigint {
    const bytes = this.#bytes(length);
    let value = 0n;
    for (let index = length - 1; index >= 0; index--) value = (value << 8n) | BigInt(bytes[index]!);
    return small(length === 0 ? 0n : BigInt.asIntN(8 * length, value));
  }
  line(): string {
    const line = this.#input.line(MAX_LINE_BYTES);
    if (line === undefined) throw new PickleFault(`it has a text line without an end at byte ${this.#input.position}`);
    return Buffer.from(line).toString("utf8");
  }

  // The stack.
  push(value: unknown): void {
    if (++this.#values > MAX_VALUES) throw new PickleFault(`it makes more than ${MAX_VALUES} values`);
    this.#stack.push(value);
  }
  mark(): void {
    this.push(MARK);
  }
  #pop(): unknown {
    const value = this.#stack.pop();
    if (value === undefined || value === MARK) throw new PickleFault("it takes a value that is not there");
    return value;
  }
  pop(): unknown {
    return this.#pop();
  }
  drop(): void {
    if (this.#stack.pop() === undefined) throw new PickleFault("it takes a value that is not there");
  }
  top(): unknown {
    const value = this.#stack.at(-1);
    if (value === undefined || value === MARK) throw new PickleFault("it takes a value that is not there");
    return value;
  }
  toMark(): unknown[] {
    const at = this.#stack.lastIndexOf(MARK);
    if (at < 0) throw new PickleFault("it takes values up to a mark that is not there");
    return this.#stack.splice(at).slice(1);
  }
  popMany(count: number): unknown[] {
    return Array.from({ length: count }, () => this.#pop()).reverse();
  }

  // The memo.
  remember(key: number = this.#memo.size): void {
    this.#memo.set(key, this.top());
  }
  recall(key: number): void {
    if (!this.#memo.has(key)) throw new PickleFault(`it names a value ${key} that was never remembered`);
    this.push(this.#memo.get(key));
  }

  // Containers.
  append(items: readonly unknown[]): void {
    const list = this.top();
    if (!(list instanceof PickleList)) throw new PickleFault(`it appends to ${kindOf(list)}`);
    for (const item of items) list.items.push(item);
  }
  setItems(flat: readonly unknown[]): void {
    setItems(this.top(), flat);
  }

  // Names, calls.
  global(module: string, name: string): void {
    const found = this.#rules.global(module, name);
    if (found === undefined)
      throw new PickleFault(
        `it names ${quotedName(`${module}.${name}`)}, which is neither a tensor nor a plain container; nothing of it was executed`,
      );
    this.push(found);
  }
  call(): void {
    const args = this.#pop();
    const callable = this.#pop();
    if (!(callable instanceof PickleGlobal) || callable.call === undefined || !(args instanceof PickleTuple))
      throw new PickleFault(`it calls ${kindOf(callable)} with ${kindOf(args)}`);
    this.push(callable.call(args.items));
  }
  instance(name: string): never {
    throw new PickleFault(
      `it makes an instance of ${quotedName(name)}, which is neither a tensor nor a plain container; nothing of it was executed`,
    );
  }
  /** Attributes: PyTorch gives a state dict its `_metadata` this way, which says nothing about tensors. */
  build(): void {
    const state = this.#pop();
    const target = this.top();
    if (!(target instanceof PickleDict) || !(state instanceof PickleDict))
      throw new PickleFault(`it sets attributes of ${kindOf(target)}`);
    for (const name of state.entries.keys())
      if (name !== "_metadata") throw new PickleFault(`it sets the attribute ${kindOf(name)} of a dict`);
  }
  persistent(id: unknown): void {
    this.push(this.#rules.persistent(id));
  }
  /** The bytes of a frame are read like any others. */
  frame(): void {
    this.#bytes(8);
  }
  protocol(): void {
    const version = this.uint(1);
    if (version > 5) throw new PickleFault(`it is written in pickle protocol ${version}; 0 to 5 are known`);
  }
}

/** Keys and values in turn. */
export function setItems(dict: unknown, flat: readonly unknown[]): void {
  if (!(dict instanceof PickleDict)) throw new PickleFault(`it sets entries of ${kindOf(dict)}`);
  if (flat.length % 2 !== 0) throw new PickleFault("it sets a key without a value");
  for (let index = 0; index < flat.length; index += 2) dict.entries.set(flat[index], flat[index + 1]);
}

function small(value: bigint): number | bigint {
  return value >= BigInt(Number.MIN_SAFE_INTEGER) && value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : value;
}

function wholeNumber(text: string): number | bigint | boolean {
  if (text === "00") return false;
  if (text === "01") return true;
  if (!/^-?\d{1,400}L?$/u.test(text))
    throw new PickleFault(`it has ${JSON.stringify(text.slice(0, 40))} for a whole number`);
  return small(BigInt(text.replace("L", "")));
}

/** Texts of protocol 0 stand in quotes. */
function quoted(text: string): string {
  const inner = /^'(.*)'$/su.exec(text)?.[1] ?? /^"(.*)"$/su.exec(text)?.[1];
  if (inner === undefined || inner.includes("\\"))
    throw new PickleFault(`it has ${JSON.stringify(text.slice(0, 40))} for a quoted text`);
  return inner;
}

function listOf(items: readonly unknown[]): PickleList {
  const list = new PickleList();
  for (const item of items) list.items.push(item);
  return list;
}

function dictOf(flat: readonly unknown[]): PickleDict {
  const dict = new PickleDict();
  setItems(dict, flat);
  return dict;
}

type Run = (machine: Unpickler) => void;
const char = (letter: string): number => letter.charCodeAt(0);

/** By opcode. What is missing is refused: extensions, sets, buffers outside the pickle. */
const OPCODES: Readonly<Partial<Record<number, Run>>> = {
  0x80: (m) => m.protocol(),
  0x95: (m) => m.frame(),
  // Plain values.
  [char("N")]: (m) => m.push(null),
  0x88: (m) => m.push(true),
  0x89: (m) => m.push(false),
  [char("I")]: (m) => m.push(wholeNumber(m.line())),
  [char("L")]: (m) => m.push(wholeNumber(m.line())),
  [char("J")]: (m) => m.push(m.int32()),
  [char("K")]: (m) => m.push(m.uint(1)),
  [char("M")]: (m) => m.push(m.uint(2)),
  0x8a: (m) => m.push(m.long(m.uint(1))),
  0x8b: (m) => m.push(m.long(longLength(m.int32()))),
  [char("F")]: (m) => m.push(Number(m.line())),
  [char("G")]: (m) => m.push(m.float()),
  [char("S")]: (m) => m.push(quoted(m.line())),
  [char("T")]: (m) => m.push(m.latin(m.uint(4))),
  [char("U")]: (m) => m.push(m.latin(m.uint(1))),
  [char("V")]: (m) => m.push(m.line()),
  [char("X")]: (m) => m.push(m.text(m.uint(4))),
  0x8c: (m) => m.push(m.text(m.uint(1))),
  0x8d: (m) => m.push(m.text(m.length8())),
  [char("B")]: (m) => m.push(m.copy(m.uint(4))),
  [char("C")]: (m) => m.push(m.copy(m.uint(1))),
  0x8e: (m) => m.push(m.copy(m.length8())),
  0x96: (m) => m.push(m.copy(m.length8())),
  // Containers.
  [char("]")]: (m) => m.push(new PickleList()),
  [char("l")]: (m) => m.push(listOf(m.toMark())),
  [char("a")]: (m) => m.append(m.popMany(1)),
  [char("e")]: (m) => m.append(m.toMark()),
  [char("}")]: (m) => m.push(new PickleDict()),
  [char("d")]: (m) => m.push(dictOf(m.toMark())),
  [char("s")]: (m) => m.setItems(m.popMany(2)),
  [char("u")]: (m) => m.setItems(m.toMark()),
  [char(")")]: (m) => m.push(new PickleTuple([])),
  [char("t")]: (m) => m.push(new PickleTuple(m.toMark())),
  0x85: (m) => m.push(new PickleTuple(m.popMany(1))),
  0x86: (m) => m.push(new PickleTuple(m.popMany(2))),
  0x87: (m) => m.push(new PickleTuple(m.popMany(3))),
  // Stack and memo.
  [char("(")]: (m) => m.mark(),
  [char("0")]: (m) => m.drop(),
  [char("1")]: (m) => void m.toMark(),
  [char("2")]: (m) => m.push(m.top()),
  [char("p")]: (m) => m.remember(Number(wholeNumber(m.line()))),
  [char("q")]: (m) => m.remember(m.uint(1)),
  [char("r")]: (m) => m.remember(m.uint(4)),
  0x94: (m) => m.remember(),
  [char("g")]: (m) => m.recall(Number(wholeNumber(m.line()))),
  [char("h")]: (m) => m.recall(m.uint(1)),
  [char("j")]: (m) => m.recall(m.uint(4)),
  // Names and what is made with them.
  [char("c")]: (m) => m.global(m.line(), m.line()),
  0x93: (m) => {
    const [module, name] = m.popMany(2);
    if (typeof module !== "string" || typeof name !== "string")
      throw new PickleFault(`it takes ${kindOf(name)} of ${kindOf(module)} for a name`);
    m.global(module, name);
  },
  [char("i")]: (m) => m.instance(`${m.line()}.${m.line()}`),
  [char("o")]: (m) => m.instance(kindOf(m.toMark()[0])),
  0x81: (m) => m.instance(kindOf(m.popMany(2)[0])),
  0x92: (m) => m.instance(kindOf(m.popMany(3)[0])),
  [char("R")]: (m) => m.call(),
  [char("b")]: (m) => m.build(),
  [char("P")]: (m) => m.persistent(m.line()),
  [char("Q")]: (m) => m.persistent(m.pop()),
};

function longLength(length: number): number {
  if (length < 0 || length > 1024) throw new PickleFault(`it claims a whole number of ${length} bytes`);
  return length;
}
