/**
 * Checks a run's inputs and outputs against the model before ONNX Runtime sees them, so that errors name the tensor.
 */
import { ValidationError } from "../../errors.js";
import { Tensor } from "./tensor.js";
import type { NativeTensor, ValueInfo } from "../types.js";

/** Names and tensors in one order, as the addon takes them. */
interface Operands {
  readonly names: string[];
  readonly tensors: NativeTensor[];
}

type Role = "input" | "output";

function shape(dims: readonly (number | string)[]): string {
  return `[${dims.map((dim) => (dim === "" ? "?" : String(dim))).join(", ")}]`;
}

function find(list: readonly ValueInfo[], name: string, role: Role): ValueInfo {
  const info = list.find((value) => value.name === name);
  if (!info)
    throw new ValidationError(
      "ERR_TENSOR_NAME",
      `the model has no ${role} "${name}"; it has ${list.map((value) => `"${value.name}"`).join(", ")}`,
    );
  return info;
}

function check(
  info: ValueInfo,
  tensor: Tensor,
  role: Role,
  free: Map<string, { size: number; name: string }>,
): NativeTensor {
  if (!(tensor instanceof Tensor))
    throw new ValidationError("ERR_ARGUMENT", `${role} "${info.name}" is ${String(tensor)}, but must be a Tensor`);
  const native = tensor.native(`the run that takes it as ${role} "${info.name}"`);
  if (tensor.dtype !== info.dtype) {
    throw new ValidationError(
      "ERR_TENSOR_DTYPE",
      `${role} "${info.name}" needs ${info.dtype}, but got ${tensor.dtype}`,
    );
  }
  const fits =
    tensor.dims.length === info.dims.length &&
    info.dims.every((dim, axis) => typeof dim === "string" || dim === tensor.dims[axis]);
  if (!fits) {
    throw new ValidationError(
      "ERR_TENSOR_DIMS",
      `${role} "${info.name}" needs dims ${shape(info.dims)}, but got ${shape(tensor.dims)}`,
    );
  }
  for (const [axis, dim] of info.dims.entries()) {
    if (typeof dim === "number" || dim === "") continue;
    const size = tensor.dims[axis] as number;
    const seen = free.get(dim);
    if (seen === undefined) free.set(dim, { size, name: info.name });
    else if (seen.size !== size && role === "input") {
      throw new ValidationError(
        "ERR_TENSOR_DIMS",
        `${role} "${info.name}" has dims ${shape(tensor.dims)}, whose ${dim} is ${size}, but "${seen.name}" has ${dim} = ${seen.size}`,
      );
    }
  }
  return native;
}

/**
 * Every input of the model, in its order. @throws ValidationError `ERR_TENSOR_NAME`, `ERR_TENSOR_DTYPE`,
 * `ERR_TENSOR_DIMS`; `ERR_DISPOSED`
 */
export function checkInputs(infos: readonly ValueInfo[], given: Readonly<Record<string, Tensor>>): Operands {
  const known = new Set(infos.map(({ name }) => name)); // a model may have hundreds of inputs
  for (const name of Object.keys(given)) if (!known.has(name)) find(infos, name, "input");
  const free = new Map<string, { size: number; name: string }>();
  const tensors = infos.map((info) => {
    const tensor = given[info.name];
    if (tensor === undefined)
      throw new ValidationError(
        "ERR_TENSOR_NAME",
        `input "${info.name}" (${info.dtype} ${shape(info.dims)}) is missing from the run`,
      );
    return check(info, tensor, "input", free);
  });
  return { names: infos.map((info) => info.name), tensors };
}

/** The outputs given in place. Same errors as `checkInputs`. */
export function checkOutputs(infos: readonly ValueInfo[], given: Readonly<Record<string, Tensor>>): Operands {
  const free = new Map<string, { size: number; name: string }>();
  const names = Object.keys(given);
  return {
    names,
    tensors: names.map((name) => check(find(infos, name, "output"), given[name] as Tensor, "output", free)),
  };
}

/**
 * The outputs asked for by name. @throws ValidationError `ERR_TENSOR_NAME` for one that does not exist or comes twice.
 */
export function checkOutputNames(infos: readonly ValueInfo[], names: readonly string[]): string[] {
  const known = new Set(infos.map(({ name }) => name));
  const asked = new Set<string>();
  for (const name of names) {
    if (!known.has(name)) find(infos, name, "output");
    if (asked.size === asked.add(name).size)
      throw new ValidationError("ERR_TENSOR_NAME", `output "${name}" is asked for twice`);
  }
  return [...names];
}
