// The chapter: five pages of line art and three coloured sheets, all 700 x 1000.
import { rosa, teo, mochi, TINTS } from "./cast.mjs";
import { balloon, caption, lettering, soundWord } from "./lettering.mjs";
import { createPen, n } from "./pen.mjs";
import * as s from "./scenery.mjs";

export const WIDTH = 700;
export const HEIGHT = 1000;

/** A panel with its own coordinates, cut at its frame. `slant` shifts the bottom edge's left and right corners up or down. */
function panel(pen, x, y, w, h, draw, slant = 0) {
  const id = `p${x}-${y}`;
  const frame = `M0 0 L${w} ${n(slant < 0 ? -slant : 0)} L${w} ${n(h - Math.max(slant, 0))} L0 ${h} Z`;
  return `<g transform="translate(${x} ${y})"><clipPath id="${id}"><path d="${frame}"/></clipPath><g clip-path="url(#${id})"><rect width="${w}" height="${h}" fill="#fff"/>${draw(w, h)}</g>${pen.line(frame, 4.2)}</g>`;
}

/** One of the cast standing at (x, y). */
const at = (pen, who, x, y, scale, options) => s.groundShadow(pen, x, y + 2, 46 * scale) + pen.place({ x, y, scale }, () => who(pen, options));

function meadow(pen, w, h, y) {
  return s.sky(pen, w, h) + s.hill(pen, w, h, y - 30, 26, "#a8d86a", 1) + s.hill(pen, w, h, y, 16, "#86c653");
}

function pageOne(pen) {
  return [
    panel(pen, 30, 30, 640, 330, (w, h) => meadow(pen, w, h, 235) + s.sun(pen, 565, 62, 30) + s.cloud(pen, 130, 150, 1.1) + s.cloud(pen, 420, 60, 0.9) + s.pine(pen, 590, 240, 0.9) + s.pine(pen, 535, 232, 0.65) + s.house(pen, 330, 246, 1.05) + s.tree(pen, 190, 255, 1.05) + s.fence(pen, 410, 262, 5) + s.bush(pen, 70, 275, 1.1) + s.grass(pen, w, 285, h - 4, 26) + at(pen, rosa, 478, 318, 0.5, { arms: ["down", "wave"], mood: "laugh" }) + [40, 96, 240, 300, 600].map((x, i) => s.flower(pen, x, 312 - (i % 3) * 12, ["#ff8fb0", "#ffffff", "#ffb52e"][i % 3])).join("") + caption(pen, ["A BRIGHT MORNING", "ON WINDY HILL"], 18, 18, 13)),
    panel(pen, 30, 376, 312, 280, (w, h) => s.sky(pen, w, h, "#ffe7a8", "#fff6dc") + pen.line("M0 190 L312 190") + pen.rect(40, 28, 84, 96, "#9fdcf5") + pen.line("M82 28 L82 124 M40 76 L124 76") + pen.shape("M30 20 Q56 70 36 130 L24 130 L24 20 Z", "#ff9f80") + pen.shape("M134 20 Q108 70 128 130 L140 130 L140 20 Z", "#ff9f80") + at(pen, rosa, 205, 330, 1.15, { arms: ["front", "front"], mood: "wow", look: -0.5 }) + s.map(pen, 204, 262, 1.05, -6) + balloon(pen, ["A MAP!"], 84, 170, [150, 190])),
    panel(pen, 358, 376, 312, 280, (w, h) => s.sky(pen, w, h) + s.burst(pen, w, h, 150, 150, 150, 52) + at(pen, rosa, 150, 392, 1.75, { mood: "laugh", look: 0.3, arms: ["up", "up"] }) + balloon(pen, ["TREASURE!"], 196, 42, [170, 112], { shout: true, height: 15 })),
    panel(pen, 30, 672, 640, 298, (w, h) => meadow(pen, w, h, 200) + s.tree(pen, 60, 236, 1.3) + s.tree(pen, 600, 230, 1.1, "#6fbf5a") + s.cloud(pen, 330, 46, 0.8) + s.bush(pen, 500, 232, 0.9) + s.grass(pen, w, 255, h - 4, 16) + at(pen, teo, 380, 282, 0.95, { mood: "talk", look: -0.6, arms: ["point", "hip"] }) + at(pen, rosa, 185, 284, 0.95, { mood: "smile", look: 0.6, arms: ["hip", "point"] }) + s.map(pen, 262, 196, 0.62, 8) + at(pen, mochi, 510, 284, 0.95, { paw: true, look: -0.6 }) + balloon(pen, ["WHERE DOES", "IT LEAD?"], 540, 74, [438, 150]) + balloon(pen, ["OVER THE", "LAKE!"], 120, 56, [170, 98])),
  ].join("");
}

function pageTwo(pen) {
  return [
    panel(pen, 30, 30, 400, 300, (w, h) => meadow(pen, w, h, 190) + [40, 110, 178, 262, 330, 384].map((x, i) => s.pine(pen, x, 206 - (i % 2) * 12, 0.85 + (i % 3) * 0.16)).join("") + s.grass(pen, w, 262, h - 3, 12) + at(pen, teo, 90, 284, 0.72, { stance: "walk", arms: ["down", "up"], mood: "laugh", look: 0.7 }) + at(pen, rosa, 205, 290, 0.74, { stance: "walk", look: 0.7 }) + at(pen, mochi, 318, 288, 0.74, { look: 0.7 }) + caption(pen, ["INTO THE PINE WOOD"], 14, 14)),
    panel(pen, 446, 30, 224, 300, (w, h) => s.sky(pen, w, h, "#bfe6a0", "#eefbe2") + at(pen, mochi, 112, 340, 2.3, { mood: "wow", look: 0.4 }) + balloon(pen, ["MEW?"], 112, 46, [108, 100], { height: 17 })),
    panel(pen, 30, 346, 640, 270, (w, h) => s.sky(pen, w, h, "#a7dba0", "#e9f8d8") + [30, 150, 470, 610].map((x, i) => pen.shape(`M${x - 34} -10 C${x - 20} 90 ${x - 26} 180 ${x - 46} 290 L${x + 46} 290 C${x + 24} 180 ${x + 22} 90 ${x + 30} -10 Z`, i % 2 ? "#94653a" : "#a8764a") + pen.line(`M${x - 8} 20 q6 40 0 80 M${x + 8} 90 q-6 40 2 90 M${x - 14} 170 q6 30 0 60`)).join("") + s.bush(pen, 300, 268, 1.9) + s.bush(pen, 410, 272, 1.3, "#5fa84a") + [270, 322].map((x) => pen.ellipse(x, 222, 13, 15, "#fff6a8") + pen.dot(x, 225, 6)).join("") + at(pen, rosa, 560, 330, 1.2, { mood: "worry", look: -0.8, arms: ["front", "front"] }) + at(pen, teo, 90, 330, 1.2, { mood: "worry", look: 0.8, arms: ["chin", "back"] }) + soundWord(pen, "RUSTLE", 300, 116, 44, -8) + soundWord(pen, "RUSTLE", 372, 172, 24, 5)),
    panel(pen, 30, 632, 300, 338, (w, h) => s.burst(pen, w, h, 150, 190, 140) + s.bush(pen, 150, 345, 2.6) + pen.place({ x: 150, y: 300, scale: 1.3, turn: -6 }, () => squirrel(pen)) + balloon(pen, ["BOO!"], 70, 56, [124, 130], { shout: true, height: 18 })),
    panel(pen, 346, 632, 324, 338, (w, h) => s.sky(pen, w, h, "#ffd9b0", "#fff3dd") + s.burst(pen, w, h, 160, 210, 195, 40) + at(pen, teo, 95, 392, 1.35, { mood: "wow", look: 0.2, arms: ["up", "up"] }) + at(pen, rosa, 240, 400, 1.25, { mood: "laugh", look: -0.3, arms: ["front", "wave"] }) + balloon(pen, ["JUST A", "SQUIRREL!"], 225, 52, [235, 128])),
  ].join("");
}

/** A squirrel with a nut, 110 units tall on (0, 0). */
function squirrel(pen) {
  return [
    pen.shape("M18 -8 C70 -10 76 -70 46 -104 C36 -118 8 -112 16 -92 C34 -84 36 -52 14 -34 Z", "#c8662e"), pen.line("M36 -32 C54 -50 54 -78 40 -96"), pen.shape("M-22 0 C-34 -30 -16 -56 0 -56 C16 -56 30 -30 20 0 Z", "#d87a3a"), pen.shape("M-10 0 C-14 -24 -8 -38 0 -38 C8 -38 12 -24 8 0 Z", "#ffe6c4", pen.weight * 0.6),
    pen.shape("M-24 -84 L-27 -108 L-9 -96 Z", "#d87a3a"), pen.shape("M24 -84 L27 -108 L9 -96 Z", "#d87a3a"), pen.shape("M-30 -76 C-30 -106 30 -106 30 -76 C26 -54 -26 -54 -30 -76 Z", "#d87a3a"),
    pen.ellipse(-12, -80, 6, 7, "#ffffff", pen.weight * 0.6) + pen.dot(-12, -79, 3.6) + pen.ellipse(12, -80, 6, 7, "#ffffff", pen.weight * 0.6) + pen.dot(12, -79, 3.6), pen.black("M-3 -72 L3 -72 L0 -68 Z"), pen.shape("M-6 -66 Q0 -60 6 -66 L4 -58 L-4 -58 Z", "#ffffff", pen.weight * 0.6),
    pen.shape("M-9 -34 C-12 -20 12 -20 9 -34 Z", "#f0c080"), pen.shape("M-11 -34 Q0 -44 11 -34 Z", "#8a5a34"), pen.limb("M-16 -42 Q-20 -30 -10 -30", 6, "#d87a3a"), pen.limb("M16 -42 Q20 -30 10 -30", 6, "#d87a3a"),
  ].join("");
}

function pageThree(pen) {
  return [
    panel(pen, 30, 30, 640, 400, (w, h) => s.sky(pen, w, h) + s.sun(pen, 90, 70, 32) + s.cloud(pen, 250, 60, 1) + s.cloud(pen, 560, 90, 1.2) + s.hill(pen, w, 240, 190, 40, "#8fce70", 2) + s.pine(pen, 40, 196, 0.6) + s.pine(pen, 82, 190, 0.5) + s.pine(pen, 610, 180, 0.6) + s.water(pen, w, h, 205) + at(pen, rosa, 222, 318, 0.95, { mood: "laugh", look: 0.5, arms: ["wave", "down"] }) + at(pen, mochi, 420, 300, 0.85, { look: 0.8 }) + at(pen, teo, 338, 318, 0.95, { look: 0.6, arms: ["front", "front"], mood: "talk" }) + s.boat(pen, 330, 318, 1.12) + balloon(pen, ["ROW, TEO,", "ROW!"], 130, 150, [176, 200]) + balloon(pen, ["I AM", "ROWING!"], 500, 160, [384, 196]) + pen.line("M130 372 q14 -8 28 0 t28 0 M480 380 q14 -8 28 0 t28 0", 1.8)),
    panel(pen, 30, 446, 206, 250, (w, h) => s.sky(pen, w, h) + s.water(pen, w, h, 150) + pen.place({ x: 104, y: 128, scale: 1.2, turn: -24 }, () => pen.shape("M-52 0 C-30 -34 24 -32 46 0 C24 32 -30 34 -52 0 Z", "#f2795a") + pen.shape("M40 0 L72 -24 L64 0 L72 24 Z", "#f2795a") + pen.shape("M-6 -24 Q6 -46 24 -22 Z", "#ffb08a") + pen.ellipse(-28, -6, 8, 9, "#ffffff") + pen.dot(-29, -5, 4) + pen.line("M-14 -14 q8 14 0 28 M4 -12 q6 12 0 22 M18 -10 q6 10 0 18") + pen.line("M-48 6 q6 6 12 3")) + [40, 70, 140, 170].map((x, i) => pen.shape(`M${x} ${170 - i * 4} q-7 12 0 16 q7 -4 0 -16 Z`, "#9fe0f5", 1.8)).join("") + soundWord(pen, "SPLASH", 100, 40, 30, -7, "#8fdcff")),
    panel(pen, 252, 446, 418, 250, (w, h) => s.sky(pen, w, h, "#ffd6e0", "#fff1f4") + s.burst(pen, w, h, 210, 120, 190, 50) + at(pen, mochi, 120, 262, 1.7, { mood: "wow", look: 0.5, paw: true }) + at(pen, rosa, 310, 350, 1.5, { mood: "wow", look: -0.5, arms: ["up", "up"] }) + balloon(pen, ["A FISH!"], 210, 38, [268, 92])),
    panel(pen, 30, 712, 400, 258, (w, h) => s.sky(pen, w, h) + s.hill(pen, w, h, 130, 26, "#8fce70") + s.tree(pen, 54, 170, 0.9) + s.rock(pen, 330, 176, 0.9) + s.hill(pen, w, h, 190, 10, "#f3dca0") + at(pen, teo, 110, 258, 0.95, { mood: "worry", look: 0.7, arms: ["hip", "point"] }) + at(pen, rosa, 285, 262, 0.95, { look: -0.7, arms: ["down", "chin"] }) + balloon(pen, ["TEN STEPS", "NORTH..."], 200, 42, [140, 108])),
    panel(pen, 446, 712, 224, 258, (w, h) => s.sky(pen, w, h, "#f3dca0", "#fff3cf") + pen.line("M-10 70 Q112 40 234 74", 2.6) + s.map(pen, 112, 150, 1.75, -4) + pen.limb("M-10 240 Q20 200 50 190", 24, TINTS.dress) + pen.ellipse(56, 186, 15, 13, TINTS.skin) + pen.limb("M234 236 Q206 200 178 190", 24, TINTS.hoodie) + pen.ellipse(172, 186, 15, 13, TINTS.skinTeo) + lettering(pen, ["X IS HERE"], 112, 34, 15)),
  ].join("");
}

function pageFour(pen) {
  const dig = (w, h) => s.hill(pen, w, h, 170, 12, "#86c653") + s.tree(pen, 560, 178, 1.2) + s.bush(pen, 64, 186, 1.1);
  return [
    panel(pen, 30, 30, 640, 270, (w, h) => s.sky(pen, w, h) + s.cloud(pen, 520, 50, 0.9) + dig(w, h) + at(pen, teo, 230, 252, 0.92, { stance: "walk", arms: ["front", "front"], mood: "angry", look: 0.5 }) + pen.place({ x: 268, y: 190, turn: 32 }, () => pen.limb("M0 -56 L0 34", 6, "#b98a4a") + pen.shape("M-13 32 L13 32 L11 58 Q0 70 -11 58 Z", "#a9aab6") + pen.limb("M-9 -58 L9 -58", 5, "#b98a4a")) + pen.shape("M300 262 Q330 214 372 222 Q420 214 444 262 Z", "#9a6a3c") + pen.line("M336 242 q8 -6 16 0 M376 236 q8 -6 16 0") + [[300, 160], [330, 132], [362, 168], [286, 120]].map(([x, y]) => pen.ellipse(x, y, 6, 5, "#9a6a3c", 2)).join("") + at(pen, rosa, 490, 254, 0.92, { mood: "smile", look: -0.7, arms: ["hip", "down"] }) + at(pen, mochi, 94, 254, 0.8, { mood: "sleep" }) + soundWord(pen, "DIG DIG", 372, 62, 34, -5) + balloon(pen, ["DEEPER!"], 566, 54, [516, 104])),
    panel(pen, 30, 316, 250, 320, (w, h) => s.sky(pen, w, h, "#e6c48a", "#f8e8c4") + s.burst(pen, w, h, 125, 210, 130, 40) + chest(pen, 125, 286, 1.25, false) + soundWord(pen, "CLONK!", 125, 76, 38, -6)),
    panel(pen, 296, 316, 374, 320, (w, h) => s.sky(pen, w, h, "#fff0a8", "#fffbe4") + s.burst(pen, w, h, 187, 190, 185, 60) + at(pen, rosa, 82, 330, 1.12, { mood: "wow", look: 0.8, arms: ["chin", "up"] }) + at(pen, teo, 296, 332, 1.12, { mood: "wow", look: -0.8, arms: ["up", "chin"] }) + at(pen, mochi, 190, 330, 0.95, { mood: "wow" }) + balloon(pen, ["IT IS", "OPENING!"], 187, 44, [112, 118], { shout: true })),
    panel(pen, 30, 652, 640, 318, (w, h) => s.sky(pen, w, h, "#ffe9b0", "#fffaf0") + s.hill(pen, w, h, 236, 10, "#86c653") + chest(pen, 320, 296, 1.75, true) + s.grass(pen, w, 290, h - 3, 14) + at(pen, rosa, 100, 312, 1.1, { mood: "laugh", look: 0.6, arms: ["up", "front"] }) + at(pen, teo, 540, 312, 1.1, { mood: "laugh", look: -0.6, arms: ["hip", "up"] }) + at(pen, mochi, 320, 160, 0.9, { mood: "laugh" }) + balloon(pen, ["PICNIC", "THINGS!"], 232, 60, [150, 116]) + balloon(pen, ["THE BEST", "TREASURE."], 420, 50, [496, 112])),
  ].join("");
}

/** A treasure chest, 100 units tall; open it is full of a picnic. */
function chest(pen, x, y, scale, open) {
  const things = () => pen.shape("M-50 -46 C-52 -78 -12 -80 -10 -46 Z", "#e8b46a") + pen.line("M-42 -60 l8 -6 M-30 -66 l8 -4") + pen.ellipse(8, -58, 16, 16, "#e0314f") + pen.line("M8 -74 q2 -8 8 -10") + pen.shape("M26 -46 L26 -88 L30 -104 L40 -104 L44 -88 L44 -46 Z", "#6fbf5a") + pen.rect(28, -78, 14, 18, "#ffffff", pen.weight * 0.6);
  const lid = () => (open ? pen.shape("M-66 -52 L-76 -104 Q0 -132 76 -104 L66 -52 Z", "#8a5a34") + pen.line("M-70 -76 Q0 -100 70 -76") : "");
  return pen.place({ x, y, scale }, () => lid() + (open ? things() : pen.shape("M-64 -46 Q-64 -84 -40 -88 L40 -88 Q64 -84 64 -46 Z", "#a8703c") + pen.line("M-44 -86 Q-50 -66 -46 -46 M44 -86 Q50 -66 46 -46")) + pen.rect(-64, -48, 128, 48, "#a8703c") + pen.line("M-64 -24 L64 -24") + pen.rect(-50, -48, 12, 48, "#e6b83a", pen.weight * 0.8) + pen.rect(38, -48, 12, 48, "#e6b83a", pen.weight * 0.8) + pen.rect(-13, -56, 26, 24, "#e6b83a") + pen.dot(0, -46, 3.4) + pen.line("M0 -45 L0 -38", pen.weight));
}

function pageFive(pen) {
  const night = (w, h) => (pen.color ? s.sky(pen, w, h, "#232a66", "#6a63b0") : `<rect width="${w}" height="${h}" fill="${pen.ink}"/>`);
  return [
    panel(pen, 30, 30, 312, 320, (w, h) => s.sky(pen, w, h, "#ffb07a", "#ffe6c0") + s.sun(pen, 156, 150, 40) + s.hill(pen, w, h, 170, 30, "#7ab85a", 1) + s.hill(pen, w, h, 230, 14, "#5fa04a", 2) + s.pine(pen, 50, 230, 0.9) + s.pine(pen, 268, 226, 0.75) + at(pen, rosa, 110, 306, 0.52, { stance: "walk", look: 0.6 }) + at(pen, teo, 175, 306, 0.52, { stance: "walk", look: 0.6 }) + at(pen, mochi, 228, 306, 0.52, { look: 0.6 }) + caption(pen, ["AND WHEN THE SUN", "WENT DOWN..."], 16, 16)),
    panel(pen, 358, 30, 312, 320, (w, h) => s.sky(pen, w, h, "#ffd9a0", "#fff3d8") + pen.shape("M20 240 L292 240 L312 330 L0 330 Z", "#f26a6a") + pen.line("M60 240 L46 330 M110 240 L104 330 M160 240 L160 330 M210 240 L216 330 M256 240 L270 330 M8 280 L304 280 M14 258 L298 258") + pen.ellipse(96, 262, 34, 11, "#ffffff") + pen.shape("M74 258 Q96 222 118 258 Z", "#e8b46a") + pen.ellipse(216, 268, 18, 18, "#e0314f") + pen.line("M216 250 q2 -10 10 -12") + at(pen, mochi, 158, 246, 1.5, { mood: "laugh", paw: true }) + balloon(pen, ["MEOW!"], 72, 62, [118, 116], { height: 16 })),
    panel(pen, 30, 366, 640, 604, (w, h) => night(w, h) + s.stars(pen, w, 330, 60) + s.moon(pen, 540, 96, 46) + s.hill(pen, w, h, 400, 44, "#3f5f8a", 1) + s.pine(pen, 66, 410, 1.2) + s.pine(pen, 130, 396, 0.9) + s.house(pen, 520, 398, 0.7) + s.hill(pen, w, h, 476, 14, "#4a7a5c", 2) + s.tree(pen, 610, 520, 1.4, "#3f8f5c") + s.grass(pen, w, 560, h - 4, 18) + at(pen, rosa, 190, 568, 1.15, { mood: "laugh", look: 0.5, arms: ["hip", "front"] }) + at(pen, teo, 450, 572, 1.15, { mood: "smile", look: -0.5, arms: ["wave", "down"] }) + s.campfire(pen, 322, 560, 1.15) + at(pen, mochi, 550, 582, 0.95, { mood: "sleep" }) + s.rock(pen, 250, 588, 0.5) + s.rock(pen, 392, 590, 0.5) + balloon(pen, ["SAME TIME", "TOMORROW?"], 150, 300, [180, 372]) + balloon(pen, ["ALWAYS."], 400, 310, [440, 366]) + `<g>${pen.rect(500, 556, 120, 34, "#ffffff", 2.6)}${lettering(pen, ["THE END"], 560, 573, 15)}</g>`),
  ].join("");
}

function sheetA(pen) {
  const back = s.sky(pen, WIDTH, HEIGHT, "#ffd98a", "#fff0c8") + pen.shape("M0 560 C160 500 320 600 480 540 S640 520 720 560 L720 1010 L-10 1010 Z", "#f7b267");
  return [
    back, at(pen, rosa, 190, 520, 2.15, { arms: ["hip", "wave"], mood: "laugh" }), at(pen, rosa, 510, 520, 2.1, { arms: ["down", "point"], mood: "smile", look: 0.7, stance: "walk" }),
    at(pen, rosa, 120, 950, 1.5, { mood: "wow", look: -0.5, arms: ["up", "up"] }), at(pen, rosa, 340, 950, 1.5, { mood: "worry", look: 0.5, arms: ["chin", "front"] }), at(pen, rosa, 560, 950, 1.5, { mood: "sleep", arms: ["front", "front"] }),
    pen.rect(18, 18, 150, 52, "#fff6e4"), lettering(pen, ["ROSA"], 93, 44, 24),
  ].join("");
}

function sheetB(pen) {
  const back = s.sky(pen, WIDTH, HEIGHT, "#8fd3f0", "#c9ecd9") + pen.shape("M0 540 C180 590 330 500 500 560 S660 560 720 530 L720 1010 L-10 1010 Z", "#6cc0a8");
  return [
    back, at(pen, teo, 170, 510, 2.05, { arms: ["front", "point"], mood: "talk", look: 0.5 }), at(pen, teo, 500, 510, 2.05, { arms: ["up", "up"], mood: "laugh", stance: "jump" }), at(pen, teo, 150, 960, 1.7, { mood: "worry", arms: ["chin", "hip"], look: -0.5 }),
    at(pen, mochi, 370, 950, 2.6, { paw: true, look: 0.4 }), at(pen, mochi, 580, 950, 2.0, { mood: "laugh" }), pen.rect(18, 18, 130, 52, "#fff6e4"), lettering(pen, ["TEO"], 83, 44, 24), pen.rect(500, 600, 170, 52, "#fff6e4"), lettering(pen, ["MOCHI"], 585, 626, 24),
  ].join("");
}

function sheetC(pen) {
  return [
    meadow(pen, WIDTH, HEIGHT, 540), s.sun(pen, 600, 170, 56), s.cloud(pen, 120, 190, 1.7), s.cloud(pen, 430, 170, 1.2), s.house(pen, 360, 545, 1.9), s.tree(pen, 105, 590, 2.4), s.pine(pen, 560, 548, 1.8), s.pine(pen, 648, 565, 1.4), s.fence(pen, 490, 596, 10), s.bush(pen, 250, 630, 1.6), s.grass(pen, WIDTH, 690, 990, 40),
    at(pen, rosa, 190, 930, 1.9, { mood: "laugh", look: 0.4, arms: ["hip", "wave"] }), at(pen, teo, 480, 935, 1.9, { mood: "smile", look: -0.4, arms: ["wave", "hip"] }), at(pen, mochi, 335, 965, 1.7, { mood: "smile", paw: true }),
    ...[40, 90, 270, 400, 600, 650].map((x, i) => pen.place({ x, y: 975 - (i % 3) * 50, scale: 1.7 }, () => s.flower(pen, 0, 0, ["#ff8fb0", "#ffffff", "#ffb52e"][i % 3]))), soundWord(pen, "WINDY HILL", 350, 70, 62, -3),
  ].join("");
}

/** All pictures of the chapter by file name, as SVG text; pages in line art, sheets in colour. */
export function drawChapter() {
  const parts = { "001.png": pageOne, "002.png": pageTwo, "003.png": pageThree, "004.png": pageFour, "005.png": pageFive, "ref_a.png": sheetA, "ref_b.png": sheetB, "ref_c.png": sheetC };
  return Object.fromEntries(Object.entries(parts).map(([name, draw], index) => {
    const pen = createPen({ color: name.startsWith("ref"), seed: 1000 + index });
    return [name, `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${HEIGHT}" viewBox="0 0 ${WIDTH} ${HEIGHT}"><rect width="${WIDTH}" height="${HEIGHT}" fill="#fff"/>${draw(pen)}</svg>`];
  }));
}
