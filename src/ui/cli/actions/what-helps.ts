/** Suggests settings to someone who wants other colours: the settings that have an effect with the model in use. */
import type { BatchConfig, PageConfig } from "../../../config/batch-config.js";
import { ConfigurationError } from "../../../errors.js";
import { ignoredSettings, type IgnoredSetting } from "../../../model/ignored-settings.js";
import type { ModelManifest } from "../../../model/manifest.js";
import type { GivenSetting } from "./gather-settings.js";

/** What changes pictures of a model, and what does not. */
export interface WhatHelps {
  readonly ignored: readonly IgnoredSetting[];
  /** A setting that changes the colours, such as "fill=model", for `--set`. */
  readonly example: string;
}

/** What helps with a model, for a batch with these settings. */
export function whatHelps(manifest: ModelManifest, { fill, seed }: Pick<BatchConfig, "fill" | "seed">): WhatHelps {
  const ignored = ignoredSettings(manifest);
  const isSeedIgnored = ignored.some(({ key }) => key === "seed");
  const fillNow = fill ?? manifest.fill;
  return {
    ignored,
    example: isSeedIgnored ? `fill=${fillNow === "flat" ? "model" : "flat"}` : `seed=${seed + 1}`,
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
 * @throws ConfigurationError `ERR_CONFIG` that says what would help
 */
export function refuseIfNothingChanges(help: WhatHelps, settings: PageConfig = {}): void {
  const changed = Object.keys(settings).length === 0 ? ["seed"] : Object.keys(settings);
  const reasons = changed.map(
    (key) => help.ignored.find((one) => one.key === key && one.unless === undefined)?.because,
  );
  if (reasons.some((because) => because === undefined)) return;
  throw new ConfigurationError(
    "ERR_CONFIG",
    `nothing would change: this model ${[...new Set(reasons)].join(" and ")}; ${remedy(help)}`,
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

function remedy({ example }: WhatHelps): string {
  return `try a colour hint (--hint 410,220=#c03028), other references (--set referenceDir=DIR), --set ${example}, --set ink=model or another --set style`;
}
