/** Parses names of installed models: NAME, or NAME@VERSION. */

/** A model by name. */
export interface ModelReference {
  readonly name: string;
  /** Undefined: the version that was chosen, else the one that was installed last. */
  readonly version: string | undefined;
}

/** The name of the model that comes with the program. */
export const EMBEDDED_NAME = "embedded";

const NAME = /^[a-z0-9][a-z0-9._-]{0,63}$/u;
const VERSION = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/u;

/** Whether a word can be a model's name: lower-case letters, digits, ".", "_" and "-". */
export function isModelName(word: string): boolean {
  return NAME.test(word);
}

/** Whether a word can be a version's name. */
export function isModelVersion(word: string): boolean {
  return VERSION.test(word);
}

/** Reads a name; undefined for a word that can only be a path. */
export function parseModelName(word: string): ModelReference | undefined {
  const at = word.indexOf("@");
  const [name, version] = at < 0 ? [word, undefined] : [word.slice(0, at), word.slice(at + 1)];
  return isModelName(name) && (version === undefined || isModelVersion(version)) ? { name, version } : undefined;
}
