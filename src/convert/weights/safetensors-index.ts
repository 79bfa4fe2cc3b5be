/**
 * Sharded safetensors: an index file (`*.safetensors.index.json`, as transformers and diffusers write it) that says in
 * which file beside it each tensor lies.
 */
import { dirname, join } from "node:path";
import { z } from "zod";
import { messageOf, ModelError } from "../../errors.js";
import { readSmallFile } from "./file-bytes.js";
import { SafetensorsFile } from "./safetensors.js";
import { union } from "./sources.js";
import type { WeightSource } from "../../onnx/weights.js";
import { parseJson } from "../../text/parse-json.js";
import { shownLines, shownName } from "../../text/shown.js";

const MAX_INDEX_BYTES = 64 * 2 ** 20;
const MOST_ISSUES = 20;
const schema = z.object({
  weight_map: z.record(
    z.string(),
    z.string().regex(/^[^/\\\0]+\.safetensors$/u, "must be the name of a .safetensors file beside the index"),
  ),
});

/** Opened shards. Dispose it when the tensors are read. */
interface ShardedWeights extends WeightSource, Disposable {}

/**
 * Opens all shards of an index. Throws ERR_MODEL_WEIGHTS for an index that does not say exactly what its shards hold.
 */
export function openSafetensorsIndex(path: string): ShardedWeights {
  const map = new Map(Object.entries(readIndex(path)));
  const shards = new Map<string, SafetensorsFile>();
  try {
    for (const shard of new Set(map.values())) shards.set(shard, SafetensorsFile.open(join(dirname(path), shard)));
    const faults = [
      ...[...map]
        .filter(([name, shard]) => shards.get(shard)!.dims(name) === undefined)
        .map(([name, shard]) => `${shownName(name)}: is not in ${shownName(shard)}`),
      ...[...shards].flatMap(([shard, file]) =>
        file
          .names()
          .filter((name) => map.get(name) !== shard)
          .map((name) => `${shownName(name)}: is in ${shard}, and the index does not say so`),
      ),
    ];
    if (faults.length > 0)
      throw new ModelError(
        "ERR_MODEL_WEIGHTS",
        `${path} does not fit its files (${faults.length}):\n${shownLines(faults)}`,
        { remedy: "get the index and its files again" },
      );
  } catch (error) {
    for (const file of shards.values()) file[Symbol.dispose]();
    throw error;
  }
  const all = union([...shards.values()]);
  return {
    ...all,
    origin: path,
    [Symbol.dispose]: () => {
      for (const file of shards.values()) file[Symbol.dispose]();
    },
  };
}

function readIndex(path: string): Record<string, string> {
  try {
    const text = readSmallFile(path, MAX_INDEX_BYTES).toString("utf8");
    const result = schema.safeParse(parseJson(text, { pythonNumbers: true }));
    if (result.success) return result.data.weight_map;
    throw new RangeError(
      result.error.issues
        .slice(0, MOST_ISSUES)
        .map((issue) => `${shownName(issue.path.join(".")) || "(whole)"}: ${issue.message}`)
        .join("; "),
    );
  } catch (cause) {
    throw new ModelError("ERR_MODEL_WEIGHTS", `${path} is not an index of safetensors files: ${messageOf(cause)}`, {
      cause,
    });
  }
}
