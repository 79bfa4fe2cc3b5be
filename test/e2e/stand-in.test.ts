// The embedded model and what it ignores: seed, steps and, with few references, top-k. The command says so, offers what
// does change pictures, and refuses what would give the same picture again.
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { linePage, writeFolder } from "../support/chapter.js";
import { runCli } from "../support/cli.js";

let root: string;
const at = (name: string): string => join(root, name);

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "cobra-stand-in-"));
  await writeFolder(at("pages"), { "003.png": await linePage(3), "e\u0301.png": await linePage(4) });
  await mkdir(at("colour/more"), { recursive: true });
  await copyFile(new URL("../../docs/images/reference.png", import.meta.url), at("colour/more/ref.png")).catch(async () =>
    writeFile(at("colour/more/ref.png"), await colouredPicture()),
  );
});

afterAll(() => rm(root, { recursive: true, force: true }));
