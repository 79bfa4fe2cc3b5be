// The pen: SVG strokes and shapes that are coloured on reference sheets and white with black ink on pages.
import { randomFrom } from "./random.mjs";

const INK = "#14121a";

/** A number for SVG: two decimals are plenty. */
export const n = (value) => String(Math.round(value * 100) / 100);

/**
 * A pen for one picture. `color` false leaves every fill white: line art. All methods return SVG text.
 * `weight` is the width of an outline in the units of the current group.
 */
export function createPen({ color, seed, weight = 3 }) {
  const random = randomFrom(seed);
  const style = (fill, width) => `fill="${fill}" stroke="${INK}" stroke-width="${n(width)}" stroke-linejoin="round" stroke-linecap="round"`;
  const pen = {
    color,
    random,
    weight,
    ink: INK,
    /** A colour on sheets, paper on pages. */
    paint: (tint) => (color ? tint : "#fff"),
    /** A closed, outlined shape. */
    shape: (d, tint, width = pen.weight) => `<path d="${d}" ${style(pen.paint(tint), width)}/>`,
    /** A line without a fill. */
    line: (d, width = pen.weight * 0.6) => `<path d="${d}" ${style("none", width)}/>`,
    /** A solid black area. */
    black: (d) => `<path d="${d}" fill="${INK}"/>`,
    /** A shadow or light: on coloured sheets only. */
    shade: (d, tint = "#2a1a4a", opacity = 0.18) => (color ? `<path d="${d}" fill="${tint}" fill-opacity="${opacity}"/>` : ""),
    ellipse: (x, y, rx, ry, tint, width = pen.weight) => `<ellipse cx="${n(x)}" cy="${n(y)}" rx="${n(rx)}" ry="${n(ry)}" ${style(pen.paint(tint), width)}/>`,
    dot: (x, y, r, tint = INK) => `<circle cx="${n(x)}" cy="${n(y)}" r="${n(r)}" fill="${tint}"/>`,
    rect: (x, y, w, h, tint, width = pen.weight, r = 0) => `<rect x="${n(x)}" y="${n(y)}" width="${n(w)}" height="${n(h)}" rx="${r}" ${style(pen.paint(tint), width)}/>`,
    /** A flat area of colour without an outline; nothing on pages. */
    wash: (d, tint) => (color ? `<path d="${d}" fill="${tint}"/>` : ""),
    /** An arm or leg: a thick stroke with an outline of its own. */
    limb: (d, width, tint) =>
      `<path d="${d}" fill="none" stroke="${INK}" stroke-width="${n(width + 2 * pen.weight * 0.95)}" stroke-linecap="round" stroke-linejoin="round"/>` +
      `<path d="${d}" fill="none" stroke="${pen.paint(tint)}" stroke-width="${n(width)}" stroke-linecap="round" stroke-linejoin="round"/>`,
    /** A number between `low` and `high`. */
    between: (low, high) => low + (high - low) * random(),
    /** Moves and scales what `draw` makes; outlines keep their width on paper. */
    place: ({ x, y, scale = 1, flip = false, turn = 0 }, draw) => {
      const before = pen.weight;
      pen.weight = before / scale;
      const content = draw();
      pen.weight = before;
      return `<g transform="translate(${n(x)} ${n(y)}) rotate(${n(turn)}) scale(${n(flip ? -scale : scale)} ${n(scale)})">${content}</g>`;
    },
  };
  return pen;
}
