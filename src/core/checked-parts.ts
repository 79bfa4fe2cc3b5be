/**
 * The one door for what a program's own parts give a batch: its sources, its sink and its callbacks. Each answer is
 * checked before it is used (`ERR_ARGUMENT`); what the parts throw themselves passes as it is.
 */
import { types } from "node:util";
import type { PageConfig } from "../config/batch-config.js";
import { checkArgument, checkList, checkObject, checkText, checkWhole } from "../errors/arguments.js";
import { isError } from "../errors/facts.js";
import type { PageSink } from "../io/page-sink.js";
import type { PageSource, SourceEntry, SourceFault, SourceNotice } from "../io/page-source.js";
import type { BatchProcessorOptions } from "./batch-options.js";

/** The same options with every part of the program's checked. */
export function checkedParts(options: BatchProcessorOptions): BatchProcessorOptions {
  const { source, references, sink, openInput, pageConfig } = options;
  return {
    ...options,
    ...(source === undefined ? {} : { source: checkedSource("source", source) }),
    ...(references === undefined ? {} : { references: checkedSource("references", references) }),
    ...(sink === undefined ? {} : { sink: checkedSink(sink) }),
    ...(openInput === undefined
      ? {}
      : {
          openInput: async (path) => {
            const opened: unknown = await openInput(path);
            checkObject("what openInput gives", opened);
            return checkedSource("what openInput gives", opened as PageSource);
          },
        }),
    ...(pageConfig === undefined ? {} : { pageConfig: checkedPageConfig(pageConfig) }),
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

function checkedSource(what: string, source: PageSource): PageSource {
  const seen = new WeakMap<SourceEntry, SourceEntry>();
  const one = (entry: SourceEntry, where: string): SourceEntry => {
    checkObject(where, entry);
    let checked = seen.get(entry);
    if (checked === undefined) seen.set(entry, (checked = checkedEntry(where, entry)));
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
    close: () => source.close(),
  };
}

function listOf<T>(what: string, value: unknown): readonly T[] {
  forgetPromise(value);
  checkList(what, value);
  return [...(value as Iterable<T>)];
}

/** A promise where none belongs is refused; that it rejects too is nobody's concern. */
function forgetPromise(value: unknown): void {
  if (types.isPromise(value)) value.catch(() => undefined);
}

function checkedEntry(where: string, entry: SourceEntry): SourceEntry {
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
      const bytes: unknown = await entry.read();
      checkBytes(`what read() of ${called} gives`, bytes);
      return bytes as Uint8Array<ArrayBuffer>;
    },
    ...(entry.chunks === undefined ? {} : { chunks: () => checkedChunks(called, entry.chunks!()) }),
  };
}

async function* checkedChunks(called: string, pieces: unknown): AsyncGenerator<Uint8Array> {
  const what = `what chunks() of ${called} gives`;
  checkArgument(
    typeof pieces === "object" && pieces !== null && Symbol.asyncIterator in pieces,
    what,
    pieces,
    "an async iterable of Uint8Array",
  );
  for await (const piece of pieces as AsyncIterable<unknown>) {
    checkBytes(`a piece of ${what}`, piece);
    yield piece;
  }
}

function checkBytes(what: string, value: unknown): asserts value is Uint8Array {
  checkArgument(types.isUint8Array(value), what, value, "a Uint8Array or Buffer");
}

function checkedSink(sink: PageSink): PageSink {
  const place = async (method: string, call: () => unknown): Promise<string> => {
    const where: unknown = await call();
    checkArgument(typeof where === "string", `what sink.${method}() gives`, where, "text");
    return where as string;
  };
  return {
    write: (name, bytes) => place("write", () => sink.write(name, bytes)),
    replace: (name, bytes) => place("replace", () => sink.replace(name, bytes)),
    carry: (entry, replaces) => place("carry", () => sink.carry(entry, replaces)),
    finish: (metadata) => place("finish", () => sink.finish(metadata)),
    abort: async () => sink.abort(),
  };
}
