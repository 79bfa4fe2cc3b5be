/** Rows of settings: a control, one sentence, and the reason where the model takes no notice. */
import type { JSX } from "preact";
import { useId } from "preact/hooks";
import type { JobSettings } from "../../api/schemas.js";
import { FILLS, INKS, LAYERS, OUTPUT_FORMATS, SETTINGS, STYLES } from "../../../../config/settings.js";
import { server } from "../data/store.js";
import { t } from "../texts/texts.js";

/** A setting that the page shows. */
export type ShownSetting = keyof typeof CONTROLS;

type Control =
  | { readonly kind: "choice"; readonly values: readonly string[]; readonly empty?: true }
  | { readonly kind: "number"; readonly min: number; readonly max?: number; readonly empty?: true }
  | { readonly kind: "switch" };

const CONTROLS = {
  style: { kind: "choice", values: STYLES },
  numInferenceSteps: { kind: "number", min: 1, max: 999 },
  topK: { kind: "number", min: 1, max: 50 },
  seed: { kind: "number", min: 0 },
  ink: { kind: "choice", values: INKS },
  fill: { kind: "choice", values: FILLS, empty: true },
  outputFormat: { kind: "choice", values: OUTPUT_FORMATS, empty: true },
  quality: { kind: "number", min: 1, max: 100, empty: true },
  lossless: { kind: "switch" },
  layers: { kind: "choice", values: LAYERS, empty: true },
  result: { kind: "choice", values: ["cbz", "zip"], empty: true },
  previewPages: { kind: "number", min: 1 },
  previewSeeds: { kind: "number", min: 1, max: 64 },
} as const satisfies Partial<Record<keyof JobSettings, Control>>;

/** Settings that decide how pages look. */
export const LOOK: readonly ShownSetting[] = ["style", "ink", "fill", "numInferenceSteps", "topK", "seed"];
/** Settings of how results are written. */
export const OUTPUT: readonly ShownSetting[] = ["outputFormat", "quality", "lossless", "layers", "result"];
/** Settings of a preview. */
export const PREVIEW: readonly ShownSetting[] = ["previewPages", "previewSeeds"];

const DEFAULTS: Readonly<Record<string, unknown>> = Object.fromEntries(
  Object.entries(SETTINGS).map(([key, facts]) => [key, "default" in facts ? facts.default : undefined]),
);

/** The setting's default, undefined where it has none. */
function defaultOf(key: ShownSetting): unknown {
  return DEFAULTS[key];
}

/** Why the model takes no notice of a setting, or undefined where it does. */
function whyIgnored(key: string): { reason: string; always: boolean } | undefined {
  const found = server.value?.ignored.find((one) => one.setting === key);
  if (!found) return undefined;
  return { reason: t.value.settings.ignored(key, found.because, found.unless), always: found.unless === undefined };
}

/** Values of settings, as kept in a form. */
export type Values = Readonly<Partial<Record<ShownSetting, string | number | boolean | undefined>>>;

interface RowsProps {
  readonly keys: readonly ShownSetting[];
  readonly values: Values;
  /** What applies where a value is left out; without it the setting's default. */
  readonly under?: Values;
  readonly disabled?: boolean;
  /** With `undefined` the setting is left out again. */
  readonly onChange: (key: ShownSetting, value: string | number | boolean | undefined) => void;
}

export function SettingRows({ keys, ...rest }: RowsProps): JSX.Element {
  return (
    <div class="settings">
      {keys.map((key) => (
        <Row key={key} name={key} {...rest} />
      ))}
    </div>
  );
}

interface RowProps extends Omit<RowsProps, "keys"> {
  readonly name: ShownSetting;
}

function Row({ name, values, under = {}, disabled = false, onChange }: RowProps): JSX.Element {
  const id = useId();
  const { settings: texts } = t.value;
  const control: Control = CONTROLS[name];
  const ignored = whyIgnored(name);
  const off = disabled || (ignored?.always ?? false);
  const standard = under[name] ?? defaultOf(name);
  const value = values[name] ?? standard;
  const own = values[name] !== undefined && values[name] !== standard;
  const set = (next: string | number | boolean | undefined): void =>
    onChange(name, next === standard || next === "" ? undefined : next);
  const valueText = (one: string): string =>
    (texts.values as Readonly<Record<string, Readonly<Record<string, string>>>>)[name]?.[one] ?? one.toUpperCase();
  const about = { id, disabled: off, "aria-describedby": `${id}-help` };
  return (
    <div class={`setting ${ignored ? "ignored" : ""} ${own ? "own" : ""}`}>
      <label for={id}>{texts.names[name]}</label>
      {control.kind === "choice" && (
        <select
          {...about}
          value={String(value ?? "")}
          onChange={(event) => set(event.currentTarget.value || undefined)}
        >
          {control.empty && standard === undefined && <option value="">{texts.automatic[name] ?? ""}</option>}
          {control.values.map((one) => (
            <option key={one} value={one}>
              {valueText(one)}
            </option>
          ))}
        </select>
      )}
      {control.kind === "number" && (
        <input
          {...about}
          type="number"
          inputMode="numeric"
          min={control.min}
          max={control.max}
          step={1}
          value={value === undefined ? "" : String(value)}
          placeholder={texts.automatic[name]}
          onChange={(event) => {
            const { valueAsNumber } = event.currentTarget;
            const whole = Number.isNaN(valueAsNumber)
              ? undefined
              : Math.min(Math.max(Math.round(valueAsNumber), control.min), control.max ?? Number.MAX_SAFE_INTEGER);
            set(whole);
            event.currentTarget.value = String(whole ?? standard ?? "");
          }}
        />
      )}
      {control.kind === "switch" && (
        <input
          {...about}
          type="checkbox"
          role="switch"
          checked={value === true}
          onChange={(event) => set(event.currentTarget.checked)}
        />
      )}
      <p id={`${id}-help`} class="setting-help">
        {texts.help[name]}
        {ignored && <span class="because"> {ignored.reason}</span>}
      </p>
    </div>
  );
}
