/**
 * Checks the packed pixels of a TIFF. libtiff unpacks as much of a strip as it needs and looks at nothing
 * behind that, neither at the checksum nor at what is left, so that damaged data come out as noise.
 */
import { createInflate } from "node:zlib";
import { turn } from "../../../concurrency/take-turns.js";
import { messageOf } from "../../../errors.js";
import { readTiffBlocks, type TiffBlock } from "../headers/tiff-blocks.js";
import type { DataFaults } from "./data-faults.js";
import { lzwSize } from "./lzw-size.js";

/** What a strip or tile unpacks to. */
interface Unpacked {
  /** Followed no further than a whole one and a little more. */
  readonly sizeBytes: number;
  /** Where a code ended for the first time with all rows; not known of deflated data, which have a checksum. */
  readonly reachedBytes?: number;
  /** What is wrong with the data themselves. */
  readonly fault?: string;
  /** The data end before their checksum. */
  readonly lacksChecksum?: boolean;
}

/** Of the tag Compression. */
const UNPACKERS: Readonly<Record<number, (block: TiffBlock) => Promise<Unpacked>>> = {
  5: unpackedLzw,
  8: inflated,
  32946: inflated,
  32773: unpackedRuns,
};
const LZW_FORM = { symbolBits: 8, isTiff: true } as const;
/** Bytes that are inflated at once; zlib takes no fewer than 64. */
const [MOST_CHUNK, LEAST_CHUNK] = [1 << 18, 64];
/** Bytes behind the last row that say nothing. */
const MOST_BEHIND = 4;
const TOO_LONG = "holds more packed data than its rows have; if it looks damaged, save it anew";
const NO_CHECKSUM = "lacks the checksum of its last rows; the picture is complete, but may be damaged there";

/** Unpacks each strip or tile once more and keeps nothing of it. */
export async function checkTiffData(bytes: Uint8Array, seconds: number): Promise<DataFaults> {
  const file = readTiffBlocks(bytes);
  const unpack = file && UNPACKERS[file.compression];
  if (unpack === undefined) return {};
  const end = performance.now() + seconds * 1000;
  const warnings = new Set<string>();
  for (const [i, { data, sizeBytes, wholeBytes }] of file!.blocks.entries()) {
    await turn();
    if (performance.now() > end) return { damage: `unpacking takes more than ${seconds} s` };
    if (data.byteLength === 0) continue; // for the decoder to say
    const block = { data: file!.isBitReversed ? withBitsReversed(data) : data, sizeBytes, wholeBytes };
    const unpacked = await unpack(block);
    const judged =
      unpacked.fault === undefined ? judgeSize(unpacked, block, file!.rowBytes) : { damage: unpacked.fault };
    if (judged.damage !== undefined)
      return { damage: `${file!.kind} ${i + 1} of ${file!.blocks.length}: ${judged.damage}` };
    if (unpacked.lacksChecksum) warnings.add(NO_CHECKSUM);
    for (const warning of judged.warnings ?? []) warnings.add(warning);
  }
  return { warnings: [...warnings] };
}

/** Some programs write the last strip whole, or a few bytes behind the last row. */
function judgeSize({ sizeBytes, reachedBytes }: Unpacked, block: TiffBlock, rowBytes: number): DataFaults {
  const { sizeBytes: expected, wholeBytes } = block;
  if (sizeBytes < expected) return { damage: `unpacks to ${sizeBytes} bytes where its rows have ${expected}` };
  if (sizeBytes <= wholeBytes && sizeBytes % rowBytes === 0) return {};
  if (reachedBytes === undefined) return { warnings: [TOO_LONG] };
  return reachedBytes === expected && sizeBytes - expected <= MOST_BEHIND
    ? {}
    : { damage: `unpacks to more than the ${expected} bytes of its rows` };
}

/** The checksum speaks only at the end of the data, wherever that is. */
function inflated({ data, wholeBytes }: TiffBlock): Promise<Unpacked> {
  return new Promise((resolve) => {
    const engine = createInflate({ chunkSize: Math.max(LEAST_CHUNK, Math.min(wholeBytes + 1, MOST_CHUNK)) });
    let sizeBytes = 0;
    const settle = (unpacked: Unpacked): void => {
      engine.destroy();
      resolve(unpacked);
    };
    engine.on("data", ({ byteLength }: Buffer) => {
      sizeBytes += byteLength;
      if (sizeBytes > wholeBytes + MOST_CHUNK) settle({ sizeBytes });
    });
    engine.on("end", () => settle({ sizeBytes }));
    engine.on("error", (error: NodeJS.ErrnoException) =>
      settle(
        error.code === "Z_BUF_ERROR" ? { sizeBytes, lacksChecksum: true } : { sizeBytes, fault: messageOf(error) },
      ),
    );
    engine.end(data);
  });
}

async function unpackedLzw({ data, sizeBytes: expected, wholeBytes }: TiffBlock): Promise<Unpacked> {
  const found = await lzwSize(data, LZW_FORM, { expected, most: wholeBytes + MOST_BEHIND });
  return found.hasUndefinedCode ? { ...found, fault: "a code that nothing has defined" } : found;
}

/** PackBits: n from 0 to 127 stands before n + 1 bytes, n from 129 to 255 before a byte that counts 257 - n times. */
async function unpackedRuns({ data, sizeBytes: expected, wholeBytes }: TiffBlock): Promise<Unpacked> {
  let [sizeBytes, reachedBytes] = [0, 0];
  for (let at = 0; at < data.byteLength && sizeBytes <= wholeBytes + MOST_BEHIND;) {
    const head = data[at]!;
    if (head > 128) sizeBytes += 257 - head;
    else if (head < 128) sizeBytes += Math.min(head + 1, data.byteLength - at - 1);
    at += head > 128 ? 2 : head < 128 ? head + 2 : 1;
    if (reachedBytes === 0 && sizeBytes >= expected) reachedBytes = sizeBytes;
  }
  return { sizeBytes, reachedBytes };
}

function withBitsReversed(data: Uint8Array): Uint8Array {
  return data.map((byte) => REVERSED[byte]!);
}

const REVERSED = Uint8Array.from({ length: 256 }, (_, byte) => {
  let out = 0;
  for (let bit = 0; bit < 8; bit++) if ((byte & (1 << bit)) !== 0) out |= 128 >> bit;
  return out;
});
