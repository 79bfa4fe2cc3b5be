/** Messages without the places of this machine: what lies in a job's folder or below a root is named from there. */
export class PathHider {
  readonly #places: readonly (readonly [string, string])[];

  /** @param places absolute paths, and what stands in a message for each */
  constructor(places: Iterable<readonly [path: string, shown: string]>) {
    this.#places = [...places].sort(([a], [b]) => b.length - a.length);
  }

  hide(text: string): string {
    return this.#places.reduce(
      (rest, [path, shown]) =>
        rest.replaceAll(`${path}/`, shown === "" ? "" : `${shown}/`).replaceAll(path, shown || "the job"),
      text,
    );
  }
}
