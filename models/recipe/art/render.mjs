// Draws the sources of sources.json as pictures for `cobra_recipe sprites`:
// node render.mjs OUT [FOLDER OF OPENCLIPART'S svg]. Writes OUT/NAME.rgba (pictures of SIZE x SIZE pixels, RGBA) and
// OUT/NAME.json (a group and fixed colours for each); pictures of a group show one thing, with other faces or hands.
import { mkdirSync, openSync, readdirSync, readFileSync, writeFileSync, writeSync, closeSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import * as styles from "@dicebear/collection";
import { createAvatar } from "@dicebear/core";
import sharp from "sharp";

export const SIZE = 224;
sharp.concurrency(1);
const [out, clipart] = process.argv.slice(2);
const sources = JSON.parse(readFileSync(new URL("sources.json", import.meta.url), "utf8"));
const require = createRequire(import.meta.url);

/** Numbers in 0..1, the same for the same seed. */
function random(seed) {
  let a = seed >>> 0;
  return () => {
    a = (a + 0x6d2b79f5) >>> 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** What changes from one picture of a person to the next; the rest is the person. */
const FACE = new Set(["eyes", "mouth", "eyebrows", "brows", "mood", "lips", "face", "nose", "gesture"]);
/** Colours that tell the parts apart; the sprites' colours are chosen anew at every use. */
const PART = { skin: "e8b890", hair: "7040a8", cloth: "2a9070" };
const partOf = (name) =>
  /^(skin|base)Color$/.test(name) ? "skin" : /^(hair|headContrast|facialHair|eyebrows)Color$/.test(name) ? "hair"
  : /^(clothing|clothes|body|shirt)Color$/.test(name) ? "cloth" : undefined;

function* dicebear(source) {
  const style = styles[source.style];
  const { properties } = style.schema;
  for (let person = 0; person < source.persons; person++) {
    const build = random(1000 * person + source.style.length);
    const fixed = {};
    const chosen = {};
    for (const [name, p] of Object.entries(properties)) {
      const part = partOf(name);
      if (part && p.items) [fixed[name], chosen[part]] = [[PART[part]], PART[part]];
      else if (name === "backgroundColor") fixed[name] = ["transparent"];
      else if (name.endsWith("Probability")) fixed[name] = build() * 100 < (p.default ?? 50) ? 100 : 0;
      else if (p.items?.enum && !(source.style === "bigEars" ? /^(eyes|mouth)$/.test(name) : FACE.has(name)))
        fixed[name] = [p.items.enum[Math.floor(build() * p.items.enum.length)]];
      else if (p.default && /Color$/.test(name) && Array.isArray(p.default))
        fixed[name] = [p.default[Math.floor(build() * p.default.length)]];
    }
    for (let n = 0; n < source.faces; n++) {
      const svg = createAvatar(style, { ...fixed, seed: `${person}-${n}`, size: SIZE }).toString();
      yield { group: person, colours: chosen, svg };
    }
  }
}

function* emoji(source) {
  const read = (name) => JSON.parse(readFileSync(require.resolve(`${name}/icons.json`), "utf8"));
  const [first, second] = source.packages.map(read);
  const svg = (set, icon) =>
    `<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" ` +
    `width="${SIZE}" height="${SIZE}" ` +
    `viewBox="0 0 ${icon.width ?? set.width ?? 32} ${icon.height ?? set.height ?? 32}">${icon.body}</svg>`;
  let group = 0;
  for (const [name, icon] of Object.entries(first.icons)) {
    const other = second.icons[name];
    if (/light|dark|medium|flag|button|keycap|clock|arrow|symbol|square|circle/.test(name)) continue;
    if (!other && group % 3) { group++; continue; }
    yield { group, svg: svg(first, icon) };
    if (other) yield { group, svg: svg(second, other) };
    group++;
  }
}

function* openclipart(source) {
  const files = (at) => (statSync(at).isDirectory() ? readdirSync(at).sort().flatMap((f) => files(join(at, f))) : [at]);
  let group = 0;
  for (const folder of source.folders)
    for (const file of files(join(clipart, folder)))
      if (file.endsWith(".svg") && statSync(file).size < 300_000 && !/flag|sign|stickmen|smilies/.test(file))
        yield { group: group++, svg: readFileSync(file) };
}

mkdirSync(out, { recursive: true });
for (const source of sources.filter((s) => s.kind)) {
  const make = { dicebear, emoji, openclipart }[source.kind];
  if (source.kind === "openclipart" && !clipart) continue;
  const index = [];
  const file = openSync(join(out, `${source.name}.rgba`), "w");
  for (const { group, colours, svg } of make(source)) {
    try {
      const fit = { fit: "contain", background: "#0000" };
      const image = sharp(Buffer.from(svg), { limitInputPixels: 4e7 }).resize(SIZE, SIZE, fit);
      writeSync(file, await image.ensureAlpha().raw().toBuffer());
      index.push({ group, colours });
    } catch { /* a drawing that the renderer does not read is left out */ }
  }
  closeSync(file);
  writeFileSync(join(out, `${source.name}.json`), JSON.stringify(index));
  console.log(source.name, index.length);
}
