/** Work on a list in order, one item ahead of whoever uses the results. */

/**
 * Items with their results, in order. While one is waited for or used, the next is worked on. Ends with the first
 * error.
 * @param discard takes a result that nobody will use, after an error or where the loop is left early
 */
export async function* oneAhead<Item, Result>(
  items: readonly Item[],
  work: (item: Item) => Promise<Result>,
  discard: (result: Result) => void = () => undefined,
): AsyncGenerator<[Item, Result]> {
  const begun: Promise<Result>[] = [];
  let index = 0;
  const beginUpTo = (last: number): void => {
    while (begun.length <= Math.min(last, items.length - 1)) {
      const result = work(items[begun.length]!);
      result.catch(() => undefined); // told when it is its turn
      begun.push(result);
    }
  };
  try {
    while (index < items.length) {
      beginUpTo(index + 1);
      const result = await begun[index]!;
      yield [items[index++]!, result];
    }
  } finally {
    for (const unused of begun.slice(index)) unused.then(discard, () => undefined);
  }
}
