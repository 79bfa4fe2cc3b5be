/**
 * The names that a PyTorch checkpoint of tensors mentions, and what they make here: storages, tensors, ordered
 * dictionaries. Source: torch/serialization.py and torch/_utils.py of PyTorch 2. This table is all that a checkpoint
 * can reach.
 */
import { ELEMENT_BYTES, type WeightDtype } from "../element-types.js";
import { PickleDict, PickleFault, PickleGlobal, PickleList, PickleTuple, kindOf } from "./pickle-values.js";
import { isTensor, storageOf, tensorOf, type TorchStorage } from "./tensor.js";
import { setItems, type PickleRules } from "./unpickler.js";

/** Storages' keys are numbers as text. */
const MAX_KEY = 200;

/** Storage classes of torch. `UntypedStorage` holds bytes. */
const STORAGES: Readonly<Record<string, WeightDtype>> = {
  FloatStorage: "F32",
  DoubleStorage: "F64",
  HalfStorage: "F16",
  BFloat16Storage: "BF16",
  LongStorage: "I64",
  IntStorage: "I32",
  ShortStorage: "I16",
  CharStorage: "I8",
  ByteStorage: "U8",
  BoolStorage: "BOOL",
};
/** `torch.float16` and so on, which newer tensors name. */
const DTYPES: Readonly<Record<string, WeightDtype>> = {
  float32: "F32",
  float64: "F64",
  float16: "F16",
  bfloat16: "BF16",
  int64: "I64",
  int32: "I32",
  int16: "I16",
  int8: "I8",
  uint8: "U8",
  bool: "BOOL",
};

function orderedDict(args: readonly unknown[]): PickleDict {
  const dict = new PickleDict();
  const [pairs] = args;
  if (args.length > 1 || (pairs !== undefined && !(pairs instanceof PickleList)))
    throw new PickleFault(`it makes an OrderedDict of ${args.map(kindOf).join(", ")}`);
  for (const pair of pairs?.items ?? []) {
    if (!(pair instanceof PickleList || pair instanceof PickleTuple))
      throw new PickleFault(`it makes an OrderedDict entry of ${kindOf(pair)}`);
    setItems(dict, pair.items);
  }
  return dict;
}

/** A parameter is its tensor. */
function parameter(args: readonly unknown[]): unknown {
  if (!isTensor(args[0])) throw new PickleFault(`it makes a parameter of ${kindOf(args[0])}`);
  return args[0];
}

/** `_rebuild_tensor_v3(storage, offset, size, stride, requires_grad, hooks, dtype, …)`. */
function tensorOfDtype(args: readonly unknown[]): unknown {
  const named = args[6] instanceof PickleGlobal ? args[6].name : kindOf(args[6]);
  const dtype = DTYPES[named.replace(/^torch\./u, "")];
  if (dtype === undefined)
    throw new PickleFault(
      `it has a tensor of ${named}, which is not read`,
      "save the tensors as float32, float16 or bfloat16",
    );
  refuseNegated(args[7]);
  return tensorOf(args[0], args[1], args[2], args[3], dtype);
}

/** `_rebuild_tensor_v2(storage, offset, size, stride, requires_grad, hooks, metadata)`; the first form ends before. */
function plainTensor(args: readonly unknown[]): unknown {
  refuseNegated(args[6]);
  return tensorOf(args[0], args[1], args[2], args[3]);
}

/** PyTorch may save a view that negates its storage: a tensor's metadata says so, and its elements do not. */
function refuseNegated(metadata: unknown): void {
  if (!(metadata instanceof PickleDict)) return;
  for (const [name, value] of metadata.entries)
    if (value !== false)
      throw new PickleFault(
        `it has a tensor with ${kindOf(name)} set, which is not read`,
        "save the tensor with tensor.clone()",
      );
}

const CALLS: Readonly<Record<string, (args: readonly unknown[]) => unknown>> = {
  "collections.OrderedDict": orderedDict,
  "torch._utils._rebuild_tensor": plainTensor,
  "torch._utils._rebuild_tensor_v2": plainTensor,
  "torch._utils._rebuild_tensor_v3": tensorOfDtype,
  "torch._utils._rebuild_parameter": parameter,
  "torch._utils._rebuild_parameter_with_state": parameter,
  "torch.Size": ([sizes]) => (sizes instanceof PickleList ? new PickleTuple(sizes.items) : sizes),
};

/** Names that are only mentioned, never called. */
const MENTIONED = new Set([
  "torch.storage.UntypedStorage",
  "torch.UntypedStorage",
  ...Object.keys(STORAGES).map((name) => `torch.${name}`),
  ...Object.keys(DTYPES).map((name) => `torch.${name}`),
]);

/** What a checkpoint may resolve. Storages that it names are collected in `storages`. */
export function torchRules(storages: Map<string, TorchStorage>): PickleRules {
  return {
    global: (module, name) => {
      const full = `${module}.${name}`;
      if (Object.hasOwn(CALLS, full)) return new PickleGlobal(full, CALLS[full]);
      return MENTIONED.has(full) ? new PickleGlobal(full) : undefined;
    },
    persistent: (id) => storageFor(id, storages),
  };
}

/** ("storage", class, key, device, elements[, view]): one storage for each key, however often it is named. */
function storageFor(id: unknown, storages: Map<string, TorchStorage>): TorchStorage {
  const [kind, type, key, , elements, view = null] = id instanceof PickleTuple ? id.items : [];
  if (
    kind !== "storage" ||
    !(type instanceof PickleGlobal) ||
    typeof key !== "string" ||
    key.length > MAX_KEY ||
    !Number.isSafeInteger(elements) ||
    (elements as number) < 0
  ) {
    throw new PickleFault(`it has the persistent id ${kindOf(id)}, which is not a storage`);
  }
  if (view !== null)
    throw new PickleFault(`the storage ${key} is a view of another one`, "save the tensors again with a newer PyTorch");
  const name = type.name.replace(/^torch\.(?:storage\.)?/u, "");
  const dtype = STORAGES[name];
  if (dtype === undefined && name !== "UntypedStorage") throw new PickleFault(`the storage ${key} is of ${type.name}`);
  const known = storages.get(key);
  if (known !== undefined) {
    if (known.dtype !== dtype || known.elements !== elements)
      throw new PickleFault(`the storage ${key} is named with two types or lengths`);
    return known;
  }
  const storage = storageOf({ key, dtype, elements: elements as number });
  storages.set(key, storage);
  return storage;
}

/** Bytes of a storage. */
export function storageBytes(storage: TorchStorage): number {
  return storage.elements * (storage.dtype === undefined ? 1 : ELEMENT_BYTES[storage.dtype]);
}
