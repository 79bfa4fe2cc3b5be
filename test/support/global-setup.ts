// Runs once, before the first test: the models that tests share are there afterwards.
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { TestProject } from "vitest/node";
import type { ProvidedContext } from "vitest";

const SCRIPT = fileURLToPath(new URL("build-shared-models.mjs", import.meta.url));

export default function setup(project: TestProject): void {
  const folders = JSON.parse(execFileSync(process.execPath, [SCRIPT]).toString()) as ProvidedContext;
  project.provide("tinyModel", folders.tinyModel);
  project.provide("smallModel", folders.smallModel);
}
