/** Bars of progress. */
import type { JSX } from "preact";
import type { Job } from "../../api/schemas.js";

interface BarProps {
  readonly label: string;
  /** Done and failed shares, 0 to 1; without them it is under way for an unknown time. */
  readonly done?: number;
  readonly failed?: number;
}

/** A bar; failed parts stand at its end in their own colour. */
export function ProgressBar({ label, done, failed = 0 }: BarProps): JSX.Element {
  return (
    <div
      class={`progress ${done === undefined ? "unknown" : ""}`}
      role="progressbar"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={done === undefined ? undefined : Math.round((done + failed) * 100)}
    >
      <span class="progress-done" style={{ width: `${(done ?? 0) * 100}%` }} />
      <span class="progress-failed" style={{ width: `${failed * 100}%` }} />
    </div>
  );
}

/** How far a job is, as shares of its pages. */
export function shares({ progress: { total, completed, failed } }: Job): { done: number; failed: number } {
  return total === 0 ? { done: 0, failed: 0 } : { done: completed / total, failed: failed / total };
}
