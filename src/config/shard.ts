/** One of several parts of the work: `3/20`. */

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

/** Whether the numbers fit together. */
export function isShard({ index, count }: Shard): boolean {
  return index >= 1 && index <= count && count <= MOST_SHARDS;
}
