/** Takes every path of this machine out of answers: `PathHider` for those it knows, a pattern for all others. */
import { readdirSync } from "node:fs";
import { homedir } from "node:os";
import { PathHider } from "../jobs/hide-paths.js";
import { escapeRegExp } from "../../../text/escape-regexp.js";

/** Folders at the top whose names are also words of URLs. */
const NOT_FOLDERS: ReadonlySet<string> = new Set(["api"]);

/** Rewrites texts. */
export class Redactor {
  readonly #known: PathHider;
  readonly #path: RegExp;

  /**
   * @param known folders and what stands for them, such as the name of an allowed root; the longest match counts
   * @param data folder of the server's data
   */
  constructor(known: ReadonlyMap<string, string>, data?: string) {
    this.#known = new PathHider(known, data);
    const top = new Set([...readdirSync("/"), homedir().split("/")[1] ?? ""].filter((name) => name !== ""));
    for (const name of NOT_FOLDERS) top.delete(name);
    const names = [...top].map((name) => escapeRegExp(name)).join("|");
    // The last part stays: people know the file's name.
    this.#path = new RegExp(String.raw`(?<![\w/.:%-])/(?:${names})(?:/[^\s"'\\:;,()/]*)*/(?=[^\s"'\\:;,()/])`, "gu");
  }

  /** The text, or JSON, without paths of the machine. */
  redact(text: string): string {
    return this.#known.hide(text).replace(this.#path, "");
  }
}
