/** Checks that the disk has space for uploads, those in progress included. */
import { freeBytes } from "../../../platform/storage.js";
import { RequestError } from "./request-error.js";

/** Books the disk for uploads. */
export class DiskSpace {
  readonly #folder: string;
  readonly #kept: number;
  readonly #free: (folder: string) => Promise<number>;
  #booked = 0;

  /**
   * @param folder on the disk in question
   * @param kept bytes that stay free
   */
  constructor(folder: string, kept: number, free = freeBytes) {
    this.#folder = folder;
    this.#kept = kept;
    this.#free = free;
  }

  /**
   * Books bytes that are about to be written. Call what it returns when they are, or will not be.
   * @throws RequestError 507 where the disk has no room for them
   */
  async book(bytes: number): Promise<() => void> {
    this.#booked += bytes;
    let held = true;
    const giveBack = (): void => {
      if (held) this.#booked -= bytes;
      held = false;
    };
    const room = await this.#free(this.#folder).catch(() => Number.POSITIVE_INFINITY);
    if (this.#booked + this.#kept <= room) return giveBack;
    giveBack();
    throw new RequestError(
      507,
      "ERR_OUTPUT_WRITE",
      `the server's disk has ${room} bytes free, of which ${this.#kept} are to stay free; another ${bytes} do not fit; ` +
        "delete finished jobs, then try again",
    );
  }
}
