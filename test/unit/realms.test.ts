/** Values of another realm: test runners run programs in contexts whose Error and Uint8Array are not those of Node. */
import { runInNewContext } from "node:vm";
import { expect, it } from "vitest";
import { Tensor } from "../../src/binding/index.js";
import { toEngineError } from "../../src/binding/faults.js";
import { isOutOfMemory, messageOf, systemCode } from "../../src/errors.js";
import { errorFromData, errorToData } from "../../src/workers/error-transfer.js";
import { transferables } from "../../src/workers/transfer.js";

const realm = (code: string): unknown => runInNewContext(code) as unknown;
const missing = realm(`Object.assign(new Error("ENOENT: no such file"), { code: "ENOENT" })`);

it("errors keep code and message", () => {
  expect(missing).not.toBeInstanceOf(Error);
  expect([systemCode(missing), messageOf(missing)]).toEqual(["ENOENT", "ENOENT: no such file"]);
  expect(errorFromData(errorToData(missing))).toMatchObject({ code: "ENOENT", message: "ENOENT: no such file" });
  expect(isOutOfMemory(realm(`new RangeError("Array buffer allocation failed")`))).toBe(true);
  const fault = realm(`Object.assign(new Error("no"), { code: "ERR_TENSOR_DIMS", remedy: "count again" })`);
  expect(toEngineError(fault)).toMatchObject({ code: "ERR_TENSOR_DIMS", message: "no", remedy: "count again" });
});

it("typed arrays and buffers are what they are", () => {
  const floats = realm("Float32Array.of(1, 2, 3)") as Float32Array;
  using tensor = Tensor.from("float32", floats, [3]);
  expect([...tensor.data]).toEqual([1, 2, 3]);
  const forged = { [Symbol.toStringTag]: "Float32Array", length: 3 } as unknown as Float32Array;
  expect(() => Tensor.from("float32", forged, [3])).toThrow(expect.objectContaining({ code: "ERR_TENSOR_DTYPE" }));
  expect(transferables({ floats })).toEqual([floats.buffer]);
});
