/**
 * The part of the ONNX protobuf schema that this engine writes, given to protobufjs as a descriptor.
 * Source: onnx/onnx.proto of ONNX 1.15 (IR version 9); message names, field names and numbers are the standard's. The
 * one npm package that holds the whole schema is no longer maintained.
 */
import protobuf from "protobufjs/light.js";

/** IR version of the files: 9 came with opset 20 (ONNX 1.15). */
export const IR_VERSION = 9;
/** Version of the standard operators; 20 is the first with Gelu. */
export const OPSET = 20;
/** Domain of ONNX Runtime's own operators, version 1 (docs/ContribOperators.md of onnxruntime). */
export const CONTRIB_DOMAIN = "com.microsoft";

/** TensorProto.DataType of the element types that graphs use. */
export const DATA_TYPE = { float32: 1, uint8: 2, int32: 6, int64: 7, bool: 9, float16: 10, float64: 11 } as const;
/** An element type. */
export type ElementType = keyof typeof DATA_TYPE;

/** Bytes of an element, by TensorProto.DataType. */
export const ELEMENT_BYTES_OF_TYPE: Readonly<Record<number, number>> = { 1: 4, 2: 1, 6: 4, 7: 8, 9: 1, 10: 2, 11: 8 };

/** AttributeProto.AttributeType. */
export const ATTRIBUTE_TYPE = { float: 1, int: 2, string: 3, floats: 6, ints: 7 } as const;

export interface AttributeProto {
  name: string;
  type: number;
  f?: number;
  i?: number;
  s?: Uint8Array;
  /** Read only: the constants of graphs that others wrote. */
  t?: TensorProto;
  floats?: readonly number[];
  ints?: readonly number[];
}

export interface NodeProto {
  input: readonly string[];
  output: readonly string[];
  name: string;
  opType: string;
  attribute: readonly AttributeProto[];
  domain: string;
}

interface EntryProto {
  key: string;
  value: string;
}

export interface TensorProto {
  name: string;
  dims: readonly number[];
  dataType: number;
  rawData?: Uint8Array;
  externalData?: readonly EntryProto[];
  /** 1 = external. */
  dataLocation?: number;
}

interface DimensionProto {
  dimValue?: number;
  dimParam?: string;
}

export interface ValueInfoProto {
  name: string;
  type: { tensorType: { elemType: number; shape?: { dim: readonly DimensionProto[] } } };
}

export interface ModelProto {
  irVersion: number;
  producerName: string;
  producerVersion: string;
  graph: {
    node: readonly NodeProto[];
    name: string;
    initializer: readonly TensorProto[];
    input: readonly ValueInfoProto[];
    output: readonly ValueInfoProto[];
  };
  opsetImport: readonly { domain: string; version: number }[];
}

type Field = { id: number; type: string; rule?: "repeated"; options?: { packed: boolean } };
const one = (id: number, type: string): Field => ({ id, type });
const many = (id: number, type: string): Field => ({ id, type, rule: "repeated" });
const manyPlain = (id: number, type: string): Field => ({ ...many(id, type), options: { packed: false } });

const root = protobuf.Root.fromJSON({
  nested: {
    ModelProto: {
      fields: {
        irVersion: one(1, "int64"),
        producerName: one(2, "string"),
        producerVersion: one(3, "string"),
        graph: one(7, "GraphProto"),
        opsetImport: many(8, "OperatorSetIdProto"),
      },
    },
    OperatorSetIdProto: { fields: { domain: one(1, "string"), version: one(2, "int64") } },
    GraphProto: {
      fields: {
        node: many(1, "NodeProto"),
        name: one(2, "string"),
        initializer: many(5, "TensorProto"),
        input: many(11, "ValueInfoProto"),
        output: many(12, "ValueInfoProto"),
      },
    },
    NodeProto: {
      fields: {
        input: many(1, "string"),
        output: many(2, "string"),
        name: one(3, "string"),
        opType: one(4, "string"),
        attribute: many(5, "AttributeProto"),
        domain: one(7, "string"),
      },
    },
    AttributeProto: {
      fields: {
        name: one(1, "string"),
        f: one(2, "float"),
        i: one(3, "int64"),
        s: one(4, "bytes"),
        t: one(5, "TensorProto"),
        floats: manyPlain(7, "float"),
        ints: manyPlain(8, "int64"),
        type: one(20, "int32"),
      },
    },
    TensorProto: {
      fields: {
        dims: manyPlain(1, "int64"),
        dataType: one(2, "int32"),
        name: one(8, "string"),
        rawData: one(9, "bytes"),
        externalData: many(13, "StringStringEntryProto"),
        dataLocation: one(14, "int32"),
      },
    },
    StringStringEntryProto: { fields: { key: one(1, "string"), value: one(2, "string") } },
    ValueInfoProto: { fields: { name: one(1, "string"), type: one(2, "TypeProto") } },
    TypeProto: { fields: { tensorType: one(1, "TensorTypeProto") } },
    TensorTypeProto: { fields: { elemType: one(1, "int32"), shape: one(2, "TensorShapeProto") } },
    TensorShapeProto: { fields: { dim: many(1, "DimensionProto") } },
    DimensionProto: { fields: { dimValue: one(1, "int64"), dimParam: one(2, "string") } },
  },
});

const modelType = root.lookupType("ModelProto");

/** The bytes of an ONNX file. */
export function encodeModelProto(model: ModelProto): Uint8Array {
  return modelType.encode(modelType.fromObject(model)).finish();
}

/** Reads back the fields of the schema above; int64 fields come as numbers. For tests and tools. */
export function decodeModelProto(bytes: Uint8Array): ModelProto {
  return modelType.toObject(modelType.decode(bytes), {
    longs: Number,
    arrays: true,
    objects: true,
  }) as unknown as ModelProto;
}
