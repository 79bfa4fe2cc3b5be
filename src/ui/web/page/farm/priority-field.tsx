/** A number that says what goes first; it is taken when the field is left, or with Enter. */
import type { JSX } from "preact";
import { useAsked } from "../parts/use-asked.js";
import { t } from "../texts/texts.js";

interface PriorityFieldProps {
  /** What has the priority. */
  readonly name: string;
  readonly value: number;
  readonly disabled?: boolean;
  /** Asks for another one; resolves when the answer is taken or the failure is shown. */
  readonly onChange: (value: number) => Promise<unknown>;
}

const MOST = 1000;

export function PriorityField({ name, value, disabled = false, onChange }: PriorityFieldProps): JSX.Element {
  const { farm: texts } = t.value;
  const [shown, change] = useAsked(value, onChange);
  return (
    <label class="priority" title={texts.priorityHelp}>
      <span>{texts.priority}</span>
      <input
        type="number"
        min={0}
        max={MOST}
        step={1}
        value={shown}
        disabled={disabled}
        aria-label={texts.priorityOf(name)}
        onChange={(event) => {
          const wanted = event.currentTarget.valueAsNumber;
          if (Number.isInteger(wanted) && wanted >= 0 && wanted <= MOST) change(wanted);
          else event.currentTarget.value = String(shown);
        }}
      />
    </label>
  );
}
