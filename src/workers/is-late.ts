/** Waits for work, but not for ever. */

/**
 * Waits for work, at most so long. Rejects as the work does.
 * @returns whether it was not done in time; it goes on then
 */
export async function isLate(work: Promise<unknown>, ms: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<true>((resolve) => (timer = setTimeout(() => resolve(true), ms)));
  return Promise.race([work.then(() => false), late]).finally(() => clearTimeout(timer));
}
