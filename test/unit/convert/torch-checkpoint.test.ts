/** PyTorch checkpoints: what PyTorch wrote is read to the bit, what it never writes is refused, nothing is executed. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import yazl from "yazl";
import { messageOf } from "../../../src/errors.js";
import { openWeights } from "../../../src/convert/weights/open-weights.js";
import { TorchCheckpoint } from "../../../src/convert/weights/torch/torch-checkpoint.js";

const DATA = fileURLToPath(new URL("../../golden/data/checkpoints/", import.meta.url));
type Values = Record<string, Record<string, { dims: number[]; data: number[] }>>;
const values = JSON.parse(readFileSync(`${DATA}values.json`, "utf8")) as Values;

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "cobra-torch-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function refusal(...texts: string[]): object {
  return {
    asymmetricMatch: (error: unknown) =>
      (error as { code?: string }).code === "ERR_MODEL_WEIGHTS" &&
      texts.every((text) => messageOf(error).includes(text)),
    toString: () => `ERR_MODEL_WEIGHTS with ${texts.join(" | ")}`,
  };
}

async function everything(path: string): Promise<Values[string]> {
  await using checkpoint = await TorchCheckpoint.open(path);
  return Object.fromEntries(
    checkpoint
      .names()
      .map((name) => [name, { dims: [...checkpoint.dims(name)!], data: Array.from(checkpoint.read(name)) }]),
  );
}

const rounded = (expected: Values[string]): Values[string] =>
  Object.fromEntries(
    Object.entries(expected).map(([name, { dims, data }]) => [name, { dims, data: data.map(Math.fround) }]),
  );

/** Pieces of a pickle: text as its bytes, numbers as they are. */
const pickle = (...parts: (string | number | number[])[]): Uint8Array =>
  Buffer.concat(
    parts.map((part) => (typeof part === "string" ? Buffer.from(part, "latin1") : Buffer.from([part].flat()))),
  );
const text = (value: string): number[] => [0x58, value.length, 0, 0, 0, ...Buffer.from(value)];
const storage = (elements: number, key = "0", type = "FloatStorage"): (string | number | number[])[] => [
  "(",
  text("storage"),
  `ctorch\n${type}\n`,
  text(key),
  text("cpu"),
  0x4a,
  [elements & 255, (elements >> 8) & 255, (elements >> 16) & 255, elements >>> 24],
  "tQ",
];
const int = (value: number): number[] => [
  0x4a,
  value & 255,
  (value >> 8) & 255,
  (value >> 16) & 255,
  (value >> 24) & 255,
];
/** A dict with one tensor "w" of given sizes and strides over a storage of `elements` numbers. */
const tensorPickle = (
  elements: number,
  dims: number[],
  strides: number[],
  offset = 0,
  type = "FloatStorage",
): Uint8Array =>
  pickle(
    [0x80, 2],
    "}",
    text("w"),
    "ctorch._utils\n_rebuild_tensor_v2\n",
    "(",
    ...storage(elements, "0", type),
    int(offset),
    "(",
    ...dims.map(int),
    "t",
    "(",
    ...strides.map(int),
    "t",
    0x89,
    "ccollections\nOrderedDict\n)R",
    "tR",
    "s.",
  );

/** A checkpoint archive of our own making. */
async function archive(
  name: string,
  entries: Record<string, Uint8Array> | readonly (readonly [string, Uint8Array])[],
  compress = false,
): Promise<string> {
  const zip = new yazl.ZipFile();
  const list = Array.isArray(entries) ? (entries as [string, Uint8Array][]) : Object.entries(entries);
  for (const [entry, bytes] of list) zip.addBuffer(Buffer.from(bytes), entry, { compress });
  zip.end();
  const chunks: Buffer[] = [];
  for await (const chunk of zip.outputStream) chunks.push(chunk as Buffer);
  const path = join(folder, name);
  writeFileSync(path, Buffer.concat(chunks));
  return path;
}
const checkpoint = (name: string, data: Uint8Array, tensor = new Uint8Array(16)): Promise<string> =>
  archive(name, { "a/data.pkl": data, "a/byteorder": Buffer.from("little"), "a/data/0": tensor });

describe("checkpoints that PyTorch wrote", () => {
  it.each(["dtypes", "shared", "nested", "ordered", "lone"])("%s.pth", async (name) => {
    expect(await everything(`${DATA}${name}.pth`)).toEqual(rounded(values[name]!));
  });

  it.each(["dtypes", "shared", "nested"])("%s_legacy.pth, the format before 1.6", async (name) => {
    expect(await everything(`${DATA}${name}_legacy.pth`)).toEqual(rounded(values[name]!));
  });

  it.each([3, 4, 5])("pickle protocol %i", async (protocol) => {
    expect(await everything(`${DATA}nested_protocol_${protocol}.pth`)).toEqual(rounded(values["nested"]!));
  });

  it("are opened by what they are, like the other kinds of files", async () => {
    for (const file of ["ordered.pth", "model.safetensors.index.json"]) {
      const source = await openWeights(DATA + file);
      expect(Object.fromEntries(source.names()!.map((name) => [name, Array.from(source.read(name, []))]))).toEqual(
        Object.fromEntries(Object.entries(values["ordered"]!).map(([name, { data }]) => [name, data])),
      );
      source[Symbol.dispose]?.();
      await source[Symbol.asyncDispose]?.();
    }
  });
});

describe("hostile pickles execute nothing", () => {
  it.each([
    ["hostile.pth", "posix.system"],
    ["hostile_legacy.pth", "posix.system"],
    ["with_a_class.pth", "torch.optim.sgd.SGD"],
  ])("%s", async (name, culprit) => {
    await expect(TorchCheckpoint.open(DATA + name)).rejects.toEqual(
      refusal(name, culprit, "nothing of it was executed"),
    );
    expect(existsSync("cobra-hostile-marker")).toBe(false);
  });

  it.each<[string, Uint8Array, string]>([
    ["eval", pickle([0x80, 2], "c__builtin__\neval\n", text("1+1"), 0x85, "R."), "__builtin__.eval"],
    [
      "eval by a stacked name",
      pickle([0x80, 4], text("builtins"), text("eval"), 0x93, text("1"), 0x85, "R."),
      "builtins.eval",
    ],
    ["an old class", pickle("(ios\nsystem\n."), "os.system"],
    ["a class on the stack", pickle([0x80, 2], "(ccollections\nOrderedDict\no."), "makes an instance"],
    ["a new class", pickle([0x80, 2], "ccollections\nOrderedDict\n)", 0x81, "."), "collections.OrderedDict"],
    ["an extension", pickle([0x80, 2], [0x82, 1], "."), "opcode 0x82"],
    ["torch's own loader", pickle([0x80, 2], "ctorch\nload\n", text("/etc/passwd"), 0x85, "R."), "torch.load"],
    ["an attribute of Object", pickle([0x80, 2], "cconstructor\nconstructor\n)R."), "constructor.constructor"],
    ["a name of Object alone", pickle([0x80, 2], "c__proto__\ntoString\n)R."), "__proto__.toString"],
    ["a call of a storage's class", pickle([0x80, 2], "ctorch\nFloatStorage\n)R."), "calls torch.FloatStorage"],
    ["a call of a text", pickle([0x80, 2], text("eval"), ")R."), "calls the text"],
    [
      "a dict passed off as a storage",
      pickle([0x80, 2], "ctorch._utils\n_rebuild_tensor_v2\n(}K\x00))tR."),
      "makes a tensor of a dict",
    ],
    ["a state that is no metadata", pickle([0x80, 2], "}}", text("__class__"), "Nsb."), "sets the attribute"],
    [
      "a view that negates its storage",
      pickle(
        [0x80, 2],
        "ctorch._utils\n_rebuild_tensor_v2\n(",
        ...storage(1, "0", "FloatStorage"),
        int(0),
        "(t(t",
        [0x89],
        "ccollections\nOrderedDict\n)R}",
        text("neg"),
        [0x88],
        "stR.",
      ),
      'a tensor with the text "neg" set',
    ],
    ["a foreign persistent id", pickle([0x80, 2], text("file"), "Q."), "persistent id"],
  ])("%s", async (_, data, text) => {
    await expect(TorchCheckpoint.open(await checkpoint("hostile.pth", data))).rejects.toEqual(
      refusal("hostile.pth", text),
    );
  });
});

describe("damaged and forged pickles", () => {
  it.each<[string, Uint8Array, string]>([
    ["nothing", pickle(), "ends in the middle"],
    ["no end", pickle([0x80, 2], "}"), "ends in the middle"],
    ["protocol 9", pickle([0x80, 9], "}."), "protocol 9"],
    ["an unknown opcode", pickle([0x80, 2], [0xff]), "opcode 0xff"],
    ["an empty stack", pickle([0x80, 2], "."), "not there"],
    ["a mark that is missing", pickle([0x80, 2], "t."), "not there"],
    ["a value never remembered", pickle([0x80, 2], "h\x05."), "never remembered"],
    ["a text of two megabytes", pickle("X\0\0\x20\0", "k".repeat(2 ** 21), "."), "at most 1048576 are read"],
    ["a text that is not UTF-8", pickle([0x58, 1, 0, 0, 0, 0xff], "."), "not UTF-8"],
    [
      "a key of 5000 letters",
      pickle("}X\x88\x13\0\0", "k".repeat(5000), "Ns."),
      `the key "${"k".repeat(200)}"… of 5000 characters`,
    ],
    ["a name of 5000 letters", pickle("X\x88\x13\0\0", "k".repeat(5000), text("n"), [0x93], "."), `k"…, which`],
    ["a tensor of 65 axes", tensorPickle(1, Array(65).fill(1), Array(65).fill(1)), "65 sizes; at most 64"],
    ["a text longer than the file", pickle([0x80, 2], "X\xff\xff\xff\x7f"), "ends in the middle"],
    ["a line without end", pickle([0x80, 2], "ctorch"), "text line without an end"],
    ["a whole number of two gigabytes", pickle([0x80, 2], [0x8b, 0xff, 0xff, 0xff, 0x7f]), "whole number of"],
    ["no tensor at all", pickle([0x80, 2], "}", text("a"), "K\x01s."), "holds no tensor"],
    ["a list in itself", pickle([0x80, 2], "]q\x00h\x00a."), "more than 32 deep"],
    [
      "a storage that is named with two lengths",
      pickle([0x80, 2], "]", ...storage(4), "a", ...storage(2), "a."),
      "two types or lengths",
    ],
    ["complex numbers", tensorPickle(2, [2], [1], 0, "ComplexFloatStorage"), "torch.ComplexFloatStorage"],
    ["a tensor beyond its storage", tensorPickle(4, [5], [1]), "reaches outside its storage 0 of 4"],
    ["an offset beyond the storage", tensorPickle(4, [2], [1], 3), "reaches outside"],
    ["strides beyond the storage", tensorPickle(4, [2, 2], [3, 1]), "reaches outside"],
    ["a negative stride", tensorPickle(4, [2], [-1], 3), "whole numbers of 0 or more"],
    ["a negative size", tensorPickle(4, [-2], [1]), "whole numbers of 0 or more"],
    ["more strides than sizes", tensorPickle(4, [2], [1, 1]), "1 sizes and 2 strides"],
    ["a terabyte out of one number", tensorPickle(1, [2 ** 20, 2 ** 20], [0, 0]), "more than 1073741824 elements"],
  ])("%s", async (_, data, text) => {
    await expect(TorchCheckpoint.open(await checkpoint("bad.pth", data))).rejects.toEqual(refusal("bad.pth", text));
  });

  it("keeps lists that hold each other many times from growing", async () => {
    // [[..], [..]] thirty deep, each twice: a billion values when unrolled.
    const layers = Array.from({ length: 30 }, (_, at) => ["](", `h`, at, `h`, at, "e", "q", at + 1] as const).flat();
    await expect(
      TorchCheckpoint.open(await checkpoint("bad.pth", pickle([0x80, 2], "]q\x00", ...layers, "."))),
    ).rejects.toEqual(refusal("2000000 values"));
  });
});

describe("damaged and foreign files", () => {
  const good = tensorPickle(4, [2, 2], [2, 1]);

  it("reads what the refusals below start from", async () => {
    expect(
      await everything(await checkpoint("good.pth", good, new Uint8Array(Float32Array.of(1, 2, 3, 4).buffer))),
    ).toEqual({ w: { dims: [2, 2], data: [1, 2, 3, 4] } });
  });

  it.each<[string, Record<string, Uint8Array>, string]>([
    ["a storage that is missing", { "a/data.pkl": good }, "lacks the entry a/data/0"],
    [
      "a storage that is too short",
      { "a/data.pkl": good, "a/data/0": new Uint8Array(15) },
      "has 15 bytes, and its data.pkl says 16",
    ],
    ["no data.pkl", { "a/data/0": new Uint8Array(16) }, "0 entries <name>/data.pkl"],
    [
      "two of them",
      { "a/data.pkl": good, "b/data.pkl": good, "a/data/0": new Uint8Array(16) },
      "2 entries <name>/data.pkl",
    ],
    [
      "big-endian",
      { "a/data.pkl": good, "a/data/0": new Uint8Array(16), "a/byteorder": Buffer.from("big") },
      'byte order is "big"',
    ],
  ])("%s", async (_, entries, text) => {
    await expect(TorchCheckpoint.open(await archive("bad.pth", entries))).rejects.toEqual(refusal("bad.pth", text));
  });

  it("refuses packed entries, TorchScript, and names that leave the archive", async () => {
    const entries = { "a/data.pkl": good, "a/data/0": new Uint8Array(16) };
    await expect(TorchCheckpoint.open(await archive("packed.pth", entries, true))).rejects.toEqual(
      refusal("is packed", "torch.save"),
    );
    await expect(TorchCheckpoint.open(`${DATA}torchscript.pt`)).rejects.toEqual(refusal("TorchScript", "state_dict()"));
    const path = await archive("escape.pth", { ...entries, "b/xx/data/0": new Uint8Array(4) });
    writeFileSync(
      path,
      Buffer.from(readFileSync(path).toString("latin1").replaceAll("b/xx/data/0", "../x/data/0"), "latin1"),
    );
    await expect(TorchCheckpoint.open(path)).rejects.toEqual(refusal("escape.pth", ".."));
  });

  it.each([
    ["a/data/0", 'two entries "a/data/0"'],
    ["a/DATA/0", 'entries "a/data/0" and "a/DATA/0" differ by case alone'],
    ["a/Data.pkl", 'entries "a/data.pkl" and "a/Data.pkl"'],
  ])("refuses a second entry %s, since PyTorch reads either", async (again, text) => {
    const bytes = new Uint8Array(16);
    const whole = [
      ["a/data.pkl", good],
      ["a/data/0", bytes],
    ] as const;
    for (const entries of [
      [...whole, [again, bytes]],
      [[again, bytes], ...whole],
    ] as const) {
      const names = text.split('"').filter((_, at) => at % 2 === 1);
      const refused = TorchCheckpoint.open(await archive("twice.pth", entries));
      await expect(refused).rejects.toEqual(refusal("twice.pth", ...names));
    }
  });

  it("refuses any truncation of either format", async () => {
    for (const name of ["ordered.pth", "nested_legacy.pth"]) {
      const bytes = readFileSync(DATA + name);
      for (let length = 0; length < bytes.length; length += 41) {
        const path = join(folder, "cut.pth");
        writeFileSync(path, bytes.subarray(0, length));
        await expect(TorchCheckpoint.open(path), `${name} cut to ${length}`).rejects.toEqual(refusal("cut.pth"));
      }
    }
  });

  it("never breaks on a flipped byte: it reads or refuses", async () => {
    const bytes = readFileSync(`${DATA}shared_legacy.pth`);
    const path = join(folder, "flipped.pth");
    for (let at = 0; at < bytes.length; at += 7) {
      const flipped = Buffer.from(bytes);
      flipped[at]! ^= 0xff;
      writeFileSync(path, flipped);
      await everything(path).catch((error: unknown) => expect(error).toEqual(refusal("flipped.pth")));
    }
  });

  it.each([
    ["an empty file", "", "zero bytes"],
    ["a Git LFS pointer", "version https://git-lfs.github.com/spec/v1\noid sha256:00\n", "git lfs pull"],
    ["a web page", "<!doctype html><title>404</title>", "web page"],
    ["a text", "hello", "another kind of file"],
    ["a tar archive", `${"\0".repeat(257)}ustar  \0`, "tar archive"],
  ])("says what a file is: %s", async (_, content, text) => {
    const path = join(folder, "foreign.bin");
    writeFileSync(path, content);
    await expect(TorchCheckpoint.open(path)).rejects.toEqual(refusal("foreign.bin", text));
  });

  it.runIf(process.platform === "linux")("refuses pipes, devices and folders at once", async () => {
    for (const kind of ["w.safetensors", "w.bin", "w.safetensors.index.json"]) {
      const path = join(folder, kind);
      for (const [make, text] of [
        [() => execFileSync("mkfifo", [path]), "a named pipe"],
        [() => symlinkSync("/dev/zero", path), "a device"],
        [() => mkdirSync(path), "a folder"],
      ] as const) {
        make();
        await expect(openWeights(path)).rejects.toEqual(refusal(kind, text));
        rmSync(path, { recursive: true });
      }
    }
  });

  it("names a path that is not there", async () => {
    await expect(TorchCheckpoint.open(join(folder, "none.pth"))).rejects.toEqual(
      refusal("none.pth", "cannot be opened"),
    );
  });
});

describe("sharded safetensors", () => {
  const shard = "model-00001-of-00002.safetensors";
  const copy = (index: unknown): string => {
    for (const name of [shard, "model-00002-of-00002.safetensors"])
      writeFileSync(join(folder, name), readFileSync(DATA + name));
    const path = join(folder, "model.safetensors.index.json");
    writeFileSync(path, typeof index === "string" ? index : JSON.stringify({ weight_map: index }));
    return path;
  };

  it.each<[string, unknown, string]>([
    ["no JSON", "{", "not an index"],
    ["no map", "{}", "weight_map"],
    ["a path", { "a.weight": "../secret.safetensors" }, "beside the index"],
    ["a missing shard", { "a.weight": "gone.safetensors" }, "gone.safetensors cannot be opened"],
    ["a missing tensor", { "a.weight": shard, "a.bias": shard, z: shard }, `z: is not in ${shard}`],
    ["a tensor too many", { "a.weight": shard }, "a.bias: is in"],
  ])("%s", async (_, index, text) => {
    await expect(openWeights(copy(index))).rejects.toEqual(
      refusal("model.safetensors.index.json".slice(0, text.startsWith("gone") ? 0 : undefined), text),
    );
  });
});
