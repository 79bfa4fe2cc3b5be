/** Hands out names so that no two are equal, in constant time per name however many want the same one. */

export interface FreeNamesOptions {
  /** What makes two names the same. Default: the name itself. */
  readonly key?: (name: string) => string;
  /** The name's n-th alternative, from n = 1. */
  readonly numbered: (name: string, n: number) => string;
}

export class FreeNames {
  readonly #key: (name: string) => string;
  readonly #numbered: (name: string, n: number) => string;
  readonly #taken = new Set<string>();
  /** By key, the number of the last alternative given. */
  readonly #last = new Map<string, number>();

  constructor({ key = (name) => name, numbered }: FreeNamesOptions) {
    this.#key = key;
    this.#numbered = numbered;
  }

  /** Sets a name aside, taken or not. False where it was taken before. */
  reserve(name: string): boolean {
    const key = this.#key(name);
    if (this.#taken.has(key)) return false;
    this.#taken.add(key);
    return true;
  }

  /** Sets aside the folders above a file, so that no file gets the name of one. @returns how many are new */
  reserveFolders(name: string): number {
    let count = 0;
    for (let slash = name.lastIndexOf("/"); slash > 0; slash = name.lastIndexOf("/", slash - 1), count++)
      if (!this.reserve(name.slice(0, slash))) break;
    return count;
  }

  /** The name, or the first alternative to it that is free. */
  take(name: string): string {
    if (this.reserve(name)) return name;
    const key = this.#key(name);
    for (let n = (this.#last.get(key) ?? 0) + 1; ; n++) {
      const free = this.#numbered(name, n);
      if (!this.reserve(free)) continue;
      this.#last.set(key, n);
      return free;
    }
  }
}
