/** The name by which the program was started, so that commands printed in messages can be run as they are. */
import { basename, delimiter, dirname, relative, resolve, sep } from "node:path";
import { quoted } from "./terminal-text.js";

const NAME = "cobra-batch";

/** How this process was started. */
export interface Started {
  /** `process.argv[1]`: the path of the script or of the link to it. */
  readonly script: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly folder: string;
}

/** Words that start the program again: "cobra-batch", "npx cobra-batch" or "node dist/ui/cli/main.js". */
export function programName(
  { script, env, folder }: Started = { script: process.argv[1] ?? NAME, env: process.env, folder: process.cwd() },
): string {
  const launcher = env["COBRA_LAUNCHER"]; // the launcher of a bundle names itself: what it starts is inside
  if (launcher) return programName({ script: launcher, env: { PATH: env["PATH"] }, folder });
  const [path, name] = [dirname(resolve(folder, script)), basename(script)];
  if (/\.[cm]?js$/.test(name)) return `node ${quoted(nearest(folder, script))}`;
  if (path.endsWith(`${sep}node_modules${sep}.bin`)) return `npx ${name}`;
  const isOnPath = (env["PATH"] ?? "").split(delimiter).some((one) => one !== "" && resolve(folder, one) === path);
  return isOnPath ? name : quoted(nearest(folder, script));
}

/** The path from the folder on, unless that leads out of it. */
function nearest(folder: string, path: string): string {
  const inside = relative(folder, resolve(folder, path));
  if (inside.startsWith("..")) return resolve(folder, path);
  return inside.includes(sep) ? inside : `.${sep}${inside}`;
}

const COMMAND =
  /(?<![\w/.-])cobra-batch (?=(?:--help|(?:colorize|approve|reject|retry|redo|assemble|watch|submit|worker|queue|serve|classify|config|model|tune|bench|doctor|completion)\b))/g;

/** A text in which commands such as `cobra-batch retry` start with the words that started this program. */
export function asStarted(text: string, program?: string): string {
  return text.replaceAll(COMMAND, () => `${program ?? programName()} `);
}
