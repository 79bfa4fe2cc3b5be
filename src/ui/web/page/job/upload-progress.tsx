/** Files of a job on their way: how much, how fast, and those that stopped. */
import type { JSX } from "preact";
import { FileButton } from "../parts/button.js";
import { Button } from "../parts/button.js";
import { chosenFiles, INPUT_TYPES } from "../data/dropped.js";
import { forgetInterrupted, giveUp, goOnWith, interrupted, rate, resend, transfersOf } from "../data/uploads.js";
import { baseName, bytes, duration } from "../lib/format.js";
import { ProgressBar } from "../parts/progress.js";
import { TroubleBox } from "../parts/trouble.js";
import { t } from "../texts/texts.js";

const FAILURES_SHOWN = 5;

export function UploadProgress({ job }: { readonly job: string }): JSX.Element {
  const all = transfersOf(job);
  const failed = all.filter((one) => one.state === "failed");
  const left = all.filter((one) => one.state !== "failed");
  const sent = left.reduce((sum, one) => sum + one.sent, 0);
  const size = left.reduce((sum, one) => sum + one.bytes, 0);
  const { uploads: texts } = t.value;
  const what = left.length === 1 ? baseName(left[0]!.path) : texts.files(left.length);
  return (
    <div class="uploads">
      {left.length > 0 && (
        <>
          <p class="upload-line">
            <span>{texts.sending(what)}</span>
            <span class="figures">
              {texts.of(bytes(sent), bytes(size))}
              {rate.value > 0 && `, ${bytes(rate.value)}/${t.value.units.seconds}`}
              {rate.value > 0 && `, ${t.value.jobs.left(duration((size - sent) / rate.value, { rough: true }))}`}
            </span>
            <Button
              label={texts.stop}
              icon="close"
              bare
              onClick={() => {
                for (const one of left) void giveUp(one.key);
              }}
            />
          </p>
          <ProgressBar label={texts.progress} done={size === 0 ? 0 : sent / size} />
        </>
      )}
      {failed.slice(0, FAILURES_SHOWN).map((one) => (
        <div key={one.key}>
          <p class="upload-line">{texts.failed(one.path)}</p>
          <TroubleBox trouble={one.trouble} onRetry={() => resend(one.key)} onDismiss={() => void giveUp(one.key)} />
        </div>
      ))}
      {failed.length > FAILURES_SHOWN && <p>{texts.more(failed.length - FAILURES_SHOWN)}</p>}
    </div>
  );
}

/** Asks for the files that a reload has cut off. */
export function InterruptedUploads({ job }: { readonly job: string }): JSX.Element | null {
  const files = interrupted.value.filter((one) => one.job === job);
  if (files.length === 0) return null;
  const { uploads: texts } = t.value;
  return (
    <div class="notice" role="status">
      <p>
        {texts.interrupted(files.length)}{" "}
        <strong>
          {files
            .map((one) => one.name)
            .slice(0, 4)
            .join(", ")}
        </strong>
        {files.length > 4 && ", …"}
      </p>
      <div class="notice-actions">
        <FileButton
          label={texts.chooseAgain}
          icon="upload"
          kind="main"
          accept={INPUT_TYPES}
          onFiles={(list) => goOnWith(chosenFiles(list))}
        />
        <Button label={texts.forget} onClick={() => forgetInterrupted(job)} />
      </div>
    </div>
  );
}
