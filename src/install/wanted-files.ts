/** Lists the files of a model that an installation needs, and how many bytes it will take. */
import type { Style } from "../config/settings.js";
import type { Precision } from "../model/precisions.js";
import type { CatalogueModel } from "./catalogue/catalogue-schema.js";
import { UNKNOWN } from "./fetch/remote.js";
import type { WantedFile } from "./originals/original-file.js";

/** What the styles need, and the licences' texts. */
export function wantedFiles(model: CatalogueModel, styles: readonly Style[]): WantedFile[] {
  const weights = model.files.filter((file) => file.styles?.some((style) => styles.includes(style)) ?? true);
  return [...weights, ...model.licences.flatMap(({ file }) => (file === undefined ? [] : [file]))];
}

/** Lengths of all files; small ones that the catalogue does not know do not count. */
export function bytesToFetch(files: readonly WantedFile[]): number | undefined {
  if (files.some(({ path, bytes }) => bytes === UNKNOWN && !path.endsWith(".json"))) return undefined;
  return knownBytes(files);
}

/**
 * About how large the package will be: of what the catalogue says for all styles, the share that these files have of
 * all originals; where it says nothing, as large as the originals.
 */
export function packageBytes(model: CatalogueModel, precision: Precision, files: readonly WantedFile[]): number {
  const known = knownBytes(files);
  const whole = model.packageBytes?.[precision];
  if (whole === undefined) return known;
  const all = knownBytes(wantedFiles(model, model.styles));
  return all === 0 ? whole : Math.round((whole * known) / all);
}

function knownBytes(files: readonly WantedFile[]): number {
  return files.reduce((sum, { bytes }) => sum + (bytes === UNKNOWN ? 0 : bytes), 0);
}
