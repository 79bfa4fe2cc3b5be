/** The switch by which a chapter yields to others. */
import type { JSX } from "preact";
import type { Job } from "../../api/schemas.js";
import { takeJob } from "../data/store.js";
import { api } from "../lib/api.js";
import type { Action } from "../parts/trouble.js";
import { useAsked } from "../parts/use-asked.js";
import { t } from "../texts/texts.js";

export function BackgroundSwitch({ job, action }: { readonly job: Job; readonly action: Action }): JSX.Element {
  const { background, backgroundHelp } = t.value.job;
  const [shown, change] = useAsked(job.background, (wanted) =>
    action.run(() => takeJob(api.updateJob(job.id, { background: wanted }))),
  );
  return (
    <label class="check" title={backgroundHelp}>
      <input type="checkbox" role="switch" checked={shown} onChange={(event) => change(event.currentTarget.checked)} />
      <span>{background}</span>
    </label>
  );
}
