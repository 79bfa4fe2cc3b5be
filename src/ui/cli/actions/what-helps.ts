/** Suggests settings to someone who wants other colours: the settings that have an effect with the model in use. */
import type { BatchConfig, PageConfig, PageSettings } from "../../../config/batch-config.js";
import { ConfigurationError } from "../../../errors.js";
import { ignoredSettings, type IgnoredSetting, type IgnoringManifest } from "../../../model/ignored-settings.js";
import type { ModelManifest } from "../../../model/manifest.js";
import type { GivenSetting } from "./gather-settings.js";

/** What changes pictures of a model, and what does not. */
export interface WhatHelps {
  readonly ignored: readonly IgnoredSetting[];
  /** Settings for `--set` that change the colours of pages, such as "fill=model"; the first is the best. */
  readonly offers: Offers;
}

/** Settings of a page that say what would change it. */
export type OfferedFor = Pick<PageSettings, "fill" | "ink" | "seed">;

/**
 * Settings for `--set` of which none is in effect for any of the pages; if there is no such setting, for the last page.
 * Never empty. No pages mean the batch's settings.
 */
export type Offers = (pages?: readonly OfferedFor[]) => readonly string[];

/** What helps with a model, for a batch with these settings. */
export function whatHelps(manifest: Pick<ModelManifest, "fill"> & IgnoringManifest, config: OfferedFor): WhatHelps {
  const ignored = ignoredSettings(manifest);
  const takesSeed = !ignored.some(({ key }) => key === "seed");
  const offersFor = (pages: readonly OfferedFor[]): string[] => {
    const areAll = (key: "fill" | "ink", value: string): boolean =>
      pages.every((page) => (page[key] ?? (key === "fill" ? manifest.fill : "page")) === value);
    return [
      ...(takesSeed ? [`seed=${Math.max(...pages.map(({ seed }) => seed)) + 1}`] : []),
      // The model's own picture has no fill.
      ...(areAll("ink", "page") && areAll("fill", "flat") ? ["fill=model"] : []),
      ...(areAll("ink", "page") && areAll("fill", "model") ? ["fill=flat"] : []),
      ...(areAll("ink", "page") ? ["ink=model"] : []),
      ...(areAll("ink", "model") ? ["ink=page"] : []),
    ];
  };
  return {
    ignored,
    offers: (pages = []) => {
      const all = pages.length === 0 ? [config] : pages;
      const offers = offersFor(all);
      return offers.length > 0 ? offers : offersFor(all.slice(-1));
    },
  };
}

/** A warning for each setting that was given although the model ignores it. */
export function ignoredWarnings({ ignored }: WhatHelps, given: readonly GivenSetting[]): string[] {
  return given.flatMap(({ key, label }) =>
    ignored
      .filter((one) => one.key === key)
      .map(
        ({ because, unless }) =>
          `${label} changes nothing: this model ${because}${unless === undefined ? "" : ` (unless ${unless})`}`,
      ),
  );
}

/**
 * Refuses changes that would give the same pictures again.
 * @param settings the changed settings of pages; none means the next seed
 * @param pages what the pages have now
 * @throws ConfigurationError `ERR_CONFIG` that says what would help
 */
export function refuseIfNothingChanges(
  help: WhatHelps,
  settings: PageConfig = {},
  pages: readonly OfferedFor[] = [],
): void {
  const changed = Object.keys(settings).length === 0 ? ["seed"] : Object.keys(settings);
  const reasons = changed.map(
    (key) => help.ignored.find((one) => one.key === key && one.unless === undefined)?.because,
  );
  if (reasons.some((because) => because === undefined)) return;
  throw new ConfigurationError(
    "ERR_CONFIG",
    `nothing would change: this model ${[...new Set(reasons)].join(" and ")}; ${remedy(help, pages)}`,
  );
}

/** Refuses a preview of several seeds that would all look the same. @throws ConfigurationError `ERR_CONFIG` */
export function refuseSameSeeds(help: WhatHelps, { previewSeeds }: Pick<BatchConfig, "previewSeeds">): void {
  const because = help.ignored.find(({ key }) => key === "previewSeeds")?.because;
  if (previewSeeds > 1 && because !== undefined)
    throw new ConfigurationError(
      "ERR_CONFIG",
      `a preview with ${previewSeeds} seeds would show the same picture ${previewSeeds} times: this model ${because}`,
      { remedy: "preview without --preview-seeds" },
    );
}

function remedy({ offers }: WhatHelps, pages: readonly OfferedFor[]): string {
  const settings = offers(pages).map((offer) => `--set ${offer}`);
  return `try a colour hint (--hint 410,220=#c03028), other references (--set referenceDir=DIR), ${settings.join(", ")} or another --set style`;
}
