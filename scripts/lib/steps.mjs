// Small tools of the build scripts: saying what happens, running commands, hashing files, stamps. Plain Node, no
// dependencies.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";

/** The project's root folder. */
export const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), "../..");

/** Something the person at the keyboard must do first. Printed without a stack. */
export class SetupError extends Error {}

export function say(text) {
  process.stderr.write(`${text}\n`);
}

/** Runs a command; its output is shown only when it fails (or always with `show`). Throws SetupError on failure. */
export function run(command, args, { cwd = ROOT, env = {}, show = false, what = command } = {}) {
  const result = spawnSync(command, args, {
    cwd,
    env: { ...process.env, ...env },
    stdio: show ? "inherit" : ["ignore", "pipe", "pipe"],
    encoding: "utf8",
    maxBuffer: 64 * 1024 * 1024,
  });
  if (result.error) throw new SetupError(`${what}: cannot start ${command}: ${result.error.message}`);
  if (result.status !== 0) {
    const output = show ? "" : `\n${(result.stdout ?? "").trim()}\n${(result.stderr ?? "").trim()}`;
    throw new SetupError(
      `${what} failed (${command} ${args.join(" ")}, exit code ${result.status ?? result.signal})${output}`,
    );
  }
  return result.stdout ?? "";
}

/** True when the command can be started. */
export function has(command, args = ["--version"]) {
  return spawnSync(command, args, { stdio: "ignore" }).status === 0;
}

/** Makes the folder that a flag names. Throws SetupError where there can be none. */
export function makeFolderOf(flag, path) {
  try {
    mkdirSync(path, { recursive: true });
  } catch (error) {
    throw new SetupError(`--${flag} ${path}: no folder can be made there (${error.code}); name another one`);
  }
}

/** All files below the given paths (relative to the root), sorted. */
export function listFiles(paths) {
  const files = [];
  const visit = (path) => {
    if (!existsSync(path)) return;
    if (statSync(path).isDirectory()) for (const name of readdirSync(path)) visit(join(path, name));
    else files.push(path);
  };
  for (const path of paths) visit(join(ROOT, path));
  return files.sort();
}

/** One SHA-256 over names and contents of all files below the paths but one folder, and the extra strings. */
export function hashInputs(paths, extra = [], except = []) {
  const hash = createHash("sha256");
  const left = except.map((folder) => join(ROOT, folder, "/"));
  for (const file of listFiles(paths).filter((path) => !left.some((folder) => path.startsWith(folder))))
    hash
      .update(`${relative(ROOT, file)}\0`)
      .update(readFileSync(file))
      .update("\0");
  for (const text of extra) hash.update(`${text}\0`);
  return hash.digest("hex");
}

/** True when the stamp file holds this value and every product exists. */
export function isFresh(stampPath, value, products = []) {
  return (
    existsSync(stampPath) && readFileSync(stampPath, "utf8") === value && products.every((path) => existsSync(path))
  );
}

export function writeStamp(stampPath, value) {
  mkdirSync(dirname(stampPath), { recursive: true });
  writeFileSync(stampPath, value);
}

/** Runs a script's main function; a SetupError is printed plainly, exit code 1. */
export async function main(action) {
  try {
    process.exitCode = (await action()) ?? 0;
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    say(`error: ${error.message}`);
    process.exitCode = 1;
  }
}
