// Holds two rules over every tracked text file: lines of code are at most 120 columns wide (string literals may be
// longer, comments may not), and nothing of one machine is committed (absolute paths, registry addresses in the
// lockfile).
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "./steps.mjs";

const WIDTH = 120;
const CODE = /\.(ts|tsx|cts|mts|mjs|js|css|cc|h)$/;
const STRING = /["'`]|^\s*\/.*\/[a-z]*[,;]?$/; // a string or a regular expression, which cannot be broken
const COMMENT = /^\s*(?:\/\/|\/?\*)/; // which can be broken, whatever it quotes
const FOREIGN_PATH = /(^|[\s"'`(=:])\/(home|root|Users)\/[a-z]{2,}/;

/** @returns {string[]} one line for each fault */
export function checkLines() {
  const files = execFileSync("git", ["ls-files"], { cwd: ROOT, encoding: "utf8" }).split("\n").filter(Boolean);
  const faults = [];
  for (const file of files.filter((name) => CODE.test(name))) {
    const lines = readText(file).split("\n");
    for (const [index, line] of lines.entries()) {
      if ([...line].length > WIDTH && (COMMENT.test(line) || !STRING.test(line))) {
        faults.push(`${file}:${index + 1} is ${[...line].length} columns wide; ${WIDTH} is the limit`);
      }
      if (FOREIGN_PATH.test(line)) faults.push(`${file}:${index + 1} names a path of one machine: ${line.trim()}`);
    }
  }
  if (/"resolved":/.test(readText("package-lock.json"))) {
    faults.push("package-lock.json names download addresses; .npmrc has omit-lockfile-registry-resolved for that");
  }
  return faults;
}

function readText(file) {
  try {
    return readFileSync(join(ROOT, file), "utf8");
  } catch {
    return ""; // deleted in the working tree, not yet in the index
  }
}
