/**
 * Assigns pages to shards. Every shard computes the same plan on its own, so it depends on the pictures' order and
 * sizes alone. Shards are runs of neighbouring pages: chapters are cut as seldom as possible, and a chapter's
 * references are computed by few shards.
 */

/** A picture of an input, as its folder or archive lists it. */
export interface PlannedPicture {
  readonly name: string;
  readonly sizeBytes: number;
}

/** A chapter as the shards share it. */
export interface ChapterParts {
  /** The shards, from 1, that have pages of it, in order. */
  readonly shards: readonly number[];
  /** Which shard does a picture. */
  shardOf(name: string): number | undefined;
}

/**
 * Shares chapters among `count` shards. A page's weight is half one page and half its file's size, both as a part of
 * the whole: the networks take as long for every page, decoding and encoding as long as the page is large. A shard has
 * at most one page more than its share.
 */
export function planShards(chapters: readonly (readonly PlannedPicture[])[], count: number): ChapterParts[] {
  const all = chapters.flat();
  const bytes = all.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  const weightOf = ({ sizeBytes }: PlannedPicture): number =>
    bytes === 0 ? 1 / all.length : (1 / all.length + sizeBytes / bytes) / 2;
  let before = 0;
  return chapters.map((pictures) => {
    const shards = new Map<string, number>();
    for (const picture of pictures) {
      const weight = weightOf(picture);
      // A page belongs where its middle lies.
      shards.set(picture.name, Math.min(count, 1 + Math.floor((before + weight / 2) * count)));
      before += weight;
    }
    return { shards: [...new Set(shards.values())], shardOf: (name) => shards.get(name) };
  });
}
