/** Bundles: the archive's parts, and the script that checks, joins and unpacks them on a machine without Node. */
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
// @ts-expect-error a build script without types
import * as archiveScript from "../../scripts/bundle/archive.mjs";

const { pack, sizeInBytes } = archiveScript as {
  pack: (parent: string, name: string, into: string, options: { archive: string; limit: number }) => Promise<Part[]>;
  sizeInBytes: (text: string) => number;
};
const NAME = "cobra-batch-1.0.0-linux-x64";
const SCRIPT = new URL("../../scripts/bundle/install.sh", import.meta.url);
/** Does not compress, so that it makes several parts. */
const DATA = createHash("shake256", { outputLength: 2_500_000 }).update("cobra").digest();
let home: string;

interface Part {
  readonly name: string;
  readonly bytes: number;
  readonly sha256: string;
}

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "cobra bundle "));
  const root = join(home, "work", NAME);
  for (const folder of ["bin", "lib", "app"]) await mkdir(join(root, folder), { recursive: true });
  // Stands for Node: says that the addon loads, unless told otherwise by a file beside it.
  await writeFile(
    join(root, "bin/node"),
    '#!/bin/sh\n[ ! -f "$(dirname "$0")/../lib/old" ] || [ -n "${LD_LIBRARY_PATH-}" ]\n',
  );
  await chmod(join(root, "bin/node"), 0o755);
  await writeFile(join(root, "app/data"), DATA);
  await writeFile(join(root, "complete"), "");
});
afterEach(() => rm(home, { recursive: true, force: true }));

const hashOf = (data: string | Uint8Array): Buffer => createHash("sha256").update(data).digest();

async function packed(limit: number): Promise<Part[]> {
  await mkdir(join(home, "out"), { recursive: true });
  const parts = await pack(join(home, "work"), NAME, join(home, "out"), {
    archive: `${NAME}.tar.gz`,
    limit,
  });
  const fill: Record<string, string> = {
    ARCHIVE: `${NAME}.tar.gz`,
    NAME,
    KILOBYTES: "3000",
    PARTS: parts.map(({ sha256, name }) => `${sha256} ${name}`).join("\n"),
    ADDON: "app/data",
  };
  const text = (await readFile(SCRIPT, "utf8")).replaceAll(/@([A-Z]+)@/g, (_, key: string) => fill[key]!);
  await writeFile(join(home, "out/install.sh"), text);
  return parts;
}

async function install(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const run = promisify(execFile)("sh", [join(home, "out/install.sh"), ...args], { cwd: home });
  return run.then(
    (ended) => ({ ...ended, code: 0 }),
    (error: { code: number; stdout: string; stderr: string }) => error,
  );
}

describe("an archive", () => {
  it("is the same bytes each time, whole or in parts of the size asked for, and each part's hash is told", async () => {
    const [whole] = await packed(Infinity);
    const parts = await packed(2 ** 20);
    expect(parts.map(({ name, bytes }) => [name, bytes])).toEqual([
      [`${NAME}.tar.gz.01`, 2 ** 20],
      [`${NAME}.tar.gz.02`, 2 ** 20],
      [`${NAME}.tar.gz.03`, whole!.bytes - 2 * 2 ** 20],
    ]);
    const contents = await Promise.all(parts.map(({ name }) => readFile(join(home, "out", name))));
    expect(contents.map((data) => hashOf(data).toString("hex"))).toEqual(parts.map(({ sha256 }) => sha256));
    expect(hashOf(Buffer.concat(contents)).toString("hex")).toBe(whole!.sha256);
  });

  it("has parts of a megabyte or more", () => {
    expect([sizeInBytes("60M"), sizeInBytes("1G"), sizeInBytes("2000000")]).toEqual([60 * 2 ** 20, 2 ** 30, 2e6]);
    for (const text of ["60", "60MB", "M", "0", "100K", "-1M"]) expect(() => sizeInBytes(text)).toThrow(/--split/);
  });
});

describe("install.sh", () => {
  it("unpacks the parts, whatever the folders are called, and leaves nothing else", async () => {
    await packed(2 ** 20);
    const { code, stdout, stderr } = await install("--to", "a b/cobra");
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toContain("installed: a b/cobra");
    const file = "app/data";
    expect(await readFile(join(home, "a b/cobra", file))).toEqual(await readFile(join(home, "work", NAME, file)));
    expect(await readdir(join(home, "a b"))).toEqual(["cobra"]);
    expect(await readdir(join(home, "a b/cobra/lib"))).toEqual([]);
  });

  it("uses the C++ runtime that it carries only where the system's will not do", async () => {
    await writeFile(join(home, "work", NAME, "lib/old"), "");
    await packed(Infinity);
    expect(await install()).toMatchObject({ code: 0 });
    expect(await readdir(join(home, NAME, "lib"))).toEqual(["in-use", "old"]);
  });

  it("names every part that is missing or damaged, and unpacks nothing", async () => {
    const parts = await packed(2 ** 20);
    await truncate(join(home, "out", parts[0]!.name), 2 ** 20 - 1);
    await rm(join(home, "out", parts[2]!.name));
    const { code, stderr } = await install("--to", "cobra");
    expect(code).toBe(1);
    expect(stderr).toContain(`${parts[0]!.name} is damaged`);
    expect(stderr).toContain(`${parts[2]!.name} is missing`);
    expect(stderr).not.toContain(parts[1]!.name);
    expect((await readdir(home)).sort()).toEqual(["out", "work"]);
  });

  it("never writes into a folder that is there, and says how it is called", async () => {
    await packed(Infinity);
    await mkdir(join(home, NAME));
    expect(await install()).toMatchObject({ code: 1, stderr: expect.stringContaining("exists") as string });
    expect(await readdir(join(home, NAME))).toEqual([]);
    expect(await install("--help")).toMatchObject({ code: 0 });
    expect(await install("--prefix")).toMatchObject({ code: 64 });
  });
});
