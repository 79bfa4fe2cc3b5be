/**
 * The interface of the store in which the machines of a farm keep files and results: a folder that they share
 * (`SharedStore`), or a server that they reach (`RemoteStore`).
 */
import type { FailedPage, PageResult } from "../../colorization/request/page-request.js";

export interface FarmStore {
  /** Keeps a file. @returns its SHA-256. @throws ResourceError `ERR_STORE_LIMIT` */
  keep(bytes: Uint8Array): Promise<string>;
  /**
   * Reads a file that was kept.
   * @param again it will be read again on this machine, as references are
   * @throws ResourceError `ERR_INPUT_GONE`
   */
  read(hash: string, again?: boolean): Promise<Uint8Array>;
  /**
   * Keeps what came of a page. A result replaces an earlier failure.
   * @throws ResourceError `ERR_STORE_LIMIT`
   */
  keepResult(key: string, result: PageResult): Promise<void>;
  /** A page's result; undefined where there is none, or a damaged one, which is removed. */
  result(key: string): Promise<PageResult | undefined>;
  /** Whether there is a result. */
  hasResult(key: string): Promise<boolean>;
  /** Why a page failed; undefined if it did not, or if what says so is damaged. */
  failure(key: string): Promise<FailedPage | undefined>;
  /** A page that failed may be tried again. */
  forgetFailure(key: string): Promise<void>;
  /** Where a worker's crash handler writes, on this machine. */
  crashFile(worker: string): string;
  /** What the crash handlers of all workers have written. */
  crashNotes(): Promise<string[]>;
}

/** What has come of a page. */
export async function storedResult(store: FarmStore, key: string): Promise<PageResult | undefined> {
  return (await store.result(key)) ?? (await store.failure(key));
}
