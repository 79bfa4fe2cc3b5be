// Machine code for GPUs in a library ("fatbin"): which chips it is for, and a copy that keeps the code for one of them.
// Layout as NVIDIA's `cuobjdump` and the open CUDA loaders read it: the section .nv_fatbin holds containers of 16 bytes
// of header and entries; an entry has a header (kind, its own size, the payload's, the chip) and a payload.
const MAGIC = 0xba55ed50;
const SECTION = ".nv_fatbin";
const KIND = { ptx: 1, machineCode: 2 };

function findSection(elf) {
  const [start, size, count, names] = [
    Number(elf.readBigUInt64LE(40)),
    elf.readUInt16LE(58),
    elf.readUInt16LE(60),
    elf.readUInt16LE(62),
  ];
  const field = (index, offset) => Number(elf.readBigUInt64LE(start + index * size + offset));
  const strings = field(names, 24);
  for (let index = 0; index < count; index++) {
    const name = strings + elf.readUInt32LE(start + index * size);
    if (elf.toString("latin1", name, elf.indexOf(0, name)) === SECTION)
      return { offset: field(index, 24), bytes: field(index, 32) };
  }
  return undefined;
}

/** Every piece of code: `{kind, capability, offset, bytes}`; the capability such as "9.0". */
function* entries(elf) {
  const section = findSection(elf);
  if (section === undefined) return;
  const end = section.offset + section.bytes;
  for (let at = section.offset; at + 16 <= end;) {
    if (elf.readUInt32LE(at) !== MAGIC) {
      at += 8; // containers are aligned; what lies between is padding
      continue;
    }
    const last = at + elf.readUInt16LE(at + 6) + Number(elf.readBigUInt64LE(at + 8));
    let entry = at + elf.readUInt16LE(at + 6);
    while (entry < last) {
      const header = elf.readUInt32LE(entry + 4);
      const bytes = Number(elf.readBigUInt64LE(entry + 8));
      const chip = elf.readUInt32LE(entry + 28);
      if (header < 32 || entry + header + bytes > last) throw new Error(`${SECTION} has a damaged entry at ${entry}`);
      yield {
        kind: elf.readUInt16LE(entry),
        capability: `${Math.floor(chip / 10)}.${chip % 10}`,
        offset: entry + header,
        bytes,
      };
      entry += header + bytes;
    }
    at = last;
  }
}

/** The compute capabilities that a library has machine code for, lowest first. */
export function chipsOf(elf) {
  const found = new Set();
  for (const { kind, capability } of entries(elf)) if (kind === KIND.machineCode) found.add(capability);
  return [...found].sort((a, b) => Number(a) - Number(b));
}

/**
 * Fills the code for all other chips with zeros, in place: nothing moves, and zeros take no room in an archive. The
 * driver chooses an entry by its header and reads no other.
 * @returns bytes of code that are left
 * @throws Error where there is code, but none that runs on the chip
 */
export function keepChip(elf, capability) {
  const [major, minor] = capability.split(".").map(Number);
  const runs = (other) => {
    const [first, second] = other.split(".").map(Number);
    return first === major && second <= minor;
  };
  const chips = chipsOf(elf);
  if (chips.length > 0 && !chips.some(runs))
    throw new Error(`there is no code for compute capability ${capability}, only for ${chips.join(", ")}`);
  let left = 0;
  for (const { capability: one, offset, bytes } of entries(elf)) {
    if (runs(one)) left += bytes;
    else elf.fill(0, offset, offset + bytes);
  }
  return left;
}
