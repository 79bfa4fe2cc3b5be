/** Which references a page's colours came from: how many of the chosen parts are of which picture. */
import type { JSX } from "preact";
import type { Job, Picture } from "../../api/schemas.js";
import { urls } from "../lib/api.js";
import { baseName } from "../lib/format.js";
import { Thumbnail } from "../parts/picture.js";
import { t } from "../texts/texts.js";

interface UsedReferencesProps {
  readonly job: Job;
  readonly picture: Picture;
  readonly references: readonly Picture[];
}

/** Parts by reference, most used first. */
export function countParts(patches: readonly string[]): { name: string; parts: number }[] {
  const counts = new Map<string, number>();
  for (const patch of patches) {
    const name = patch.replace(/#[^#]*$/, "");
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return [...counts].map(([name, parts]) => ({ name, parts })).sort((a, b) => b.parts - a.parts);
}

export function UsedReferences({ job, picture, references }: UsedReferencesProps): JSX.Element | null {
  const used = countParts(picture.result?.references ?? []);
  if (used.length === 0) return null;
  const all = used.reduce((sum, one) => sum + one.parts, 0);
  const { viewer: texts } = t.value;
  return (
    <section aria-label={texts.used}>
      <h2>{texts.used}</h2>
      <p class="setting-help">{texts.usedHelp}</p>
      <ul class="used-references">
        {used.map(({ name, parts }) => {
          const reference = references.find((one) => one.name === name || baseName(one.name) === baseName(name));
          return (
            <li key={name}>
              {reference && <Thumbnail src={urls.thumbnail(job.id, reference, 56)} />}
              <span>
                <span class="tile-name">{baseName(name)}</span>
                <meter min={0} max={all} value={parts} aria-label={texts.parts(parts, all)} />
                <span class="setting-help">{texts.parts(parts, all)}</span>
              </span>
            </li>
          );
        })}
      </ul>
    </section>
  );
}
