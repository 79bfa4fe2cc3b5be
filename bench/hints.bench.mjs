// Colour hints grown to their regions, gaps closed, against a flood fill in plain JavaScript that closes none: time of
// one core.
import { growHints } from "../dist/binding/pixels/hints.js";
import { compare, report } from "./harness.mjs";

/** Tiles of flat paper with lines of 3 pixels, and a dot of its own colour in each. */
function scene(width, height) {
  const page = { width, height, channels: 3, data: new Uint8Array(width * height * 3).fill(255) };
  const marks = { width, height, channels: 4, data: new Uint8Array(width * height * 4) };
  const side = Math.round(width / 12);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      if (x % side < 3 || y % side < 3) page.data.fill(0, 3 * (y * width + x), 3 * (y * width + x) + 3);
      if (Math.hypot((x % side) - side / 2, (y % side) - side / 2) < 3)
        marks.data.set([(x / side) * 20, (y / side) * 14, 90, 255], 4 * (y * width + x));
    }
  }
  return { page, marks };
}

function floodFill({ page, marks }) {
  const { width, height } = page;
  const data = marks.data.slice();
  const pending = [];
  for (let i = 0; i < width * height; i++) if (data[4 * i + 3] === 255) pending.push(i);
  for (let next = 0; next < pending.length; next++) {
    const i = pending[next],
      x = i % width;
    for (const other of [x > 0 ? i - 1 : -1, x + 1 < width ? i + 1 : -1, i - width, i + width]) {
      if (other < 0 || other >= width * height || data[4 * other + 3] !== 0 || page.data[3 * other] < 128) continue;
      data.copyWithin(4 * other, 4 * i, 4 * i + 4);
      pending.push(other);
    }
  }
  return { ...marks, data };
}

const results = [];
for (const [name, width, height, rounds] of [["1 MP, 216 dots", 832, 1216, 5]]) {
  const given = scene(width, height);
  const ours = growHints(given.page, given.marks),
    theirs = floodFill(given);
  let apart = 0;
  for (let i = 0; i < width * height; i++)
    if (theirs.data[4 * i + 3] === 255 && ours.data[4 * i] !== theirs.data[4 * i]) apart++;
  if (apart > 0)
    throw new Error(`${apart} pixels have another colour than the flood fill's, although no line has a gap`);
  const timed = (action) => async () => {
    const start = process.cpuUsage();
    action();
    const { user, system } = process.cpuUsage(start);
    return (user + system) / 1000;
  };
  results.push(
    await compare({
      name,
      unit: "ms of one core",
      rounds,
      candidates: {
        ours: timed(() => growHints(given.page, given.marks)),
        "flood fill, JavaScript": timed(() => floodFill(given)),
      },
    }),
  );
}
report("hint growth", results, "build/bench");
