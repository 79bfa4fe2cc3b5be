// What stands around the cast: sky, hills, trees, houses, water, night. Every function returns SVG text.
import { n } from "./pen.mjs";

export function sky(pen, w, h, top = "#7cc8f2", bottom = "#dff3fb") {
  if (!pen.color) return "";
  const id = `sky${Math.floor(pen.random() * 1e9)}`;
  return `<linearGradient id="${id}" x2="0" y2="1"><stop offset="0" stop-color="${top}"/><stop offset="1" stop-color="${bottom}"/></linearGradient><rect width="${w}" height="${h}" fill="url(#${id})"/>`;
}

export function cloud(pen, x, y, s = 1) {
  return pen.place({ x, y, scale: s }, () => pen.shape("M-46 14 C-64 14 -64 -10 -44 -10 C-42 -30 -12 -34 -6 -20 C4 -34 34 -28 32 -10 C54 -14 58 14 40 14 Z", "#ffffff", pen.weight * 0.75) + pen.line("M-20 -4 C-14 -12 -4 -12 0 -6"));
}

export function sun(pen, x, y, r) {
  const rays = Array.from({ length: 14 }, (_, i) => {
    const a = (i / 14) * Math.PI * 2;
    return pen.line(`M${n(x + Math.cos(a) * r * 1.25)} ${n(y + Math.sin(a) * r * 1.25)} L${n(x + Math.cos(a) * r * (i % 2 ? 1.5 : 1.7))} ${n(y + Math.sin(a) * r * (i % 2 ? 1.5 : 1.7))}`);
  });
  return pen.ellipse(x, y, r, r, "#ffd84a", pen.weight * 0.8) + rays.join("");
}

/** A rolling edge of ground from the left to the right of a panel; below it everything is filled. */
export function hill(pen, w, h, y, rise, tint, shift = 0) {
  return pen.shape(`M-20 ${n(y + rise * Math.sin(shift))} C${n(w * 0.25)} ${n(y - rise)} ${n(w * 0.45)} ${n(y - rise * Math.cos(shift))} ${n(w * 0.6)} ${n(y)} S${n(w * 0.9)} ${n(y + rise)} ${n(w + 20)} ${n(y - rise * 0.4)} L${n(w + 20)} ${n(h + 20)} L-20 ${n(h + 20)} Z`, tint);
}

export function grass(pen, w, y0, y1, count) {
  return Array.from({ length: count }, () => {
    const x = pen.between(8, w - 8);
    const y = pen.between(y0, y1);
    return pen.line(`M${n(x - 6)} ${n(y)} q2 -6 0 -9 M${n(x)} ${n(y)} q0 -8 1 -12 M${n(x + 6)} ${n(y)} q-1 -6 2 -9`, pen.weight * 0.45);
  }).join("");
}

export function flower(pen, x, y, tint) {
  const petals = [0, 1, 2, 3, 4].map((i) => pen.ellipse(x + Math.cos(i * 1.257) * 4.5, y - 16 + Math.sin(i * 1.257) * 4.5, 3.8, 3.8, tint, pen.weight * 0.45));
  return pen.line(`M${x} ${y} q1 -8 0 -13`) + petals.join("") + pen.ellipse(x, y - 16, 2.8, 2.8, "#ffd23e", pen.weight * 0.4);
}

export function tree(pen, x, y, s = 1, tint = "#5fb04a") {
  return pen.place({ x, y, scale: s }, () =>
    pen.shape("M-11 2 C-8 -20 -8 -40 -12 -62 L12 -62 C8 -40 8 -20 13 2 Z", "#9a6a3c") + pen.line("M-3 -12 L-2 -34") + pen.line("M4 -22 L4 -44") +
    pen.shape("M-48 -62 C-70 -66 -68 -98 -46 -100 C-50 -128 -18 -140 -4 -124 C12 -142 46 -130 42 -104 C66 -102 68 -66 46 -62 C30 -52 14 -54 4 -60 C-10 -50 -34 -50 -48 -62 Z", tint) +
    pen.shade("M46 -62 C66 -66 66 -102 42 -104 C48 -84 20 -66 -40 -60 C-20 -52 -8 -54 4 -60 C14 -54 30 -52 46 -62 Z", "#0b3a2a", 0.22) + pen.line("M-34 -92 q8 -10 16 -2") + pen.line("M2 -108 q9 -10 18 0") + pen.line("M-6 -80 q8 -8 16 0") + pen.line("M24 -82 q7 -8 14 0"));
}

export function pine(pen, x, y, s = 1) {
  return pen.place({ x, y, scale: s }, () => pen.shape("M-7 2 L-6 -16 L6 -16 L7 2 Z", "#8a5a34") + [[-16, 40], [-50, 33], [-82, 25]].map(([base, half]) => pen.shape(`M${-half} ${base} Q${-half * 0.4} ${base - 14} 0 ${base - 56} Q${half * 0.4} ${base - 14} ${half} ${base} Q0 ${base + 8} ${-half} ${base} Z`, "#3f8f5c")).join("") + pen.line("M-16 -24 q6 5 12 2") + pen.line("M4 -58 q6 4 11 2"));
}

export function bush(pen, x, y, s = 1, tint = "#74bb52") {
  return pen.place({ x, y, scale: s }, () => pen.shape("M-44 4 C-58 -8 -44 -30 -28 -24 C-22 -44 10 -44 16 -26 C34 -34 54 -12 44 4 Z", tint) + pen.line("M-20 -12 q7 -8 14 0") + pen.line("M10 -14 q7 -8 14 0"));
}

export function house(pen, x, y, s = 1) {
  return pen.place({ x, y, scale: s }, () => [
    pen.shape("M30 -70 L30 -140 L50 -140 L50 -70 Z", "#b5533c") + pen.rect(26, -146, 28, 9, "#b5533c"), pen.rect(-52, -76, 104, 78, "#ffe9b8"), pen.shape("M-68 -70 L0 -132 L68 -70 Z", "#d8553f"),
    pen.line("M-44 -84 L44 -84"), pen.line("M-28 -98 L28 -98"), pen.line("M-13 -112 L13 -112"), pen.shape("M-14 2 L-14 -34 Q0 -48 14 -34 L14 2 Z", "#8a5a34"), pen.dot(8, -14, 2.4),
    ...[-44, 22].map((left) => pen.rect(left, -58, 22, 24, "#9fdcf5") + pen.line(`M${left + 11} -58 L${left + 11} -34 M${left} -46 L${left + 22} -46`)),
  ].join(""));
}

export function fence(pen, x, y, count) {
  const posts = Array.from({ length: count }, (_, i) => pen.shape(`M${x + i * 22} ${y} L${x + i * 22} ${y - 30} L${x + i * 22 + 6} ${y - 37} L${x + i * 22 + 12} ${y - 30} L${x + i * 22 + 12} ${y} Z`, "#ffffff", pen.weight * 0.75));
  return pen.rect(x - 6, y - 25, count * 22, 5, "#ffffff", pen.weight * 0.7) + pen.rect(x - 6, y - 12, count * 22, 5, "#ffffff", pen.weight * 0.7) + posts.join("");
}

export function water(pen, w, h, y) {
  const ripples = Array.from({ length: Math.round((w * (h - y)) / 3600) }, () => {
    const rx = pen.between(0, w);
    const ry = pen.between(y + 12, h - 6);
    const length = pen.between(14, 34);
    return pen.line(`M${n(rx)} ${n(ry)} q${n(length / 4)} -5 ${n(length / 2)} 0 t${n(length / 2)} 0`, pen.weight * 0.5);
  });
  return pen.shape(`M-10 ${y} L${w + 10} ${y} L${w + 10} ${h + 10} L-10 ${h + 10} Z`, "#58b7dc", pen.weight * 0.8) + ripples.join("");
}

/** A rowing boat's hull, to be drawn over its passengers. */
export function boat(pen, x, y, s = 1) {
  return pen.place({ x, y, scale: s }, () => pen.shape("M-140 -38 C-70 -28 70 -28 140 -38 C132 0 96 26 60 28 L-60 28 C-96 26 -132 0 -140 -38 Z", "#c4763a") + pen.line("M-134 -20 C-70 -10 70 -10 134 -20") + pen.line("M-122 -2 C-70 8 70 8 122 -2") + pen.limb("M-60 -24 L-170 30", 5, "#e6b877") + pen.shape("M-166 22 L-200 34 L-196 52 L-160 38 Z", "#e6b877"));
}

export function stars(pen, w, h, count) {
  return Array.from({ length: count }, () => {
    const x = pen.between(10, w - 10);
    const y = pen.between(10, h);
    const r = pen.between(2.5, 6.5);
    const k = r * 0.25;
    return `<path d="M${n(x)} ${n(y - r)}L${n(x + k)} ${n(y - k)}L${n(x + r)} ${n(y)}L${n(x + k)} ${n(y + k)}L${n(x)} ${n(y + r)}L${n(x - k)} ${n(y + k)}L${n(x - r)} ${n(y)}L${n(x - k)} ${n(y - k)}Z" fill="#fff"/>`;
  }).join("");
}

export function moon(pen, x, y, r) {
  return pen.ellipse(x, y, r, r, "#ffefae", pen.weight * 0.8) + pen.ellipse(x - r * 0.35, y - r * 0.2, r * 0.2, r * 0.17, "#f2d98a", pen.weight * 0.5) + pen.ellipse(x + r * 0.25, y + r * 0.35, r * 0.26, r * 0.2, "#f2d98a", pen.weight * 0.5) + pen.ellipse(x + r * 0.35, y - r * 0.4, r * 0.13, r * 0.11, "#f2d98a", pen.weight * 0.5);
}

/** What a figure throws on the ground: short strokes on pages, a soft spot on sheets. */
export function groundShadow(pen, x, y, halfWidth) {
  if (pen.color) return `<ellipse cx="${n(x)}" cy="${n(y)}" rx="${n(halfWidth)}" ry="${n(halfWidth * 0.2)}" fill="#1a2a4a" fill-opacity="0.22"/>`;
  return [-0.95, -0.6, -0.2, 0.2, 0.6, 0.95].map((part, i) => pen.line(`M${n(x + part * halfWidth - 7)} ${n(y + (i % 2 ? 3 : -1))} l14 -1`, 1.6)).join("");
}

export function campfire(pen, x, y, s = 1) {
  return pen.place({ x, y, scale: s }, () => pen.shape("M0 -66 C22 -44 34 -30 26 -8 C16 4 -16 4 -26 -8 C-34 -26 -18 -34 -14 -50 C-6 -44 -4 -52 0 -66 Z", "#ff9a2e") + pen.shape("M2 -38 C12 -26 16 -16 10 -6 C4 0 -8 0 -12 -6 C-16 -18 -4 -22 2 -38 Z", "#ffe066", pen.weight * 0.7) + pen.limb("M-34 6 L30 -4", 9, "#9a6a3c") + pen.limb("M34 6 L-30 -4", 9, "#9a6a3c"));
}

export function rock(pen, x, y, s = 1) {
  return pen.place({ x, y, scale: s }, () => pen.shape("M-34 4 C-38 -14 -22 -32 -4 -30 C16 -36 36 -16 34 4 Z", "#a9aab6") + pen.line("M-10 -22 L-16 -10") + pen.line("M10 -20 L16 -8 L10 -2"));
}

/** Lines that fly outward from (x, y), leaving a free middle: speed or surprise. */
export function burst(pen, w, h, x, y, inner, count = 46) {
  const reach = Math.hypot(w, h);
  return Array.from({ length: count }, (_, i) => {
    const a = (i / count) * Math.PI * 2 + pen.between(-0.04, 0.04);
    const from = inner * pen.between(0.95, 1.3);
    return pen.black(`M${n(x + Math.cos(a) * from)} ${n(y + Math.sin(a) * from * 0.85)} L${n(x + Math.cos(a - 0.012) * reach)} ${n(y + Math.sin(a - 0.012) * reach)} L${n(x + Math.cos(a + 0.012) * reach)} ${n(y + Math.sin(a + 0.012) * reach)} Z`);
  }).join("");
}

/** The treasure map. */
export function map(pen, x, y, s = 1, turn = 0) {
  return pen.place({ x, y, scale: s, turn }, () => pen.shape("M-46 -30 Q-24 -38 0 -30 T46 -30 L46 30 Q24 38 0 30 T-46 30 Z", "#f6dfa4") + `<path d="M-34 16 C-20 -8 -4 18 8 -2 S28 -6 28 -12" fill="none" stroke="${pen.ink}" stroke-width="${n(pen.weight * 0.8)}" stroke-dasharray="${n(pen.weight * 2)} ${n(pen.weight * 1.8)}"/>` + pen.line("M22 -20 L34 -6 M34 -20 L22 -6", pen.weight) + pen.line("M-36 -14 l8 -10 l8 10 M-24 -14 l6 -7 l6 7"));
}
