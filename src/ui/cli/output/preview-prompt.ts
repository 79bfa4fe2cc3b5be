/**
 * Asks the person at a terminal about a preview: approve it, make it again with other settings, or leave it for later.
 */
import { createInterface, type Interface } from "node:readline/promises";
import { PAGE_SETTINGS } from "../../../config/batch-config.js";
import type { PreviewDecision } from "../../../core/preview/preview.js";
import type { PreviewResult } from "../../../core/events.js";
import { messageOf } from "../../../errors.js";
import { readSettings } from "../actions/set-values.js";
import { refuseIfNothingChanges, type OfferedFor, type WhatHelps } from "../actions/what-helps.js";
import { previewPictures } from "./summary.js";
import { printable } from "../../../text/printable.js";
import { oneLine } from "./terminal-text.js";

export interface PromptStreams {
  readonly input: NodeJS.ReadableStream & { isTTY?: boolean };
  readonly output: NodeJS.WritableStream & { isTTY?: boolean };
}

/** Whether there is a person to ask: a terminal for both question and answer, and no program that reads the output. */
export function canAsk(
  flags: { json?: boolean; quiet?: boolean },
  { input, output }: PromptStreams = { input: process.stdin, output: process.stderr },
): boolean {
  return input.isTTY === true && output.isTTY === true && flags.json !== true && flags.quiet !== true;
}

export interface PromptOptions {
  /** Default: the process's own. */
  readonly streams?: PromptStreams;
  /** What changes pictures of the model; absent: everything does. */
  readonly help?: WhatHelps;
  /** What the preview's pages were coloured with. Default: the preview's own settings. */
  readonly settings?: readonly OfferedFor[];
}

/**
 * Resolves to the decision; undefined leaves the preview waiting (an answer of "q", the end of the input, or the
 * signal).
 */
export async function askAboutPreview(
  preview: PreviewResult,
  signal: AbortSignal,
  {
    streams = { input: process.stdin, output: process.stderr },
    help,
    settings = [preview.settings],
  }: PromptOptions = {},
): Promise<PreviewDecision | undefined> {
  const terminal = createInterface({ ...streams, terminal: false }); // so that Ctrl-C stays a signal
  const ended = new Promise<undefined>((resolve) => terminal.once("close", () => resolve(undefined)));
  try {
    for (const path of previewPictures(preview)) streams.output.write(`preview: ${oneLine(path)}\n`);
    for (const { page, message } of preview.failures)
      streams.output.write(`failed: ${oneLine(page)}: ${oneLine(message)}\n`);
    const reject = (): Promise<PreviewDecision | undefined> =>
      newSettings(terminal, signal, streams.output, help, settings);
    return await Promise.race([decide(terminal, preview, signal, streams.output, reject), ended]);
  } catch (error) {
    if (signal.aborted) return undefined;
    throw error;
  } finally {
    terminal.close();
  }
}

async function decide(
  terminal: Interface,
  preview: PreviewResult,
  signal: AbortSignal,
  output: NodeJS.WritableStream,
  reject: () => Promise<PreviewDecision | undefined>,
): Promise<PreviewDecision | undefined> {
  const seeds = [...new Set(preview.seeds?.pictures.map(({ seed }) => seed))];
  const approve = seeds.length === 0 ? "[a]pprove" : `[a]pprove one seed (${seeds.join(", ")})`;
  for (;;) {
    const answer = (
      await terminal.question(`${approve}, [r]eject and try again, or [q]uit and decide later? `, { signal })
    )
      .trim()
      .toLowerCase();
    if (/^q(uit)?$/.test(answer)) return undefined;
    if (/^a(pprove)?$/.test(answer) && seeds.length === 0) return { type: "approve" };
    const seed = /^(?:a(?:pprove)?\s*)?(\d+)$/.exec(answer)?.[1];
    if (seed !== undefined && seeds.includes(Number(seed))) return { type: "approve", seed: Number(seed) };
    if (/^r(eject)?$/.test(answer)) {
      const decision = await reject();
      if (decision !== undefined) return decision;
    } else
      output.write(
        seeds.length === 0
          ? "please answer a, r or q\n"
          : `please answer with one of the seeds ${seeds.join(", ")}, or with r or q\n`,
      );
  }
}

async function newSettings(
  terminal: Interface,
  signal: AbortSignal,
  output: NodeJS.WritableStream,
  help: WhatHelps | undefined,
  settings: readonly OfferedFor[],
): Promise<PreviewDecision | undefined> {
  const ignored = help?.ignored.flatMap(({ key, unless }) => (unless === undefined ? [key as string] : [])) ?? [];
  const offered = PAGE_SETTINGS.filter((key) => !ignored.includes(key));
  const other = offered.includes("seed") ? "; empty: the next seed" : "";
  const answer = await terminal.question(
    `settings to try, such as "${help?.offers(settings)[0] ?? "seed=7 steps=20"}" (${offered.join(", ")}${other}): `,
    { signal },
  );
  try {
    const { pages = {} } = readSettings(
      answer
        .split(/\s+(?=[\w-]+=)/)
        .map((text) => text.trim())
        .filter(Boolean),
      PAGE_SETTINGS,
    );
    if (help !== undefined) refuseIfNothingChanges(help, pages, settings);
    return { type: "reject", settings: pages };
  } catch (error) {
    output.write(`${printable(messageOf(error))}\n`);
    return undefined;
  }
}
