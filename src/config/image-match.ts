/** Which entry of a configuration speaks of which image. Pure functions over names. */

const RELATIVE_PATH = 2e6;
const NAME = 1e6;

/**
 * How closely a pattern names an image, higher being more specific: its relative path, then its file name, then a glob
 * by the number of plain characters. Undefined when it does not. In a glob `*` and `?` stand for anything but a slash,
 * `**` for anything; one without a slash is held against the file name.
 */
export function matchRank(pattern: string, name: string): number | undefined {
  const wanted = pattern.normalize("NFC").replace(/^\.\//, "");
  const path = name.normalize("NFC");
  const label = path.slice(path.lastIndexOf("/") + 1);
  if (wanted === path) return RELATIVE_PATH;
  if (wanted === label) return NAME;
  if (!/[*?]/.test(wanted)) return undefined;
  const subject = wanted.includes("/") ? path : label;
  return globPattern(wanted).test(subject) ? wanted.replace(/[*?]/g, "").length : undefined;
}

function globPattern(glob: string): RegExp {
  const source = glob.replace(/\*\*\/|\*\*|\*|\?|[^*?]+/g, (part) => {
    if (part === "**/") return "(?:.*/)?";
    if (part === "**") return ".*";
    if (part === "*") return "[^/]*";
    return part === "?" ? "[^/]" : part.replace(/[\\^$.|+()[\]{}]/g, "\\$&");
  });
  return new RegExp(`^${source}$`, "su");
}
