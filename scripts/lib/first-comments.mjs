// Holds a rule over the first comment of every source file: it begins with a verb or a noun of the field, such as
// "Parses …" or "The pool of …", and not with a question word, such as "What …" or "Whether …".
import { readFileSync } from "node:fs";
import { relative } from "node:path";
import { listFiles, ROOT } from "./steps.mjs";

const SOURCE = /\.(ts|tsx|mjs|css|cc|h|py|sh)$/;
const FIRST_COMMENT = /^(?:#!.*\n)?\s*(?:\/\*+|\/\/+|#|""")[\s*]*(\S.*)/;
const QUESTION = /^(?:What|Which|Where|How|Whether|Whose|Who|When|Why)\b/;

/** @returns {string[]} one line for each fault */
export function checkFirstComments(folders = ["src", "native", "scripts", "bench"]) {
  return listFiles(folders)
    .filter((path) => SOURCE.test(path))
    .flatMap((path) => {
      const text = firstComment(readFileSync(path, "utf8"));
      if (text === undefined || !QUESTION.test(text)) return [];
      return [`${relative(ROOT, path)}: the first comment begins with a question word; begin with a verb: ${text}`];
    });
}

/** The first line of the comment that a file begins with; undefined where it begins with none. */
export function firstComment(text) {
  return FIRST_COMMENT.exec(text)?.[1];
}
