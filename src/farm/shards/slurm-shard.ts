/** The shard that a task of a SLURM job array does. */
import { ConfigurationError } from "../../errors.js";
import { isShard, type Shard } from "../../config/shard.js";

/**
 * The shard of a task in a SLURM array, from `SLURM_ARRAY_TASK_ID`, `_COUNT` and `_MIN`. Arrays may begin at 0 or at
 * any other number, in steps of one.
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
      "--shard slurm: SLURM_ARRAY_TASK_ID and SLURM_ARRAY_TASK_COUNT are not set",
      { remedy: "run it in a job array (sbatch --array=1-20), or give the shard, such as --shard 3/20" },
    );
  const first = number("SLURM_ARRAY_TASK_MIN") ?? 1;
  const shard = { index: id - first + 1, count };
  if (isShard(shard)) return shard;
  throw new ConfigurationError("ERR_CONFIG", `--shard slurm: task ${id} is none of ${count} that begin at ${first}`, {
    remedy: `give the array whole and in steps of one, such as sbatch --array=1-20. To run single tasks again, give the shard itself: --shard ${id}/20`,
  });
}
