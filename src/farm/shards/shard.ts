/** One of several parts of the work: `3/20`, or what SLURM says of a task in an array. */
import { ConfigurationError } from "../../errors.js";

/** Part `index` (from 1) of `count`. */
export interface Shard {
  readonly index: number;
  readonly count: number;
}

const MOST_SHARDS = 100_000;

/**
 * Reads `3/20`; undefined for a text of another form or with numbers out of range.
 */
export function readShard(text: string): Shard | undefined {
  const [, index, count] = /^(\d{1,6})\/(\d{1,6})$/.exec(text) ?? [];
  if (index === undefined) return undefined;
  const shard = { index: Number(index), count: Number(count) };
  return isShard(shard) ? shard : undefined;
}

/** As it is typed: `3/20`. */
export function shardText({ index, count }: Shard): string {
  return `${index}/${count}`;
}

/**
 * The shard of a task in a SLURM array, from `SLURM_ARRAY_TASK_ID`, `_COUNT` and `_MIN`. Arrays may begin at 0 or at any
 * other number, in steps of one.
 * @throws ConfigurationError `ERR_CONFIG` outside of an array, and for an array with gaps
 */
export function slurmShard(environment: Readonly<Record<string, string | undefined>>): Shard {
  const number = (name: string): number | undefined => {
    const text = environment[name] ?? "";
    return /^\d{1,9}$/.test(text) ? Number(text) : undefined;
  };
  const id = number("SLURM_ARRAY_TASK_ID");
  const count = number("SLURM_ARRAY_TASK_COUNT");
  if (id === undefined || count === undefined)
    throw new ConfigurationError(
      "ERR_CONFIG",
      "--shard slurm: SLURM_ARRAY_TASK_ID and SLURM_ARRAY_TASK_COUNT are not set; run it in a job array (sbatch --array=1-20), or give the shard, such as --shard 3/20",
    );
  const first = number("SLURM_ARRAY_TASK_MIN") ?? 1;
  const shard = { index: id - first + 1, count };
  if (isShard(shard)) return shard;
  throw new ConfigurationError(
    "ERR_CONFIG",
    `--shard slurm: task ${id} is none of ${count} that begin at ${first}; give the array whole and in steps of one, such as sbatch --array=1-20. To run single tasks again, give the shard itself: --shard ${id}/20`,
  );
}

function isShard({ index, count }: Shard): boolean {
  return index >= 1 && index <= count && count <= MOST_SHARDS;
}
