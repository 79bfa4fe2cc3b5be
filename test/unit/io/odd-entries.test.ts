/** Entries of a folder that are no plain files: pipes, sockets, devices, links, and names that are not UTF-8. */
import { spawnSync } from "node:child_process";
import { mkdir, symlink, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { openPageSource } from "../../../src/io/open-source.js";
import { png, temporaryFolder } from "./image/pictures.js";

describe("what is neither a file nor a folder", () => {
  it("is a fault by name: named pipes, sockets, devices, and nothing waits for them", async () => {
    const folder = await temporaryFolder();
    await writeFile(join(folder, "1.png"), await png());
    expect(spawnSync("mkfifo", [join(folder, "pipe.png")]).status).toBe(0);
    await symlink("/dev/zero", join(folder, "device.png"));
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(join(folder, "socket"), resolve));
    const source = await openPageSource(folder);
    server.close();
    expect(source.entries().map(({ name }) => name)).toEqual(["1.png"]);
    expect(source.faults.map(({ name, error }) => [name, error.code])).toEqual([
      ["device.png", "ERR_INPUT_NOT_FOUND"],
      ["pipe.png", "ERR_INPUT_NOT_FOUND"],
      ["socket", "ERR_INPUT_NOT_FOUND"],
    ]);
    expect(
      source.faults.map(({ error }) => /it is (?:a \w+ ?\w*), neither a file nor a folder/u.test(error.message)),
    ).toEqual([true, true, true]);
    await expect(openPageSource(join(folder, "pipe.png"))).rejects.toMatchObject({ code: "ERR_INPUT_NOT_FOUND" });
  });
});

describe("names on disk", () => {
  it("that are not UTF-8 are read as the bytes they are, and have text for people", async () => {
    const folder = await temporaryFolder();
    const names = [
      Buffer.from("836983938367312e706e67", "hex"), // Shift-JIS
      Buffer.from([0xff, 0xfe, 0x2e, 0x70, 0x6e, 0x67]),
      Buffer.from("e\u0301.png"),
      Buffer.from("頁.png"),
    ];
    for (const [index, name] of names.entries())
      await writeFile(Buffer.concat([Buffer.from(`${folder}/`), name]), `page ${index}`);
    const source = await openPageSource(folder);
    const found = await Promise.all(
      source.entries().map(async (entry) => [Buffer.from(await entry.read()).toString(), entry.name] as const),
    );
    expect(new Map(found).get("page 2")).toBe("\u00e9.png");
    expect(new Map(found).get("page 3")).toBe("頁.png");
    expect(found).toHaveLength(4);
    expect(new Set(found.map(([, name]) => name)).size).toBe(4);
  });
});

describe("links in a folder", () => {
  it("are pages wherever they lead, and copied only from inside the input", async () => {
    const folder = await temporaryFolder();
    const [input, outside] = [join(folder, "in"), join(folder, "outside")];
    await mkdir(input);
    await mkdir(outside);
    await writeFile(join(outside, "page.png"), await png());
    await writeFile(join(outside, "secret.txt"), "not yours");
    await writeFile(join(input, "notes.txt"), "mine");
    for (const [name, target] of [
      ["1.png", join(outside, "page.png")],
      ["out.txt", join(outside, "secret.txt")],
      ["in.txt", join(input, "notes.txt")],
    ] as const)
      await symlink(target, join(input, name));
    const source = await openPageSource(input);
    const entry = (name: string) => source.entries().find((one) => one.name === name)!;
    expect(entry("1.png").kind).toBe("image");
    expect((await entry("1.png").read()).byteLength).toBeGreaterThan(50);
    expect(Buffer.from(await entry("in.txt").read()).toString()).toBe("mine");
    await expect(entry("out.txt").read()).rejects.toMatchObject({
      code: "ERR_INPUT_NOT_FOUND",
      message: expect.stringContaining("leads out of the input") as string,
    });
    await expect(
      (async () => {
        for await (const chunk of entry("out.txt").chunks!()) chunk.fill(0);
      })(),
    ).rejects.toMatchObject({ code: "ERR_INPUT_NOT_FOUND" });
    await source.close();
  });
});
