/** Ways to store weights of linear layers in fewer bits. This file imports nothing, so that flags load quickly. */

/**
 * `int8`: 8-bit integers, a scale for each block of a column; activations stay float.
 */
export const QUANTIZATIONS = ["int8"] as const;

/** The precision of a package, for people: "float16", "float16 with int8 weights". */
export function precisionText({
  precision,
  quantization,
}: {
  readonly precision: string;
  readonly quantization?: { readonly scheme: string } | undefined;
}): string {
  return quantization === undefined ? precision : `${precision} with ${quantization.scheme} weights`;
}
