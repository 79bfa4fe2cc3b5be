/** Buttons: a text with an icon, or an icon whose text is read and shown on hovering. */
import type { ComponentChildren, JSX } from "preact";
import { useRef } from "preact/hooks";
import { Icon, type IconName } from "./icon.js";

interface ButtonProps {
  readonly label: string;
  readonly icon?: IconName;
  /** Shows the icon alone. */
  readonly bare?: boolean;
  readonly kind?: "main" | "plain" | "danger";
  readonly busy?: boolean;
  readonly disabled?: boolean;
  readonly pressed?: boolean;
  readonly describedBy?: string;
  /** Keyboard shortcut, for the hover text. */
  readonly shortcut?: string;
  readonly onClick: (event: MouseEvent) => void;
}

/** A button. While busy it stays focusable and does nothing. */
export function Button(props: ButtonProps): JSX.Element {
  const { label, icon, bare = false, kind = "plain", busy = false, disabled = false, pressed, shortcut } = props;
  const title = shortcut === undefined ? label : `${label} (${shortcut})`;
  return (
    <button
      type="button"
      class={`button ${kind} ${bare ? "bare" : ""}`}
      aria-label={bare ? label : undefined}
      title={bare || shortcut !== undefined ? title : undefined}
      aria-pressed={pressed}
      aria-busy={busy || undefined}
      aria-describedby={props.describedBy}
      disabled={disabled}
      onClick={(event) => {
        if (!busy) props.onClick(event);
      }}
    >
      {icon && <Icon name={icon} />}
      {!bare && <span>{label}</span>}
    </button>
  );
}

interface LinkProps {
  readonly label: string;
  readonly href: string;
  readonly icon?: IconName;
  readonly bare?: boolean;
  readonly kind?: "main" | "plain";
  readonly download?: boolean | string;
}

/** A link that looks like a button: a download, another view. */
export function ButtonLink({ label, href, icon, bare = false, kind = "plain", download }: LinkProps): JSX.Element {
  return (
    <a
      class={`button ${kind} ${bare ? "bare" : ""}`}
      href={href}
      download={download}
      aria-label={bare ? label : undefined}
      title={bare ? label : undefined}
    >
      {icon && <Icon name={icon} />}
      {!bare && <span>{label}</span>}
    </a>
  );
}

interface ChooserProps {
  readonly label: string;
  readonly icon: IconName;
  readonly accept?: string;
  readonly folder?: boolean;
  readonly multiple?: boolean;
  readonly kind?: "main" | "plain";
  readonly onFiles: (list: FileList | null) => void;
}

/** A button that opens the browser's file chooser. */
export function FileButton({ label, icon, accept, folder, multiple = true, kind, onFiles }: ChooserProps): JSX.Element {
  const input = useRef<HTMLInputElement>(null);
  return (
    <>
      <Button label={label} icon={icon} kind={kind ?? "plain"} onClick={() => input.current?.click()} />
      <input
        type="file"
        hidden
        accept={accept}
        multiple={multiple}
        ref={(element) => {
          input.current = element;
          if (element) element.webkitdirectory = folder ?? false;
        }}
        onChange={(event) => {
          onFiles(event.currentTarget.files);
          event.currentTarget.value = "";
        }}
      />
    </>
  );
}

interface SegmentsProps<T extends string> {
  readonly label: string;
  readonly value: T;
  readonly options: readonly {
    readonly value: T;
    readonly label: string;
    readonly icon?: IconName;
    /** Why it cannot be chosen. */
    readonly disabled?: string | undefined;
  }[];
  readonly onChange: (value: T) => void;
}

/** One of a few, side by side: radio buttons, so that arrow keys work. */
export function Segments<T extends string>({ label, value, options, onChange }: SegmentsProps<T>): JSX.Element {
  const name = `segments-${label}`;
  return (
    <fieldset class="segments" aria-label={label}>
      {options.map((option) => (
        <label
          key={option.value}
          class={option.value === value ? "chosen" : option.disabled ? "disabled" : ""}
          title={option.disabled ?? option.label}
        >
          <input
            type="radio"
            class="hidden-input"
            name={name}
            value={option.value}
            checked={option.value === value}
            disabled={option.disabled !== undefined}
            onChange={() => onChange(option.value)}
          />
          {option.icon && <Icon name={option.icon} />}
          <span>{option.label}</span>
        </label>
      ))}
    </fieldset>
  );
}

/** A bar of buttons. */
export function Bar({
  label,
  children,
}: {
  readonly label: string;
  readonly children: ComponentChildren;
}): JSX.Element {
  return (
    <div class="bar" role="group" aria-label={label}>
      {children}
    </div>
  );
}
