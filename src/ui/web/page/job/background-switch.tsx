/** The switch by which a chapter yields to others. */
import type { JSX } from "preact";
import type { Job } from "../../api/schemas.js";
import { takeJob } from "../data/store.js";
import { api } from "../lib/api.js";
import type { Action } from "../parts/trouble.js";
import { t } from "../texts/texts.js";

export function BackgroundSwitch({ job, action }: { readonly job: Job; readonly action: Action }): JSX.Element {
  const { background, backgroundHelp } = t.value.job;
  return (
    <label class="check" title={backgroundHelp}>
      <input
        type="checkbox"
        role="switch"
        checked={job.background}
        onChange={(event) => {
          const wanted = event.currentTarget.checked;
          void action.run(() => takeJob(api.updateJob(job.id, { background: wanted })));
        }}
      />
      <span>{background}</span>
    </label>
  );
}
