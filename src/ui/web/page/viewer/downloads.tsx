/** Downloads of a page: its picture, a document with layers, its layers as files. */
import type { JSX } from "preact";
import type { Job, Picture } from "../../api/schemas.js";
import { urls } from "../lib/api.js";
import { ButtonLink } from "../parts/button.js";
import { t } from "../texts/texts.js";

interface TakeawayProps {
  readonly job: Job;
  readonly picture: Picture;
}

export function Takeaway({ job, picture }: TakeawayProps): JSX.Element | null {
  const { result } = picture;
  if (!result) return null;
  const { download: texts } = t.value;
  const isLayered = /\.psd$/i.test(result.name);
  return (
    <section aria-label={texts.title}>
      <h2>{texts.title}</h2>
      <ul class="plain-list">
        <li>
          <ButtonLink
            label={isLayered ? texts.psd : texts.picture}
            icon="download"
            href={urls.download(job.id, picture)}
            download={result.name}
          />
        </li>
        {!isLayered && picture.state === "completed" && (
          <li>
            <ButtonLink label={texts.psd} icon="download" href={urls.psd(job.id, picture.id)} download />
            <p class="setting-help">{texts.psdHelp}</p>
          </li>
        )}
        {result.layers?.map((layer) => (
          <li key={layer}>
            <ButtonLink
              label={texts.layer(layer)}
              icon="download"
              href={urls.download(job.id, picture, layer)}
              download
            />
          </li>
        ))}
      </ul>
      <p class="setting-help">{texts.facts(result.width, result.height, result.seed)}</p>
    </section>
  );
}
