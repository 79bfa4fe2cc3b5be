// Renames names in a shared library of ELF (64 bit, little endian) in place: its own (SONAME), those it needs, and
// those of symbol versions. The new name has as many bytes, so that nothing moves.
const DYNAMIC = 2;
const LOAD = 1;
const TAG = {
  needed: 1n,
  strings: 5n,
  soname: 14n,
  stringBytes: 10n,
  definitions: 0x6ffffffcn,
  definitionCount: 0x6ffffffdn,
  needs: 0x6ffffffen,
  needCount: 0x6fffffffn,
};

/** The hash of a version's name (System V ABI). */
function elfHash(name) {
  let hash = 0;
  for (const byte of Buffer.from(name)) {
    hash = (hash << 4) + byte;
    const high = hash & 0xf0000000;
    hash = ((hash ^ (high >>> 24)) & ~high) >>> 0;
  }
  return hash;
}

function readHeaders(elf) {
  if (elf.readUInt32BE(0) !== 0x7f454c46 || elf[4] !== 2 || elf[5] !== 1)
    throw new Error("not a 64-bit little-endian ELF file");
  const start = Number(elf.readBigUInt64LE(32));
  const segments = Array.from({ length: elf.readUInt16LE(56) }, (_, index) => {
    const at = start + index * elf.readUInt16LE(54);
    const field = (offset) => Number(elf.readBigUInt64LE(at + offset));
    return { type: elf.readUInt32LE(at), offset: field(8), address: field(16), bytes: field(32) };
  });
  const offsetOf = (address) => {
    const segment = segments.find(
      ({ type, address: from, bytes }) => type === LOAD && address >= from && address < from + bytes,
    );
    if (!segment) throw new Error(`no segment holds the address ${address}`);
    return segment.offset + address - segment.address;
  };
  const dynamic = segments.find(({ type }) => type === DYNAMIC);
  if (!dynamic) throw new Error("the file has no dynamic section");
  const tags = new Map();
  const needed = [];
  for (let at = dynamic.offset; at < dynamic.offset + dynamic.bytes; at += 16) {
    const [tag, value] = [elf.readBigInt64LE(at), Number(elf.readBigUInt64LE(at + 8))];
    if (tag === TAG.needed) needed.push(value);
    else tags.set(tag, value);
  }
  return { tags, needed, offsetOf };
}

/** Walks verdef or verneed records and sets the hash of every version that has the name. */
function rehash(elf, first, count, strings, name, { ownHash, auxiliary }) {
  const hash = elfHash(name);
  const isName = (offset) =>
    elf.subarray(strings + offset, strings + offset + name.length + 1).equals(Buffer.from(`${name}\0`));
  for (let record = first, left = count; left > 0; left--) {
    const auxiliaries = elf.readUInt16LE(record + (ownHash ? 6 : 2));
    let at = record + elf.readUInt32LE(record + (ownHash ? 12 : 8));
    for (let index = 0; index < auxiliaries; index++) {
      if (isName(elf.readUInt32LE(at + auxiliary.name)) && (!ownHash || index === 0))
        elf.writeUInt32LE(hash, ownHash ? record + 8 : at);
      at += elf.readUInt32LE(at + auxiliary.next);
    }
    record += elf.readUInt32LE(record + (ownHash ? 16 : 12));
  }
}

/** What a library is called inside (SONAME; undefined where it has none), and the names that it needs (NEEDED). */
export function namesInElf(elf) {
  const { tags, needed, offsetOf } = readHeaders(elf);
  const strings = offsetOf(tags.get(TAG.strings));
  const textAt = (offset) => elf.toString("latin1", strings + offset, elf.indexOf(0, strings + offset));
  const soname = tags.get(TAG.soname);
  return { soname: soname === undefined ? undefined : textAt(soname), needed: needed.map(textAt) };
}

/**
 * Renames every string of the dynamic string table that is exactly `from`, in place.
 * @throws Error where there is none, or the new name has another length
 */
export function renameInElf(elf, from, to) {
  const [old, fresh] = [Buffer.from(`\0${from}\0`), Buffer.from(`\0${to}\0`)];
  if (old.length !== fresh.length) throw new Error(`"${to}" must have as many bytes as "${from}"`);
  const { tags, offsetOf } = readHeaders(elf);
  const strings = offsetOf(tags.get(TAG.strings));
  const table = elf.subarray(strings, strings + tags.get(TAG.stringBytes));
  let found = 0;
  for (let at = table.indexOf(old); at >= 0; at = table.indexOf(old, at + 1), found++) fresh.copy(table, at);
  if (found === 0) throw new Error(`the file has no name "${from}"`);
  const definitions = tags.get(TAG.definitions);
  const needs = tags.get(TAG.needs);
  if (definitions !== undefined)
    rehash(elf, offsetOf(definitions), tags.get(TAG.definitionCount), strings, to, {
      ownHash: true,
      auxiliary: { name: 0, next: 4 },
    });
  if (needs !== undefined)
    rehash(elf, offsetOf(needs), tags.get(TAG.needCount), strings, to, {
      ownHash: false,
      auxiliary: { name: 8, next: 12 },
    });
}
