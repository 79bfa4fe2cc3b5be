/**
 * Everything that determines a picture, as one hash: two runs with equal fingerprints give the same picture of the same
 * page.
 */
import { createHash } from "node:crypto";
import type { OutputSettings, PageSettings } from "../../config/batch-config.js";
import { VERSION } from "../version.js";

/**
 * @param references the contents of the batch's references as a hash
 * @param own what the page has of its own, contents in place of paths; see `ownContents`
 */
export function pageFingerprint(
  settings: PageSettings & OutputSettings,
  modelHash: string,
  references: string,
  own: Readonly<Record<string, unknown>> = {},
): string {
  const { referenceImages, colorHints: _byContent, ...plain } = settings;
  const others = referenceImages === undefined ? references : "own";
  return createHash("sha256")
    .update(JSON.stringify([VERSION, modelHash, others, Object.entries({ ...plain, ...own }).sort()]))
    .digest("hex");
}

/** The fingerprint of settings, made once: each of a page's stages asks for it. Settings never change in place. */
export function fingerprintOnce(make: (settings: PageSettings) => string): (settings: PageSettings) => string {
  const made = new WeakMap<PageSettings, string>();
  return (settings) => {
    let fingerprint = made.get(settings);
    if (fingerprint === undefined) made.set(settings, (fingerprint = make(settings)));
    return fingerprint;
  };
}
