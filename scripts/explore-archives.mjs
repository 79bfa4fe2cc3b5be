// `npm run test:explore -- [FOLDER ...] [--seed N] [--rounds N]`: reads archives that nobody here made, and damages
// archives at random, and prints what breaks a rule. Every outcome must be a result or an error of the engine.
//
// FOLDER: every file below it is tried as it is, called an archive. Without one, only damaged archives are tried.
// --seed: of the damage; default: the time, which is printed. --rounds: damaged archives, default 2,000.
import { createHash, randomInt } from "node:crypto";
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative, resolve } from "node:path";
import { parseArgs } from "node:util";
import { ZipFile } from "yazl";
import { listFiles, main, ROOT, say } from "./lib/steps.mjs";
import { ensureReady } from "./lib/setup.mjs";

const LIMITS = {
  maxEntries: 50_000,
  maxEntryBytes: 64 * 2 ** 20,
  maxTotalBytes: 2 ** 30,
  maxNestedBytes: 64 * 2 ** 20,
};
/** Longer than any archive here takes on a busy machine. */
const PATIENCE_MS = 120_000;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { seed: { type: "string" }, rounds: { type: "string", default: "2000" } },
});

await main(async () => {
  await ensureReady();
  const { openPageSource } = await import("../dist/io/open-source.js");
  const { openArchiveSink, openFolderSink } = await import("../dist/io/open-sink.js");
  const { isFaultOfFile } = await import("../dist/io/files/file-errors.js");
  const { BatchProcessingError } = await import("../dist/errors.js");
  const folder = await mkdtemp(join(tmpdir(), "cobra-explore-"));
  const faults = [];
  const counts = { archives: 0, opened: 0, entries: 0, read: 0, refused: 0 };

  /** Reads an archive in every way there is; @returns what broke a rule */
  const look = async (path) => {
    counts.archives++;
    let source;
    try {
      source = await openPageSource(path, { limits: LIMITS });
    } catch (error) {
      return error instanceof BatchProcessingError ? [] : [`open: ${error.stack}`];
    }
    const wrong = [];
    counts.opened++;
    try {
      const names = source.entries().map(({ name }) => name);
      if (new Set(names).size < names.length) wrong.push("two entries have one name");
      for (const { error } of source.faults)
        if (!(error instanceof BatchProcessingError)) wrong.push(`fault: ${error.stack}`);
      const sinks = [
        await openArchiveSink(join(folder, "out.cbz"), { overwrite: true, comment: source.comment }),
        await openFolderSink(join(folder, "out"), { overwrite: true }),
      ];
      let carried = 0;
      for (const entry of source.entries().slice(0, 200)) {
        counts.entries++;
        if (/(?:^|\/)\.\.(?:\/|$)|^\/|\\/u.test(entry.name)) wrong.push(`a name leads out: ${entry.name}`);
        const [whole, pieces] = [await outcome(() => entry.read()), await outcome(() => inPieces(entry))];
        if (whole !== pieces) wrong.push(`${entry.name}: read gives ${whole}, pieces give ${pieces}`);
        if (whole.startsWith("ERR_")) counts.refused++;
        else counts.read++;
        for (const sink of sinks) {
          const failed = await sink.carry(entry).then(
            () => undefined,
            (error) => error,
          );
          if (failed !== undefined && !isFaultOfFile(failed)) wrong.push(`${entry.name}: carry: ${failed.stack}`);
          else if (failed === undefined && sink === sinks[0]) carried++;
        }
      }
      const written = await sinks[0].finish();
      await sinks[1].finish();
      if (carried > 0) wrong.push(...(await lookAtOutput(written, carried)));
    } finally {
      await source.close();
      await rm(join(folder, "out"), { recursive: true, force: true });
    }
    return wrong;
  };

  const lookAtOutput = async (path, carried) => {
    const output = await openPageSource(path).catch((error) => error);
    if (output instanceof Error) return output.code === "ERR_INPUT_EMPTY" ? [] : [`output: ${output.stack}`];
    const wrong = output.faults
      .filter(({ error }) => error.code.startsWith("ERR_ZIP_"))
      .map(({ error }) => error.message);
    if (output.entries().length > carried)
      wrong.push(`the output has ${output.entries().length} of ${carried} entries`);
    await output.close();
    return wrong;
  };

  const outcome = async (read) => {
    try {
      return createHash("sha256")
        .update(await read())
        .digest("hex");
    } catch (error) {
      return error instanceof BatchProcessingError ? error.code : `another error: ${error.stack}`;
    }
  };

  const attempt = async (path, what) => {
    const late = new Promise((resolve) => setTimeout(() => resolve(["took too long"]), PATIENCE_MS).unref());
    const wrong = await Promise.race([look(path), late]).catch((error) => [error.stack]);
    for (const text of wrong) {
      faults.push(text);
      say(`${what}: ${text}`);
    }
  };

  try {
    for (const path of positionals.flatMap((root) => listFiles([relative(ROOT, resolve(root))]))) {
      if ((await stat(path)).size > 256 * 2 ** 20) continue;
      await writeFile(join(folder, "tried.cbz"), await readFile(path));
      await attempt(join(folder, "tried.cbz"), path);
    }
    const seed = Number(values.seed ?? randomInt(2 ** 31));
    say(`seed ${seed}`);
    const good = [await sample(true), await sample(false)];
    for (let round = 0; round < Number(values.rounds); round++) {
      const random = generator(seed + round);
      await writeFile(join(folder, "tried.cbz"), damaged(good[round % 2], random));
      await attempt(join(folder, "tried.cbz"), `--seed ${seed + round} --rounds 1`);
    }
    say(
      Object.entries(counts)
        .map(([name, count]) => `${count} ${name}`)
        .join(", "),
    );
    return faults.length === 0 ? 0 : 1;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

async function inPieces(entry) {
  const pieces = [];
  for await (const piece of entry.chunks()) pieces.push(piece);
  return Buffer.concat(pieces);
}

/** Mulberry32: numbers from 0 to 1. */
function generator(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Some bytes changed, most of them in headers, directory and end record; at times cut, put in or put behind. */
function damaged(good, random) {
  let bytes = Buffer.from(good);
  const places = [0x04034b50, 0x02014b50, 0x06054b50].flatMap((signature) => {
    const found = [];
    const mark = Buffer.alloc(4);
    mark.writeUInt32LE(signature);
    for (let at = bytes.indexOf(mark); at >= 0; at = bytes.indexOf(mark, at + 1)) found.push(at);
    return found;
  });
  for (let n = 1 + Math.floor(random() * 5); n > 0; n--) {
    const inHeader = places[Math.floor(random() * places.length)] + Math.floor(random() * 50);
    const at = Math.min(bytes.length - 1, random() < 0.8 ? inHeader : Math.floor(random() * bytes.length));
    bytes[at] = [0, 1, 0xff, Math.floor(random() * 256)][Math.floor(random() * 4)];
  }
  const kind = random();
  const at = Math.floor(random() * bytes.length);
  if (kind < 0.1) bytes = bytes.subarray(0, at);
  else if (kind < 0.2) bytes = Buffer.concat([bytes, bytes.subarray(at)]);
  else if (kind < 0.3)
    bytes = Buffer.concat([bytes.subarray(0, at), Buffer.alloc(1 + Math.floor(random() * 20)), bytes.subarray(at)]);
  return bytes;
}

/** An archive of pages, a text, and an archive inside. */
async function sample(compress, nested = true) {
  const zip = new ZipFile();
  const page = Buffer.concat([Buffer.from("\x89PNG\r\n\x1a\n", "latin1"), Buffer.alloc(3000, "page")]);
  const options = { compress, mtime: new Date(2020, 0, 1) };
  zip.addBuffer(page, "001.png", options);
  zip.addBuffer(page, "ch\u{e9}/002", options);
  zip.addBuffer(Buffer.from("<ComicInfo/>"), "ComicInfo.xml", options);
  if (nested) zip.addBuffer(await sample(compress, false), "part2.cbz", options);
  zip.end({ comment: "a comment" });
  const chunks = [];
  for await (const chunk of zip.outputStream) chunks.push(chunk);
  return Buffer.concat(chunks);
}
