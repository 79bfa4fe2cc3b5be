/**
 * Restricts the files that a continued run may read. Its records name the input, references and pictures of hints, and
 * records that came with a download may name any file of this computer. Records that were written where they lie are
 * trusted. Of others, pages are read whose hashes they know, as whoever wrote them had these files; all else must be
 * named.
 */
import type { BatchConfigInput, PageConfig } from "../../config/batch-config.js";
import { ConfigurationError, ValidationError } from "../../errors.js";
import { isThere } from "../../io/files/exists.js";
import { openPageSource } from "../../io/open-source.js";
import { sha256 } from "../../platform/sha256.js";
import type { StoredRun } from "./find-run.js";

/** What was named for the continued run. */
export interface NamedFiles {
  readonly pages?: PageConfig;
  readonly batch?: Partial<BatchConfigInput>;
}

/** A file in the records, and how another one can be named in its place. */
interface FileInRecords {
  readonly what: string;
  readonly path: string;
  readonly remedy: string;
}

const NAME_INPUT = "name the input with --set inputDir=… or --set inputZip=…";
const COLORIZE = "run the colorize command again, which names all files";

/**
 * Checks that a run reads nothing that only foreign records name.
 * @param pages the pages that will be coloured; undefined: also such as the records do not know
 * @param canName whether the command takes changed settings
 * @throws ConfigurationError `ERR_CONFIG`; as `openPageSource`
 */
export async function checkNamedFiles(
  run: StoredRun,
  pages: readonly string[] | undefined,
  named: NamedFiles = {},
  canName = true,
): Promise<void> {
  if (run.isFromHere) return;
  const file = filesOf(run, named)[0];
  const input = inputOf(run);
  const isGone = !namesInput(named) && !(await isThere(input)); // the records lie elsewhere now, and so does the input
  if (file !== undefined) {
    const remedy = isGone && file.remedy !== COLORIZE ? `${file.remedy}, and ${NAME_INPUT}` : file.remedy;
    throw untrusted(run, `${file.what} ${file.path}`, canName ? remedy : COLORIZE);
  }
  if (namesInput(named)) return;
  if (pages === undefined || isGone || !(await holds(run, input, pages)))
    throw untrusted(
      run,
      `the input ${input}, ${isGone ? "which is not there" : "with pages that they do not know"}`,
      canName ? NAME_INPUT : COLORIZE,
    );
}

/**
 * Checks that an input still has all pages of a finished archive, which would lose the others.
 * @throws ValidationError `ERR_INPUT_NOT_FOUND`; as `openPageSource`
 */
export async function checkAllThere({ record, archive }: StoredRun, named: NamedFiles = {}): Promise<void> {
  if (archive === undefined) return;
  const path = named.batch?.inputDir ?? named.batch?.inputZip ?? (record.config.inputDir ?? record.config.inputZip)!;
  const source = await openPageSource(path, { recursive: record.config.recursive });
  try {
    const names = new Set(source.entries().map(({ name }) => name));
    const gone = archive.metadata.pages.find(({ page }) => !names.has(page));
    if (gone !== undefined)
      throw new ValidationError(
        "ERR_INPUT_NOT_FOUND",
        `${path} has no ${gone.page}, from which ${archive.path} was made`,
        { remedy: "put it back, or name the input with --set inputDir=… or --set inputZip=…" },
      );
  } finally {
    await source.close();
  }
}

/** Files besides the input that nothing was named in place of. */
function filesOf({ record, history }: StoredRun, named: NamedFiles): FileInRecords[] {
  const { all, pages } = history.adjustments;
  const batch = (record.config.referenceImages ?? []).map((path) => ({
    what: "the reference",
    path,
    remedy: "name the references with --set referenceDir=…",
  }));
  const ofPages = [
    ...Object.values(record.pageConfigs),
    ...(record.added ?? []).map(({ config = {} }) => config),
    all,
    ...Object.values(pages),
  ].flatMap(({ referenceImages = [], colorHints }) => [
    ...referenceImages.map((path) => ({ what: "a page's reference", path, remedy: COLORIZE })),
    ...(typeof colorHints === "string"
      ? [{ what: "a page's picture of hints", path: colorHints, remedy: COLORIZE }]
      : []),
  ]);
  return [...(named.batch?.referenceImages === undefined ? batch : []), ...ofPages];
}

/** Whether the input has these pages as the records know them. */
async function holds(
  { record, history, archive }: StoredRun,
  input: string,
  pages: readonly string[],
): Promise<boolean> {
  const known = new Map(archive?.metadata.inputs.map(({ page, sha256: hash }) => [page, hash]) ?? history.inputs);
  const source = await openPageSource(input, { recursive: record.config.recursive });
  try {
    const entries = new Map(source.entries().map((entry) => [entry.name, entry]));
    for (const page of pages) {
      const bytes = await entries
        .get(page)
        ?.read()
        .catch(() => undefined);
      if (bytes === undefined || (await sha256(bytes)) !== known.get(page)) return false;
    }
  } finally {
    await source.close();
  }
  return true;
}

function namesInput({ batch = {} }: NamedFiles): boolean {
  return (batch.inputDir ?? batch.inputZip) !== undefined;
}

function inputOf({ record }: StoredRun): string {
  return (record.config.inputDir ?? record.config.inputZip)!;
}

function untrusted({ archive, output }: StoredRun, names: string, remedy: string): ConfigurationError {
  return new ConfigurationError(
    "ERR_CONFIG",
    archive === undefined
      ? `${output} was copied or downloaded, so the files that it refers to are not read: ${names}`
      : `${archive.path} was copied, downloaded or moved to another folder, so the files that it refers to are not read: ${names}`,
    { remedy },
  );
}
