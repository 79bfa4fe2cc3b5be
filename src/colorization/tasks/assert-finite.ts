/** Checks that a network's output can be made into a picture. */
import { InferenceError } from "../../errors.js";

/**
 * @param what the network's output, for the message
 * @throws InferenceError `ERR_MODEL_OUTPUT` where a value is NaN or infinite
 */
export function assertFinite(values: Float32Array, what: string): void {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]! * 0; // NaN and infinity give NaN, all else 0
  if (sum === 0) return;
  const bad = values.reduce((count, value) => count + (Number.isFinite(value) ? 0 : 1), 0);
  throw new InferenceError(
    "ERR_MODEL_OUTPUT",
    `${bad} of ${values.length} values of ${what} are not finite, so there is no picture; the model's weights may be damaged, or too large for half precision`,
  );
}
