/**
 * Assigns pages to shards. Every shard computes the same plan on its own, so it depends on the pictures' order and
 * sizes alone, and within a chapter on which of them are pages. Shards are runs of neighbouring pages: chapters are cut
 * as seldom as possible, and a chapter's references are computed by few shards.
 */

/** A picture of an input, as its folder or archive lists it. */
export interface PlannedPicture {
  readonly name: string;
  readonly sizeBytes: number;
}

/** A chapter as the shards share it. */
export interface ChapterParts {
  /** The shards, from 1, that share it, in order. */
  readonly shards: readonly number[];
  /** Which shard does which of the chapter's pages; its references and other pictures take no time. */
  shardsOf(pages: readonly PlannedPicture[]): ReadonlyMap<string, number>;
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
    const start = before;
    const shards = new Set<number>();
    for (const picture of pictures) {
      const weight = weightOf(picture);
      shards.add(shardAt(before + weight / 2, count));
      before += weight;
    }
    const length = before - start;
    const shared = [...shards];
    const [first = 1, last = first] = [shared[0], shared.at(-1)];
    return {
      shards: shared,
      shardsOf(pages) {
        const scale = length / pages.reduce((sum, page) => sum + weightOf(page), 0);
        let at = start;
        return new Map(
          pages.map((page) => {
            const weight = weightOf(page) * scale;
            const shard = shardAt(at + weight / 2, count);
            at += weight;
            return [page.name, Math.min(last, Math.max(first, shard))] as const;
          }),
        );
      },
    };
  });
}

/** The shard in which a page lies whose middle is at this part of the whole. */
function shardAt(middle: number, count: number): number {
  return Math.min(count, 1 + Math.floor(middle * count));
}
