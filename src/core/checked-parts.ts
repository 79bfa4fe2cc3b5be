/**
 * The one door for what a program's own parts give a batch: its sources, its sink and its callbacks. Each answer is
 * checked before it is used (`ERR_ARGUMENT`); what the parts throw themselves passes as it is. A part that does not
 * answer holds no batch up that was given up.
 */
import { types } from "node:util";
import type { PageConfig } from "../config/batch-config.js";
import { abortable } from "../concurrency/abortable.js";
import {
  checkArgument,
  checkBytes,
  checkList,
  checkMethods,
  checkObject,
  checkText,
  checkWhole,
  forgetPromise,
} from "../errors/arguments.js";
import { isError } from "../errors/facts.js";
import type { PageSink } from "../io/page-sink.js";
import type { PageSource, SourceEntry, SourceFault, SourceNotice } from "../io/page-source.js";
import type { BatchProcessorOptions } from "./batch-options.js";
import type { PartsEnd } from "./checked-engine.js";

/** The same options with every part of the program's checked. */
export function checkedParts(options: BatchProcessorOptions, end: PartsEnd): BatchProcessorOptions {
  const { source, references, sink, openInput, pageConfig, pagesInFlight, redact } = options;
  const { left } = end;
  return {
    ...options,
    ...(source === undefined ? {} : { source: checkedSource("source", source, left) }),
    ...(references === undefined ? {} : { references: checkedSource("references", references, left) }),
    ...(sink === undefined ? {} : { sink: checkedSink(sink, end) }),
    ...(openInput === undefined
      ? {}
      : {
          openInput: async (path) => {
            const opened: unknown = await abortable(Promise.resolve(openInput(path)), left, closeUnused);
            checkMethods("what openInput gives", opened, ["entries", "close"]);
            return checkedSource("what openInput gives", opened as PageSource, left);
          },
        }),
    ...(pageConfig === undefined ? {} : { pageConfig: checkedPageConfig(pageConfig) }),
    ...(pagesInFlight === undefined ? {} : { pagesInFlight: checkedPagesInFlight(pagesInFlight, end) }),
    ...(redact === undefined ? {} : { redact: checkedRedact(redact) }),
  };
}

/** An input that was opened after the batch had ended. */
function closeUnused(opened: PageSource): void {
  void (async () => opened.close())().catch(() => undefined);
}

/** It is asked in the middle of pages' work, where a fault would be taken for the page's: it ends the batch instead. */
function checkedPagesInFlight(given: () => number, { giveUp }: PartsEnd): () => number {
  let failed = false;
  return () => {
    if (failed) return 1;
    try {
      const pages: unknown = given();
      forgetPromise(pages);
      checkWhole("what pagesInFlight gives", pages);
      return Math.max(1, pages);
    } catch (error) {
      failed = true;
      giveUp(error);
      return 1;
    }
  };
}

function checkedRedact(given: (message: string) => string): (message: string) => string {
  return (message) => {
    const text: unknown = given(message);
    forgetPromise(text);
    checkArgument(typeof text === "string", "what redact gives", text, "text");
    return text;
  };
}

function checkedPageConfig(given: (name: string) => PageConfig): (name: string) => PageConfig {
  return (name) => {
    const settings: unknown = given(name);
    forgetPromise(settings);
    const what = `what pageConfig gives for ${JSON.stringify(name)}`;
    checkArgument(!types.isPromise(settings), what, settings, "the settings themselves, not a promise");
    checkObject(what, settings);
    return settings;
  };
}

function checkedSource(what: string, source: PageSource, left: AbortSignal): PageSource {
  let closing: Promise<void> | undefined;
  const seen = new WeakMap<SourceEntry, SourceEntry>();
  const one = (entry: SourceEntry, where: string): SourceEntry => {
    checkObject(where, entry);
    let checked = seen.get(entry);
    if (checked === undefined) seen.set(entry, (checked = checkedEntry(where, entry, left)));
    return checked;
  };
  return {
    get path() {
      const { path } = source;
      checkArgument(typeof path === "string", `${what}.path`, path, "text");
      return path;
    },
    get comment() {
      const { comment } = source;
      checkArgument(comment === undefined || types.isUint8Array(comment), `${what}.comment`, comment, "a Uint8Array");
      return comment;
    },
    get faults() {
      return listOf<SourceFault>(`${what}.faults`, source.faults).map((fault, index) => {
        const where = `${what}.faults[${index}]`;
        checkObject(where, fault);
        checkText(`${where}.name`, fault.name);
        checkArgument(isError(fault.error), `${where}.error`, fault.error, "an error");
        return fault.file === undefined ? fault : { ...fault, file: one(fault.file, `${where}.file`) };
      });
    },
    get warnings() {
      const { warnings } = source;
      return warnings === undefined
        ? undefined
        : listOf<SourceNotice>(`${what}.warnings`, warnings).map((warning, index) => {
            checkObject(`${what}.warnings[${index}]`, warning);
            checkText(`${what}.warnings[${index}].message`, warning.message);
            return warning;
          });
    },
    entries: () =>
      listOf<SourceEntry>(`what ${what}.entries() gives`, source.entries()).map((entry, index) =>
        one(entry, `entry ${index} of ${what}`),
      ),
    // Late, it is told and not waited for.
    close: () => (closing ??= unlessLeft((async () => source.close())(), left)),
  };
}

function listOf<T>(what: string, value: unknown): readonly T[] {
  forgetPromise(value);
  checkList(what, value);
  return [...(value as Iterable<T>)];
}

/** Waits for work that ends a part; what it comes to after the batch has left it is nobody's concern. */
async function unlessLeft(work: Promise<void>, left: AbortSignal): Promise<void> {
  try {
    await abortable(work, left);
  } catch (error) {
    if (!left.aborted) throw error;
  }
}

function checkedEntry(where: string, entry: SourceEntry, left: AbortSignal): SourceEntry {
  const { name, kind, format, sizeBytes, version } = entry;
  checkText(`${where}: its name`, name);
  const called = `the entry ${JSON.stringify(name)}`;
  checkArgument(kind === "image" || kind === "other", `${called}: its kind`, kind, `"image" or "other"`);
  checkWhole(`${called}: its sizeBytes`, sizeBytes);
  for (const [key, value] of Object.entries({ format, version }))
    checkArgument(value === undefined || typeof value === "string", `${called}: its ${key}`, value, "text");
  for (const key of ["read", "chunks"] as const)
    checkArgument(
      typeof entry[key] === "function" || (key === "chunks" && entry.chunks === undefined),
      `${called}: its ${key}`,
      entry[key],
      "a function",
    );
  return {
    name,
    kind,
    format,
    sizeBytes,
    version,
    async read() {
      const bytes: unknown = await abortable(Promise.resolve(entry.read()), left);
      checkBytes(`what read() of ${called} gives`, bytes);
      return bytes as Uint8Array<ArrayBuffer>;
    },
    ...(entry.chunks === undefined ? {} : { chunks: () => checkedChunks(called, entry.chunks!(), left) }),
  };
}

async function* checkedChunks(called: string, pieces: unknown, left: AbortSignal): AsyncGenerator<Uint8Array> {
  const what = `what chunks() of ${called} gives`;
  checkArgument(
    typeof pieces === "object" && pieces !== null && Symbol.asyncIterator in pieces,
    what,
    pieces,
    "an async iterable of Uint8Array",
  );
  const iterator = (pieces as AsyncIterable<unknown>)[Symbol.asyncIterator]();
  try {
    for (;;) {
      const next = await abortable(Promise.resolve(iterator.next()), left);
      if (next.done === true) return;
      checkBytes(`a piece of ${what}`, next.value);
      yield next.value;
    }
  } finally {
    await unlessLeft((async () => void (await iterator.return?.()))(), left);
  }
}

function checkedSink(sink: PageSink, { giveUp, left }: PartsEnd): PageSink {
  const place = async (method: string, call: () => unknown): Promise<string> => {
    const where: unknown = await abortable(Promise.resolve(call()), left);
    try {
      checkArgument(typeof where === "string", `what sink.${method}() gives`, where, "text");
    } catch (error) {
      giveUp(error); // it is no page's fault
      throw error;
    }
    return where;
  };
  return {
    write: (name, bytes) => place("write", () => sink.write(name, bytes)),
    replace: (name, bytes) => place("replace", () => sink.replace(name, bytes)),
    carry: (entry, replaces) => place("carry", () => sink.carry(entry, replaces)),
    finish: (metadata) => place("finish", () => sink.finish(metadata)),
    abort: () => unlessLeft((async () => sink.abort())(), left),
  };
}
