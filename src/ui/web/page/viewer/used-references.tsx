/** Shows the references that a page's colours came from, and the part chosen for each quarter of the page. */
import type { JSX } from "preact";
import type { Job, Picture } from "../../api/schemas.js";
import { urls } from "../lib/api.js";
import { baseName } from "../lib/format.js";
import { Thumbnail } from "../parts/picture.js";
import { t } from "../texts/texts.js";
import { countParts, partsByQuarter, type ChosenPart } from "./chosen-parts.js";

interface UsedReferencesProps {
  readonly job: Job;
  readonly picture: Picture;
  readonly references: readonly Picture[];
}

const SHOWN_PARTS = 6;

export function UsedReferences({ job, picture, references }: UsedReferencesProps): JSX.Element | null {
  const labels = picture.result?.references ?? [];
  const used = countParts(labels);
  if (used.length === 0) return null;
  const quarters = partsByQuarter(labels, picture.result?.tiles);
  const { viewer: texts } = t.value;
  const find = (name: string): Picture | undefined =>
    references.find((one) => one.name === name) ?? references.find((one) => baseName(one.name) === baseName(name));
  return (
    <section aria-label={texts.used}>
      <h2>{texts.used}</h2>
      <p class="setting-help">{quarters ? texts.usedHelp : texts.usedWhole}</p>
      {quarters && (
        <ol class="quarters" aria-label={texts.quarters}>
          {quarters.map((parts, quarter) => (
            <li key={quarter} aria-label={texts.quarterNames[quarter]}>
              {parts.slice(0, SHOWN_PARTS).map((one, place) => (
                <Part key={place} job={job.id} page={picture} chosen={one} reference={find(one.reference)} />
              ))}
              {parts.length > SHOWN_PARTS && <span class="setting-help">+{parts.length - SHOWN_PARTS}</span>}
            </li>
          ))}
        </ol>
      )}
      <ul class="used-references">
        {used.map(({ name, parts }) => {
          const reference = find(name);
          return (
            <li key={name}>
              {reference && <Thumbnail src={urls.thumbnail(job.id, reference, 56)} />}
              <span>
                <span class="tile-name">{baseName(name)}</span>
                {quarters && (
                  <>
                    <meter min={0} max={labels.length} value={parts} aria-label={texts.parts(parts, labels.length)} />
                    <span class="setting-help">{texts.parts(parts, labels.length)}</span>
                  </>
                )}
              </span>
            </li>
          );
        })}
      </ul>
    </section>
  );
}

interface PartProps {
  readonly job: string;
  readonly page: Picture;
  readonly chosen: ChosenPart;
  readonly reference: Picture | undefined;
}

/** A part as the model saw it: the reference cut to the page's shape, then a corner of three quarters of its sides. */
function Part({ job, page, chosen: { reference: name, part }, reference }: PartProps): JSX.Element {
  const title = t.value.viewer.partOf(baseName(name), part);
  const { width, height } = page.result!;
  return (
    <span
      class={`part part-${part}`}
      role="img"
      aria-label={title}
      title={title}
      style={{ aspectRatio: `${width} / ${height}` }}
    >
      {reference && <img src={urls.thumbnail(job, reference, 120)} alt="" draggable={false} loading="lazy" />}
    </span>
  );
}
