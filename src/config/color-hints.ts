/** Colour hints of a page as settings: a picture with strokes, or dots in the page's own pixels. */
import { z } from "zod";

const place = z.number("must be a number").min(0, "must be 0 or more, in the page's own pixels");
const COLOR = 'must be "#rrggbb" or three whole numbers from 0 to 255';
const HEX = /^#[0-9a-fA-F]{6}$/;

const level = z.int(COLOR).min(0, COLOR).max(255, COLOR);

const dot = z.strictObject({
  x: place.describe("pixels of the page from the left"),
  y: place.describe("pixels of the page from the top"),
  color: z
    .union([z.string().regex(HEX, COLOR), z.tuple([level, level, level])], COLOR)
    .describe("#rrggbb, or [red, green, blue]"),
  radius: z
    .number("must be a number")
    .positive("must be above 0")
    .describe("of the dot, in pixels of the page")
    .optional(),
});

/** Dots of colour, later ones over earlier ones. */
export const hintDotsSchema = z.array(dot).min(1, "must hold at least one dot where it is given");

/**
 * The message of a value that is neither dots nor the other thing: of a list, what is wrong with its first bad dot.
 * @param otherwise of all other values
 */
export function dotsOrOther(otherwise: string): { error: (issue: object) => string } {
  const error = (issue: object): string => {
    const { input, errors } = issue as { input?: unknown; errors?: readonly (readonly z.core.$ZodIssue[])[] };
    const fault = Array.isArray(input) ? errors?.flat().find(({ path }) => path.length > 0) : undefined;
    if (fault === undefined) return otherwise;
    const [index, ...keys] = fault.path;
    return `dot ${Number(index) + 1}: ${[...keys.map(String), fault.message].join(" ")}`;
  };
  return { error };
}

/** The schema of `colorHints`. */
export const colorHintsSchema = z
  .union(
    [z.string().min(1), hintDotsSchema],
    dotsOrOther(
      'must be the path of a picture with transparency, or a list such as [{ "x": 10, "y": 20, "color": "#ff0000" }]',
    ),
  )
  .describe(
    "colours to keep to: a picture of the page's shape with strokes of colour on transparency, or dots in the page's own pixels",
  );

/** A path, or dots, later ones over earlier ones. */
export type ColorHints = z.output<typeof colorHintsSchema>;

/** Red, green and blue of a hint's colour. */
export function hintColor(color: Exclude<ColorHints, string>[number]["color"]): [number, number, number] {
  if (typeof color !== "string") return [...color];
  return [1, 3, 5].map((at) => Number.parseInt(color.slice(at, at + 2), 16)) as [number, number, number];
}
