/** A number that says what goes first; it is taken when the field is left, or with Enter. */
import type { JSX } from "preact";
import { t } from "../texts/texts.js";

interface PriorityFieldProps {
  /** What has the priority. */
  readonly name: string;
  readonly value: number;
  readonly disabled?: boolean;
  readonly onChange: (value: number) => void;
}

const MOST = 1000;

export function PriorityField({ name, value, disabled = false, onChange }: PriorityFieldProps): JSX.Element {
  const { farm: texts } = t.value;
  return (
    <label class="priority" title={texts.priorityHelp}>
      <span>{texts.priority}</span>
      <input
        type="number"
        min={0}
        max={MOST}
        step={1}
        value={value}
        disabled={disabled}
        aria-label={texts.priorityOf(name)}
        onChange={(event) => {
          const wanted = event.currentTarget.valueAsNumber;
          if (Number.isInteger(wanted) && wanted >= 0 && wanted <= MOST) onChange(wanted);
          else event.currentTarget.value = String(value);
        }}
      />
    </label>
  );
}
