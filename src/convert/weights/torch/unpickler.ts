/**
 * A restricted unpickler (Python's pickle protocols 0 to 5; opcodes: Lib/pickletools.py). It knows plain values and
 * containers and the globals that it is given; every other global, every class and every extension is refused by name.
 * Nothing of a pickle is ever executed: a "call" is a lookup in the table of globals.
 */
import { quotedName } from "../../../text/shown.js";
import { PickleDict, PickleFault, PickleGlobal, PickleList, PickleTuple, kindOf } from "./pickle-values.js";
import type { PickleInput } from "./pickle-input.js";
import { PickleReader } from "./pickle-reader.js";

/** What an unpickler may resolve. */
export interface PickleRules {
  /** The global of that name; undefined refuses it. */
  global(module: string, name: string): PickleGlobal | undefined;
  /** The value of a persistent id, which PyTorch uses for storages. Throws PickleFault. */
  persistent(id: unknown): unknown;
}

const MARK = Symbol("mark");
/** More values than any checkpoint has; a pickle that makes more is forged. */
const MAX_VALUES = 20_000_000;

/** Reads one pickle and leaves the input behind it. Throws PickleFault. */
export function unpickle(input: PickleInput, rules: PickleRules): unknown {
  return new Unpickler(input, rules).load();
}

class Unpickler {
  readonly read: PickleReader;
  readonly #rules: PickleRules;
  readonly #stack: unknown[] = [];
  readonly #memo = new Map<number, unknown>();
  #values = 0;

  constructor(input: PickleInput, rules: PickleRules) {
    this.read = new PickleReader(input);
    this.#rules = rules;
  }

  load(): unknown {
    for (;;) {
      const opcode = this.read.bytes(1)[0]!;
      if (opcode === 0x2e) return this.#pop(); // STOP
      const run = OPCODES[opcode];
      if (run === undefined)
        throw new PickleFault(
          `it has the opcode 0x${opcode.toString(16).padStart(2, "0")} at byte ${this.read.position - 1}, which plain data never needs`,
        );
      run(this);
    }
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
    this.read.bytes(8);
  }
  protocol(): void {
    const version = this.read.uint(1);
    if (version > 5) throw new PickleFault(`it is written in pickle protocol ${version}; 0 to 5 are known`);
  }
}

/** Keys and values in turn. */
export function setItems(dict: unknown, flat: readonly unknown[]): void {
  if (!(dict instanceof PickleDict)) throw new PickleFault(`it sets entries of ${kindOf(dict)}`);
  if (flat.length % 2 !== 0) throw new PickleFault("it sets a key without a value");
  for (let index = 0; index < flat.length; index += 2) dict.entries.set(flat[index], flat[index + 1]);
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
  [char("I")]: (m) => m.push(m.read.wholeNumber()),
  [char("L")]: (m) => m.push(m.read.wholeNumber()),
  [char("J")]: (m) => m.push(m.read.int32()),
  [char("K")]: (m) => m.push(m.read.uint(1)),
  [char("M")]: (m) => m.push(m.read.uint(2)),
  0x8a: (m) => m.push(m.read.long(m.read.uint(1))),
  0x8b: (m) => m.push(m.read.long(m.read.int32())),
  [char("F")]: (m) => m.push(Number(m.read.line())),
  [char("G")]: (m) => m.push(m.read.float()),
  [char("S")]: (m) => m.push(m.read.quoted()),
  [char("T")]: (m) => m.push(m.read.latin(m.read.uint(4))),
  [char("U")]: (m) => m.push(m.read.latin(m.read.uint(1))),
  [char("V")]: (m) => m.push(m.read.line()),
  [char("X")]: (m) => m.push(m.read.text(m.read.uint(4))),
  0x8c: (m) => m.push(m.read.text(m.read.uint(1))),
  0x8d: (m) => m.push(m.read.text(m.read.length8())),
  [char("B")]: (m) => m.push(m.read.copy(m.read.uint(4))),
  [char("C")]: (m) => m.push(m.read.copy(m.read.uint(1))),
  0x8e: (m) => m.push(m.read.copy(m.read.length8())),
  0x96: (m) => m.push(m.read.copy(m.read.length8())),
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
  [char("p")]: (m) => m.remember(Number(m.read.wholeNumber())),
  [char("q")]: (m) => m.remember(m.read.uint(1)),
  [char("r")]: (m) => m.remember(m.read.uint(4)),
  0x94: (m) => m.remember(),
  [char("g")]: (m) => m.recall(Number(m.read.wholeNumber())),
  [char("h")]: (m) => m.recall(m.read.uint(1)),
  [char("j")]: (m) => m.recall(m.read.uint(4)),
  // Names and what is made with them.
  [char("c")]: (m) => m.global(m.read.line(), m.read.line()),
  0x93: (m) => {
    const [module, name] = m.popMany(2);
    if (typeof module !== "string" || typeof name !== "string")
      throw new PickleFault(`it takes ${kindOf(name)} of ${kindOf(module)} for a name`);
    m.global(module, name);
  },
  [char("i")]: (m) => m.instance(`${m.read.line()}.${m.read.line()}`),
  [char("o")]: (m) => m.instance(kindOf(m.toMark()[0])),
  0x81: (m) => m.instance(kindOf(m.popMany(2)[0])),
  0x92: (m) => m.instance(kindOf(m.popMany(3)[0])),
  [char("R")]: (m) => m.call(),
  [char("b")]: (m) => m.build(),
  [char("P")]: (m) => m.persistent(m.read.line()),
  [char("Q")]: (m) => m.persistent(m.pop()),
};
