/** Work on a list in order, one item ahead of whoever uses the results. */

/**
 * Items with their results, in order. While one is used the next is worked on. Ends with the first error.
 * @param discard takes a result that nobody will use, after an error or where the loop is left early
 */
export async function* oneAhead<Item, Result>(
  items: readonly Item[],
  work: (item: Item) => Promise<Result>,
  discard: (result: Result) => void = () => undefined,
): AsyncGenerator<[Item, Result]> {
  const begin = (index: number): Promise<Result> | undefined => {
    const begun = items[index] === undefined ? undefined : work(items[index]);
    begun?.catch(() => undefined); // told when it is its turn
    return begun;
  };
  let next = begin(0);
  try {
    for (const [index, item] of items.entries()) {
      const result = await next!;
      next = begin(index + 1);
      yield [item, result];
    }
  } finally {
    next?.then(discard, () => undefined);
  }
}
