// Letters drawn as strokes (no font is needed), balloons, captions and sound words.
import { n } from "./pen.mjs";

// Strokes on a grid 4 wide and 6 high; strokes divided by "|".
const GLYPHS = {
  A: "0,6 2,0 4,6|0.8,4 3.2,4", B: "0,3 2.6,3 3.8,4.5 2.6,6 0,6 0,0 2.4,0 3.5,1.5 2.4,3", C: "4,1 2.6,0 1.2,0.3 0,2 0,4 1.2,5.7 2.6,6 4,5",
  D: "0,0 0,6 2,6 4,4 4,2 2,0 0,0", E: "3.6,0 0,0 0,6 3.6,6|0,3 2.8,3", F: "3.6,0 0,0 0,6|0,3 2.8,3", G: "4,1 2.6,0 1.2,0.3 0,2 0,4 1.2,5.7 2.8,6 4,5 4,3.4 2.4,3.4",
  H: "0,0 0,6|4,0 4,6|0,3 4,3", I: "0.6,0 0.6,6", J: "3.2,0 3.2,4.6 2.2,6 0.8,5.8 0,4.6", K: "0,0 0,6|3.8,0 0,3.4|1.3,2.4 4,6", L: "0,0 0,6 3.4,6",
  M: "0,6 0.4,0 2.4,3.6 4.4,0 4.8,6", N: "0,6 0,0 4,6 4,0", O: "2,0 0.6,0.7 0,3 0.6,5.3 2,6 3.4,5.3 4,3 3.4,0.7 2,0", P: "0,6 0,0 2.6,0 3.8,1.5 2.6,3.2 0,3.2",
  Q: "2,0 0.6,0.7 0,3 0.6,5.3 2,6 3.4,5.3 4,3 3.4,0.7 2,0|2.6,4.4 4.2,6.4", R: "0,6 0,0 2.6,0 3.8,1.5 2.6,3.2 0,3.2|1.8,3.2 4,6",
  S: "3.8,0.9 2.4,0 0.8,0.3 0.2,1.6 1,2.7 3,3.3 3.8,4.5 3.2,5.7 1.6,6 0,5.2", T: "0,0 4.2,0|2.1,0 2.1,6", U: "0,0 0,4.4 1,5.8 2,6 3,5.8 4,4.4 4,0", V: "0,0 2,6 4,0",
  W: "0,0 1.2,6 2.5,2 3.8,6 5,0", X: "0,0 4,6|4,0 0,6", Y: "0,0 2,3 4,0|2,3 2,6", Z: "0,0 4,0 0,6 4,6", "!": "0.6,0 0.6,4|0.6,5.7 0.6,6",
  "?": "0,1.2 1,0 2.6,0 3.4,1.4 2.6,2.8 1.6,3.4 1.6,4.2|1.6,5.7 1.6,6", ".": "0.6,5.7 0.6,6", ",": "0.8,5.6 0.4,6.8", "'": "0.6,0 0.4,1.4", "-": "0.2,3.2 2.4,3.2",
};
const SPACE = 2.4;
const GAP = 1.7;

const strokesOf = (letter) => (GLYPHS[letter] ?? "").split("|").filter(Boolean).map((stroke) => stroke.split(" ").map((point) => point.split(",").map(Number)));
const widthOf = (letter) => (letter === " " ? SPACE : Math.max(0.8, ...strokesOf(letter).flat().map(([x]) => x)));

/** Width of a line of text in pixels at a letter height of `height`. */
export function textWidth(text, height) {
  return ([...text].reduce((sum, letter) => sum + widthOf(letter) + GAP, 0) - GAP) * (height / 6);
}

/** One path for a line of text whose top left corner is (x, y); the hand shakes a little. */
function textPath(pen, text, x, y, height) {
  const unit = height / 6;
  let d = "";
  let at = x;
  for (const letter of text) {
    for (const stroke of strokesOf(letter)) {
      d += stroke.map(([px, py], i) => `${i === 0 ? "M" : "L"}${n(at + (px + pen.between(-0.13, 0.13)) * unit)} ${n(y + (py + pen.between(-0.13, 0.13)) * unit)}`).join("");
    }
    at += (widthOf(letter) + GAP) * unit;
  }
  return d;
}

/** Lines of text, centred on (x, y). */
export function lettering(pen, lines, x, y, height = 13) {
  const step = height * 1.55;
  const top = y - (step * (lines.length - 1) + height) / 2;
  return lines.map((text, i) => pen.line(textPath(pen, text, x - textWidth(text, height) / 2, top + i * step, height), height / 6.2)).join("");
}

/** A speech balloon around its text, its tail pointing to `to`. */
export function balloon(pen, lines, x, y, to, { height = 13, shout = false } = {}) {
  const rx = Math.max(...lines.map((text) => textWidth(text, height))) * 0.6 + 20;
  const ry = lines.length * height * 0.92 + 18;
  const angle = Math.atan2((to[1] - y) / ry, (to[0] - x) / rx);
  const at = (turn, reach = 1) => `${n(x + Math.cos(angle + turn) * rx * reach)} ${n(y + Math.sin(angle + turn) * ry * reach)}`;
  const bend = `${n((x + to[0]) / 2 + 6)} ${n((y + to[1]) / 2)}`;
  let d = `M${at(0.2)}A${n(rx)} ${n(ry)} 0 1 1 ${at(-0.2)}Q${bend} ${n(to[0])} ${n(to[1])}Q${bend} ${at(0.2)}Z`;
  if (shout) {
    const spikes = 22;
    const points = Array.from({ length: spikes * 2 - 1 }, (_, i) => `L${at(0.16 + ((i + 1) / (spikes * 2)) * (Math.PI * 2 - 0.32), i % 2 === 0 ? 1.16 + pen.between(0, 0.1) : 0.97)}`);
    d = `M${at(0.16)}${points.join("")}L${at(-0.16)}L${n(to[0])} ${n(to[1])}Z`;
  }
  return pen.shape(d, "#fff", 2.6) + lettering(pen, lines, x, y, height);
}

/** A box of narration with its top left corner at (x, y). */
export function caption(pen, lines, x, y, height = 12) {
  const w = Math.max(...lines.map((text) => textWidth(text, height))) + 26;
  const h = lines.length * height * 1.55 + 12;
  return pen.rect(x, y, w, h, "#fff3cf", 2.4) + lettering(pen, lines, x + w / 2, y + h / 2, height);
}

/** A sound word: fat outlined letters along a slope. */
export function soundWord(pen, text, x, y, height, turn, tint = "#ffd23e") {
  return pen.place({ x, y, turn }, () => pen.limb(textPath(pen, text, -textWidth(text, height) / 2, -height / 2, height), height / 5.5, tint));
}
