/** A minimal ONNX writer for the binding's own tests: just enough protobuf to make small models in memory. */

/** Element types of ONNX's TensorProto. */
export const ONNX_TYPE = {
  float32: 1,
  uint8: 2,
  uint16: 4,
  int32: 6,
  int64: 7,
  bool: 9,
  float16: 10,
  float64: 11,
} as const;
export type OnnxType = keyof typeof ONNX_TYPE;

function varint(value: number | bigint): Uint8Array {
  let rest = BigInt.asUintN(64, BigInt(value));
  const bytes: number[] = [];
  do {
    const low = Number(rest & 0x7fn);
    rest >>= 7n;
    bytes.push(rest > 0n ? low | 0x80 : low);
  } while (rest > 0n);
  return Uint8Array.from(bytes);
}

const number = (field: number, value: number | bigint): Uint8Array =>
  Buffer.concat([varint(field << 3), varint(value)]);
const block = (field: number, bytes: Uint8Array): Uint8Array =>
  Buffer.concat([varint((field << 3) | 2), varint(bytes.length), bytes]);
const text = (field: number, value: string): Uint8Array => block(field, Buffer.from(value));

export interface Value {
  name: string;
  dtype: OnnxType;
  dims: readonly (number | string)[];
}

export interface Constant {
  name: string;
  dtype: OnnxType;
  dims: readonly number[];
  data: ArrayBufferView;
}

export interface Graph {
  nodes: readonly Node[];
  inputs: readonly Value[];
  outputs: readonly Value[];
  constants?: readonly Constant[];
}

export interface Node {
  op: string;
  inputs: readonly string[];
  outputs: readonly string[];
  attributes?: Readonly<Record<string, number | Graph>>;
}

function value({ name, dtype, dims }: Value): Uint8Array {
  const shape = Buffer.concat(dims.map((dim) => block(1, typeof dim === "number" ? number(1, dim) : text(2, dim))));
  const tensor = Buffer.concat([number(1, ONNX_TYPE[dtype]), block(2, shape)]);
  return Buffer.concat([text(1, name), block(2, block(1, tensor))]);
}

function constant({ name, dtype, dims, data }: Constant): Uint8Array {
  const raw = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return Buffer.concat([
    ...dims.map((dim) => number(1, dim)),
    number(2, ONNX_TYPE[dtype]),
    text(8, name),
    block(9, raw),
  ]);
}

function node({ op, inputs, outputs, attributes = {} }: Node): Uint8Array {
  const fields = Object.entries(attributes).map(([name, held]) =>
    block(
      5,
      Buffer.concat([
        text(1, name),
        ...(typeof held === "number" ? [number(3, held), number(20, 2)] : [block(6, graph(held)), number(20, 5)]),
      ]),
    ),
  );
  return Buffer.concat([
    ...inputs.map((name) => text(1, name)),
    ...outputs.map((name) => text(2, name)),
    text(4, op),
    ...fields,
  ]);
}

function graph({ nodes, inputs, outputs, constants = [] }: Graph): Uint8Array {
  return Buffer.concat([
    ...nodes.map((each) => block(1, node(each))),
    text(2, "g"),
    ...constants.map((each) => block(5, constant(each))),
    ...inputs.map((each) => block(11, value(each))),
    ...outputs.map((each) => block(12, value(each))),
  ]);
}

/** The bytes of a model of opset 17. */
export function onnxModel(body: Graph): Uint8Array {
  return new Uint8Array(
    Buffer.concat([number(1, 8), text(2, "cobra-batch tests"), block(7, graph(body)), block(8, number(2, 17))]),
  );
}
