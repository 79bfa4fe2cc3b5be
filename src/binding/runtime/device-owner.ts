/**
 * The part of a session that a tensor on its device needs; keeps tensor.ts and session.ts from importing each other.
 */
import type { NativeSession } from "../types.js";

const OWNER = Symbol("cobra.deviceOwner");

/** Something whose device tensors can be allocated on: an `InferenceSession`. */
export interface DeviceOwner {
  readonly [OWNER]: () => NativeSession;
}

export { OWNER };

/** The addon's session. @throws BatchProcessingError `ERR_DISPOSED` */
export function deviceOwnerOf(owner: DeviceOwner): NativeSession {
  return owner[OWNER]();
}
