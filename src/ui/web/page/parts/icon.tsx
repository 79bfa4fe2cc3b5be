/** Icons as paths of 20 x 20 units, drawn with lines in the colour of the text. */
import type { JSX } from "preact";

const PATHS = {
  add: "M10 4v12M4 10h12",
  archive: "M3 4h14v4H3zM4.5 8v8h11V8M8 11h4",
  back: "M12 4l-6 6 6 6",
  check: "M4 10.5l4 4 8-9",
  close: "M5 5l10 10M15 5L5 15",
  down: "M10 4v12M5 11l5 5 5-5",
  download: "M10 3v10M6 9.5l4 4 4-4M4 17h12",
  drop: "M10 3c3 4 5 6.3 5 9a5 5 0 01-10 0c0-2.700 2-5 5-9z",
  erase: "M8 16l-4-4 8-8 5 5-7 7zM8 16h8M7.500 8.500l5 5",
  fit: "M4 8V4h4M12 4h4v4M16 12v4h-4M8 16H4v-4",
  folder: "M3 5h5l2 2h7v9H3z",
  forward: "M8 4l6 6-6 6",
  grid: "M4 4h5v5H4zM11 4h5v5h-5zM4 11h5v5H4zM11 11h5v5h-5z",
  hand: "M6 10V6.500a1.200 1.200 0 012.400 0V9V4.500a1.200 1.200 0 012.400 0V9V5.500a1.200 1.200 0 012.400 0V10v-2a1.200 1.200 0 012.400 0v4.500a4.500 4.500 0 01-4.500 4.500h-1c-2 0-3-.8-4-2.500L3.700 11c-.8-1.400.8-2 1.600-1z",
  image: "M3 4h14v12H3zM3 13l4-4 4 4 2-2 4 4M13 7.500h.01",
  lines: "M4 5h12M4 10h12M4 15h7",
  minus: "M4 10h12",
  more: "M4.500 10h.01M10 10h.01M15.500 10h.01",
  open: "M8 4H4v12h12v-4M11 4h5v5M16 4l-7 7",
  brush:
    "M16.500 3.500c-4 2-7 5-8.500 8l1.500 1.500c3-1.500 6-4.500 8-8.500zM7.500 12c-2 0-3 1.500-3 4 2.500 0 4-1 4-2.800",
  pause: "M7 4v12M13 4v12",
  picker: "M4 16l1-3 7-7 2 2-7 7zM11 5l2-2a1.400 1.400 0 012 0l2 2a1.400 1.400 0 010 2l-2 2z",
  play: "M6 4l10 6-10 6z",
  redo: "M15 8H8a4 4 0 000 8h4M15 8l-3-3M15 8l-3 3",
  refresh: "M16 10a6 6 0 11-1.800-4.300M16 3v3.500h-3.500",
  settings: "M4 6h7M15 6h1M4 14h1M9 14h7M13 4v4M7 12v4",
  stop: "M5 5h10v10H5z",
  table: "M3 4h14v12H3zM3 8h14M3 12h14M8 4v12",
  trash: "M4 6h12M8 6V4h4v2M6 6l.7 10h6.600L14 6",
  undo: "M5 8h7a4 4 0 010 8H8M5 8l3-3M5 8l3 3",
  up: "M10 16V4M5 9l5-5 5 5",
  upload: "M10 14V4M6 7.500l4-4 4 4M4 17h12",
  warning: "M10 3l8 14H2zM10 8v4M10 14.500h.01",
} as const;

/** Name of an icon. */
export type IconName = keyof typeof PATHS;

/** An icon; it says nothing to a screen reader, the text beside it does. */
export function Icon({ name }: { readonly name: IconName }): JSX.Element {
  return (
    <svg class="icon" viewBox="0 0 20 20" aria-hidden="true" focusable="false">
      <path d={PATHS[name]} />
    </svg>
  );
}
