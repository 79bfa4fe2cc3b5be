/**
 * Notes a decision of `approveRun`, `rejectRun`, `retryRun` or `redoRun` about a run. They look at an output and change
 * nothing; the batch notes the decision once it holds the output, unless another run has changed it since.
 */
import type { BatchConfig } from "../../config/batch-config.js";
import { ResourceError } from "../../errors.js";
import type { JournalEntry } from "../journal/entries.js";
import { archiveState, type StoredRun } from "../journal/find-run.js";
import type { LockedJournal } from "../journal/locked-journal.js";
import { reopenArchive } from "./reopen-archive.js";
import { workFolder } from "./work-folder.js";

/** A decision about a run, to be noted by the batch that continues it. */
export class RunDecision {
  readonly #found: StoredRun;
  readonly #entries: readonly JournalEntry[];

  /**
   * The settings are those of the command before, so that its `overwrite` is not asked for now: what somebody has
   * changed since stays.
   * @internal
   */
  readonly keepsChanged: boolean;

  /** @internal */
  constructor(found: StoredRun, entries: readonly JournalEntry[], { keepsChanged = false } = {}) {
    this.#found = found;
    this.#entries = entries;
    this.keepsChanged = keepsChanged;
  }

  /**
   * Pages of a preview that this approves, with the hashes of their files; "" where one is unknown.
   * @internal
   */
  get shownPages(): ReadonlyMap<string, string> {
    const approves = this.#entries.some((entry) => entry.type === "preview" && entry.state === "approved");
    const { preview, inputs } = this.#found.history;
    const { pages = [], seeds } = (approves ? preview?.result : undefined) ?? {};
    return new Map([...pages, ...(seeds?.pictures ?? [])].map(({ page }) => [page, inputs.get(page) ?? ""]));
  }

  /**
   * Notes it in the journal of the output, which this process holds. A finished archive is opened again first.
   * @internal
   * @returns whether one was
   * @throws ResourceError `ERR_OUTPUT_LOCKED` if another run has changed the output since the decision, which is then
   * not noted; as `reopenArchive`
   */
  async note(journal: LockedJournal, config: BatchConfig): Promise<boolean> {
    const { archive, record, output, state } = this.#found;
    const isSame =
      archive === undefined
        ? journal.state === state && workFolder(config) === workFolder(record.config)
        : journal.isEmpty && (await archiveState(archive.path)) === state;
    if (!isSame)
      throw new ResourceError("ERR_OUTPUT_LOCKED", `another run has changed ${output} meanwhile`, {
        remedy: "run the same command again",
      });
    if (archive !== undefined) await reopenArchive(this.#found, journal);
    for (const entry of this.#entries) await journal.append(entry);
    return archive !== undefined;
  }
}
