// The cast: Rosa (ponytail, bow, dress, satchel), Teo (spiky hair, glasses, hoodie, backpack) and Mochi (a cat with a scarf).
import { n } from "./pen.mjs";

export const TINTS = {
  skin: "#ffdcc0", skinTeo: "#e8b48c", blush: "#ff8d86", rosaHair: "#f08a24", bow: "#e0314f", dress: "#3f78d8", collar: "#fff6e4", bag: "#c98a3a", boots: "#7a4a2a",
  teoHair: "#1f9c8c", hoodie: "#d8433a", shorts: "#46506e", shoes: "#f4c430", pack: "#5a8f3c", fur: "#9a7bd0", belly: "#e9dcff", scarf: "#ffcf2e", irisRosa: "#3aa05a", irisTeo: "#8a5a2a", irisMochi: "#f2b632",
};

/** Elbow and hand of the right arm in figure units; the left arm is its mirror image. */
const ARMS = {
  down: [36, -74, 33, -52], wave: [62, -78, 72, -122], point: [42, -84, 70, -90], front: [42, -66, 13, -64], up: [58, -92, 64, -140], hip: [54, -76, 25, -60], back: [46, -78, 56, -60], chin: [44, -62, 24, -92],
};
/** Feet: [left x, left y, right x, right y]. */
const LEGS = { stand: [-12, -3, 12, -3], walk: [-22, -6, 18, -3], run: [-40, -20, 28, -4], jump: [-24, -18, 26, -26] };

/** Eyes, brows and mouth. `look` shifts the face sideways, -1 to 1. */
function face(pen, { mood, look, iris, glasses }) {
  const dx = look * 9;
  const w = pen.weight;
  const eye = (x) => {
    if (mood === "laugh" || mood === "sleep") {
      const arc = mood === "laugh" ? `M${n(x - 9)} -130 Q${n(x)} -143 ${n(x + 9)} -130` : `M${n(x - 9)} -134 Q${n(x)} -126 ${n(x + 9)} -134`;
      return pen.line(arc, w * 1.1);
    }
    const big = mood === "wow" ? 1.18 : 1;
    return (
      pen.ellipse(x, -134, 8.6 * big, 11.6 * big, "#fff", w * 0.55) +
      pen.ellipse(x + look * 2, -133, 6 * big, 9 * big, iris, w * 0.5) +
      pen.dot(x + look * 2, -133, mood === "wow" ? 3 : 4.3) +
      pen.dot(x + look * 2 - 2.4, -137.5, 2.9, "#fff") +
      pen.line(`M${n(x - 9.5)} -139 Q${n(x)} -149 ${n(x + 9.5)} -139`, w * 1.1)
    );
  };
  const brow = mood === "worry" ? [[-28, -151, -12, -157], [12, -157, 28, -151]] : mood === "angry" ? [[-28, -158, -11, -150], [11, -150, 28, -158]] : [[-27, -155, -12, -157], [12, -157, 27, -155]];
  const mouths = {
    smile: pen.line(`M${n(dx - 9)} -112 Q${n(dx)} -104 ${n(dx + 9)} -112`),
    laugh: pen.shape(`M${n(dx - 12)} -115 Q${n(dx)} -111 ${n(dx + 12)} -115 Q${n(dx + 9)} -101 ${n(dx)} -101 Q${n(dx - 9)} -101 ${n(dx - 12)} -115 Z`, "#b8394a", w * 0.7),
    talk: pen.shape(`M${n(dx - 8)} -114 Q${n(dx)} -117 ${n(dx + 8)} -114 Q${n(dx + 6)} -103 ${n(dx)} -103 Q${n(dx - 6)} -103 ${n(dx - 8)} -114 Z`, "#b8394a", w * 0.7),
    wow: pen.ellipse(dx, -108, 5, 7, "#b8394a", w * 0.7),
    worry: pen.line(`M${n(dx - 9)} -108 Q${n(dx - 4)} -114 ${n(dx)} -109 Q${n(dx + 4)} -105 ${n(dx + 9)} -110`),
    angry: pen.line(`M${n(dx - 8)} -107 Q${n(dx)} -113 ${n(dx + 8)} -107`),
    sleep: pen.line(`M${n(dx - 5)} -110 Q${n(dx)} -106 ${n(dx + 5)} -110`),
  };
  const cheeks = pen.color
    ? `<ellipse cx="${n(dx * 0.6 - 28)}" cy="-117" rx="8" ry="5" fill="${TINTS.blush}" fill-opacity="0.55"/><ellipse cx="${n(dx * 0.6 + 28)}" cy="-117" rx="8" ry="5" fill="${TINTS.blush}" fill-opacity="0.55"/>`
    : [-32, -27, 27, 32].map((x) => pen.line(`M${n(dx * 0.6 + x + 1.5)} -120 L${n(dx * 0.6 + x - 1.5)} -115`, w * 0.45)).join("");
  const lenses = glasses ? [-19, 19].map((x) => `<circle cx="${n(dx + x)}" cy="-133" r="16" fill="none" stroke="${pen.ink}" stroke-width="${n(w * 0.95)}"/>`).join("") + pen.line(`M${n(dx - 3)} -135 Q${n(dx)} -138 ${n(dx + 3)} -135`, w * 0.9) : "";
  const brows = brow.map(([x0, y0, x1, y1]) => pen.line(`M${n(dx + x0)} ${y0} Q${n(dx + (x0 + x1) / 2)} ${n((y0 + y1) / 2 - 2)} ${n(dx + x1)} ${y1}`, w * 0.85)).join("");
  return cheeks + eye(dx - 19) + eye(dx + 19) + brows + pen.line(`M${n(dx + look * 3)} -122 q2 2 0 3.5`, w * 0.5) + mouths[mood === "laugh" ? "laugh" : mood] + lenses;
}

const HEAD = "M-45 -150 C-47 -112 -25 -95 0 -95 C25 -95 47 -112 45 -150 C45 -190 -45 -190 -45 -150 Z";

function arm(pen, side, pose, sleeve, hand) {
  const [ex, ey, hx, hy] = ARMS[pose];
  const d = `M${side * 21} -89 Q${side * ex} ${ey} ${side * hx} ${hy}`;
  return pen.limb(d, 12, sleeve) + pen.ellipse(side * hx, hy, 7, 7, hand, pen.weight * 0.9);
}

function legs(pen, stance, leg, shoe, sock) {
  const [lx, ly, rx, ry] = LEGS[stance];
  const one = (hip, x, y) => pen.limb(`M${hip} -46 L${n(x * 0.92)} ${n(y - 8)}`, 11, leg) + (sock ? pen.limb(`M${n(x * 0.95)} ${n(y - 15)} L${n(x * 0.97)} ${n(y - 8)}`, 11, sock) : "") + pen.shape(`M${n(x - 8)} ${n(y - 9)} Q${n(x + 4)} ${n(y - 14)} ${n(x + 9)} ${n(y - 6)} Q${n(x + 16)} ${n(y - 4)} ${n(x + 14)} ${n(y + 3)} L${n(x - 9)} ${n(y + 3)} Z`, shoe);
  return one(-10, lx, ly) + one(10, rx, ry);
}

/** Rosa, 200 units tall, standing on (0, 0). Options: `mood`, `look`, `arms` [left, right], `stance`. */
export function rosa(pen, { mood = "smile", look = 0, arms = ["down", "down"], stance = "stand" } = {}) {
  const t = TINTS;
  const w = pen.weight;
  const pony = "M30 -180 C76 -204 104 -156 88 -112 C84 -98 72 -92 70 -78 C60 -88 56 -102 48 -112 C58 -132 50 -152 26 -162 Z";
  const bangs = "M-50 -134 C-60 -204 60 -204 50 -134 C48 -148 42 -157 34 -163 C31 -154 22 -148 11 -146 C14 -151 15 -156 12 -161 C2 -149 -18 -142 -35 -144 C-32 -148 -31 -152 -32 -157 C-41 -151 -47 -144 -50 -134 Z";
  return [
    pen.shape(pony, t.rosaHair), pen.shade("M70 -78 C60 -88 56 -102 48 -112 C54 -120 56 -130 52 -140 C66 -130 72 -112 70 -78 Z"), pen.line("M52 -178 C78 -172 84 -140 74 -106"), pen.line("M44 -168 C64 -158 68 -136 62 -108"),
    legs(pen, stance, t.skin, t.boots, "#ffffff"), arm(pen, -1, arms[0], t.dress, t.skin),
    pen.shape("M-19 -100 L19 -100 C22 -80 31 -58 40 -40 C22 -31 -22 -31 -40 -40 C-31 -58 -22 -80 -19 -100 Z", t.dress), pen.shade("M19 -100 C22 -80 31 -58 40 -40 C34 -37 26 -35 18 -34 C18 -60 14 -84 10 -100 Z"),
    pen.line("M-37 -47 C-20 -39 20 -39 37 -47"), pen.line("M-14 -60 L-18 -40"), pen.line("M12 -62 L16 -40"),
    pen.limb("M-18 -96 C-6 -84 12 -70 28 -60", 3.5, t.bag), pen.shape("M22 -66 L44 -58 L38 -38 L16 -46 Z", t.bag, w * 0.9), pen.line("M20 -58 L41 -50"), pen.dot(30, -52, 2.2),
    pen.shape("M-20 -101 C-12 -88 -5 -88 0 -94 C5 -88 12 -88 20 -101 Z", t.collar, w * 0.9), arm(pen, 1, arms[1], t.dress, t.skin),
    pen.shape(HEAD, t.skin), pen.shade("M-44 -146 C-20 -128 20 -128 44 -146 L45 -160 L-45 -160 Z", "#c05a2a", 0.16), face(pen, { mood, look, iris: t.irisRosa }),
    pen.shape("M-47 -150 C-60 -130 -58 -108 -46 -94 C-42 -110 -40 -128 -39 -146 Z", t.rosaHair), pen.shape("M47 -150 C58 -134 58 -114 50 -102 C44 -116 42 -130 40 -146 Z", t.rosaHair),
    pen.shape(bangs, t.rosaHair), pen.line("M-8 -186 C-22 -182 -30 -172 -34 -160", w * 0.5), pen.line("M8 -187 C18 -180 22 -172 22 -162", w * 0.5), pen.line("M-18 -186 C-34 -178 -42 -166 -44 -154", w * 0.5), pen.shade("M-34 -172 Q-12 -184 14 -178 Q-10 -179 -33 -165 Z", "#fff2c0", 0.75),
    pen.shape("M36 -178 C22 -202 14 -190 20 -180 C14 -172 24 -164 36 -178 Z", t.bow), pen.shape("M36 -178 C52 -204 60 -190 54 -180 C60 -170 48 -164 36 -178 Z", t.bow), pen.ellipse(36, -178, 5, 6, t.bow),
  ].join("");
}

/** Teo, as `rosa`. */
export function teo(pen, { mood = "smile", look = 0, arms = ["down", "down"], stance = "stand" } = {}) {
  const t = TINTS;
  const w = pen.weight;
  const tips = [[-64, -150], [-62, -178], [-42, -202], [-12, -210], [16, -214], [44, -202], [64, -180], [66, -152]];
  const valleys = [[-50, -162], [-42, -182], [-20, -190], [4, -192], [26, -190], [46, -180], [52, -162]];
  let hair = "M-49 -132";
  for (const [i, [x, y]] of tips.entries()) {
    const next = valleys[i] ?? [49, -132];
    hair += ` Q${n(x * 0.84)} ${n(y + 13)} ${x} ${y} Q${n((x + next[0]) / 2 + 2)} ${n((y + next[1]) / 2 + 1)} ${next[0]} ${next[1]}`;
  }
  hair += " C47 -146 44 -154 38 -158 L27 -146 L22 -159 L7 -145 L2 -159 L-13 -145 L-18 -159 L-31 -146 L-38 -158 C-44 -154 -47 -146 -49 -132 Z";
  return [
    pen.shape("M-36 -96 C-44 -80 -42 -56 -34 -48 L34 -48 C42 -56 44 -80 36 -96 Z", t.pack), pen.line("M-40 -70 L-30 -68"), pen.line("M40 -70 L30 -68"),
    legs(pen, stance, t.skinTeo, t.shoes, "#ffffff"), pen.limb(`M-11 -48 L${n(LEGS[stance][0] * 0.7 - 3)} -30`, 17, t.shorts), pen.limb(`M11 -48 L${n(LEGS[stance][2] * 0.7 + 3)} -30`, 17, t.shorts), arm(pen, -1, arms[0], t.hoodie, t.skinTeo),
    pen.shape("M-32 -98 C-30 -110 30 -110 32 -98 C22 -88 -22 -88 -32 -98 Z", t.hoodie), pen.shape("M-24 -99 C-31 -80 -30 -58 -28 -44 C-14 -38 14 -38 28 -44 C30 -58 31 -80 24 -99 C10 -92 -10 -92 -24 -99 Z", t.hoodie), pen.shade("M24 -99 C31 -80 30 -58 28 -44 C22 -42 18 -41 12 -40 C16 -60 16 -80 12 -95 Z"),
    pen.shape("M-15 -48 L-18 -62 L18 -62 L15 -48 Z", t.hoodie, w * 0.7), pen.line("M-7 -93 L-8 -78"), pen.line("M7 -93 L8 -78"), pen.limb("M-22 -96 C-24 -84 -24 -74 -25 -62", 3, t.pack), pen.limb("M22 -96 C24 -84 24 -74 25 -62", 3, t.pack), arm(pen, 1, arms[1], t.hoodie, t.skinTeo),
    pen.ellipse(-45, -136, 7, 9, t.skinTeo), pen.ellipse(45, -136, 7, 9, t.skinTeo), pen.shape(HEAD, t.skinTeo), pen.shade("M-44 -146 C-20 -132 20 -132 44 -146 L45 -164 L-45 -164 Z", "#8a3a1a", 0.18), face(pen, { mood, look, iris: t.irisTeo, glasses: true }),
    pen.shape(hair, t.teoHair), pen.line("M-30 -180 L-36 -166", w * 0.5), pen.line("M-4 -188 L-8 -172", w * 0.5), pen.line("M24 -186 L28 -170", w * 0.5), pen.shade("M-34 -172 Q0 -190 32 -175 Q0 -182 -33 -165 Z", "#d8fff4", 0.6),
  ].join("");
}

/** Mochi the cat, 100 units tall, sitting on (0, 0). Options: `mood`, `look`, `paw` raised. */
export function mochi(pen, { mood = "smile", look = 0, paw = false } = {}) {
  const t = TINTS;
  const w = pen.weight;
  const dx = look * 6;
  const eye = (x) => mood === "laugh" || mood === "sleep" ? pen.line(mood === "laugh" ? `M${n(x - 6)} -66 Q${n(x)} -75 ${n(x + 6)} -66` : `M${n(x - 6)} -70 Q${n(x)} -64 ${n(x + 6)} -70`, w) : pen.ellipse(x, -69, 6.5, 7.5, t.irisMochi, w * 0.7) + `<ellipse cx="${n(x + look)}" cy="-69" rx="${mood === "wow" ? 4.6 : 2.6}" ry="5.8" fill="${pen.ink}"/>` + pen.dot(x - 1.6, -71.5, 1.9, "#fff");
  const whisker = (side, y) => pen.line(`M${side * 24} ${n(y)} L${side * 46} ${n(y - 4 + (y + 62))}`, w * 0.45);
  return [
    pen.limb("M20 -10 C52 -4 62 -30 48 -50", 11, t.fur), pen.line("M47 -19 L56 -10", w), pen.line("M50 -32 L62 -31", w), pen.line("M46 -46 L56 -50", w),
    pen.shape("M-27 0 C-38 -36 -22 -54 0 -54 C22 -54 38 -36 27 0 Z", t.fur), pen.shade("M27 0 C38 -36 22 -54 4 -54 C18 -40 22 -18 14 0 Z"), pen.shape("M-13 0 C-18 -26 -10 -36 0 -36 C10 -36 18 -26 13 0 Z", t.belly, w * 0.6),
    pen.ellipse(-13, -3, 9, 6, t.belly), paw ? pen.limb("M18 -34 Q34 -44 32 -60", 9, t.fur) + pen.ellipse(32, -62, 6.5, 6.5, t.belly) : pen.ellipse(13, -3, 9, 6, t.belly),
    pen.shape("M-31 -74 L-36 -106 L-9 -92 Z", t.fur), pen.shape("M31 -74 L36 -106 L9 -92 Z", t.fur), pen.line("M-29 -84 L-32 -98 L-19 -91"), pen.line("M29 -84 L32 -98 L19 -91"),
    pen.shape("M-38 -64 C-40 -98 40 -98 38 -64 C36 -44 -36 -44 -38 -64 Z", t.fur), pen.shape(`M${n(dx - 15)} -57 C${n(dx - 13)} -66 ${n(dx + 13)} -66 ${n(dx + 15)} -57 C${n(dx + 11)} -48 ${n(dx - 11)} -48 ${n(dx - 15)} -57 Z`, t.belly, w * 0.4),
    pen.line("M0 -90 L0 -81", w), pen.line("M-9 -88 L-7 -81", w), pen.line("M9 -88 L7 -81", w),
    eye(dx - 16), eye(dx + 16), pen.black(`M${n(dx - 4)} -63 L${n(dx + 4)} -63 L${n(dx)} -58 Z`), mood === "wow" ? pen.ellipse(dx, -53.5, 3, 3.5, "#b8394a", w * 0.6) : pen.line(`M${n(dx - 7)} -56 Q${n(dx - 3)} -51 ${n(dx)} -57 Q${n(dx + 3)} -51 ${n(dx + 7)} -56`),
    whisker(-1, -62), whisker(-1, -55), whisker(1, -62), whisker(1, -55),
    pen.shape("M-27 -50 C-12 -42 12 -42 27 -50 L25 -40 C10 -32 -10 -32 -25 -40 Z", t.scarf), pen.shape("M10 -39 L22 -41 L28 -18 L14 -15 Z", t.scarf), pen.line("M16 -22 L26 -25"),
  ].join("");
}
