/** Several chapters in one command: which they are, and where the result of each goes. */
import { basename, join, resolve } from "node:path";
import type { BatchConfigInput } from "../../../config/batch-config.js";
import { typedPath } from "../../../core/input/typed-path.js";
import { defaultOutput, inputOf } from "../../../core/output/default-output.js";
import { ConfigurationError } from "../../../errors.js";
import { readNamedFile, readStream } from "../../../platform/named-file.js";
import { inputError } from "../../../io/files/file-errors.js";
import type { Fault } from "../../../errors/fault.js";
import type { SettingFlags } from "../flags/setting-flags.js";
import type { GatheredSettings } from "./gather-settings.js";

/** Flags that name chapters. */
type ListFlags = SettingFlags & { readonly fromFile?: string };

/**
 * The chapters of a command: its arguments, then the lines of `--from-file`.
 * @throws ConfigurationError `ERR_CONFIG` for none, for one that is named twice, and for results of one name;
 * ValidationError `ERR_INPUT_NOT_FOUND` for a list that cannot be read
 */
export async function listChapters(inputs: readonly string[], flags: ListFlags, stop?: AbortSignal): Promise<string[]> {
  const chapters = [...inputs, ...(flags.fromFile === undefined ? [] : await readList(flags.fromFile, stop))];
  if (chapters.length === 0)
    throw new ConfigurationError("ERR_CONFIG", `--from-file: ${flags.fromFile} lists no chapter`, {
      remedy: "write one path a line",
    });
  refuseTwins(chapters, (chapter) => resolve(typedPath(chapter)), {
    message: "is named twice",
    remedy: "name each chapter once",
  });
  if (flags["outputDir"] !== undefined)
    refuseTwins(chapters, resultName, {
      message: "and another chapter would have one result in --output-dir",
      remedy: "give them to commands with folders of their own, or leave --output-dir out",
    });
  return chapters;
}

async function readList(path: string, stop: AbortSignal | undefined): Promise<string[]> {
  const options = { signal: stop };
  const read = path === "-" ? readStream(process.stdin, options) : readNamedFile(typedPath(path), options);
  const list = String(await read.catch(unreadable(path, stop)));
  if (list.includes("\0"))
    throw new ConfigurationError("ERR_CONFIG", `--from-file: ${path} has NUL characters, so it is not text in UTF-8`, {
      remedy: "save it as UTF-8, one path a line",
    });
  return list
    .replace(/^\uFEFF/, "")
    .split(/\r?\n/)
    .filter((line) => line.trim() !== "");
}

function unreadable(path: string, stop: AbortSignal | undefined): (cause: unknown) => never {
  return (cause) => {
    if (stop?.aborted === true) throw stop.reason;
    throw inputError(path, cause);
  };
}

function refuseTwins(
  chapters: readonly string[],
  keyOf: (chapter: string) => string,
  { message, remedy }: Fault,
): void {
  const seen = new Set<string>();
  for (const chapter of chapters) {
    const key = keyOf(chapter);
    if (seen.has(key)) throw new ConfigurationError("ERR_CONFIG", `${chapter} ${message}`, { remedy });
    seen.add(key);
  }
}

/** Name of a chapter's result. */
function resultName(chapter: string): string {
  const output = defaultOutput(inputOf(typedPath(chapter)));
  return basename("outputZip" in output ? output.outputZip : output.outputDir);
}

/**
 * The settings of one of several chapters: a named output folder holds their results, else each is beside its chapter.
 * @throws ConfigurationError `ERR_CONFIG` for an output of one chapter
 */
export function chapterOutput(chapter: string, { settings, origins, label }: GatheredSettings): BatchConfigInput {
  const { outputDir, outputZip: _beside, ...others } = settings;
  const isNamed = (key: string): boolean => origins.has(key) && origins.get(key) !== "default";
  for (const key of ["outputZip", "zipOutputName"] as const)
    if (isNamed(key))
      throw new ConfigurationError(
        "ERR_CONFIG",
        `${label(key)} names the result of one chapter, and there are several`,
        { remedy: "name a folder for their results with --output-dir" },
      );
  if (!isNamed("outputDir") || outputDir === undefined) return settings;
  const output = defaultOutput(inputOf(typedPath(chapter)));
  const path = join(outputDir, resultName(chapter));
  return { ...others, ...("outputZip" in output ? { outputZip: path } : { outputDir: path }) };
}
