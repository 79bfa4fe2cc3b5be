/** Names of uploads: the same name is the same file, and names that only look alike are two. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { UploadFolder } from "../../../../src/ui/web/jobs/upload-names.js";

it("names that are NFC and NFD of each other are two files, and each is itself again", async () => {
  const path = await mkdtemp(join(tmpdir(), "cobra-uploads-"));
  onTestFinished(() => rm(path, { recursive: true, force: true }));
  const folder = await UploadFolder.open(path, "input");
  const take = async (name: string): Promise<string> => basename(await folder.take(name, 10, async () => false));
  const [composed, decomposed] = ["\u00e9.png", "e\u0301.png"];
  expect(await take(composed)).toBe("\u00e9.png");
  expect(await take(decomposed)).toBe("\u00e9_1.png");
  expect([await take(composed), await take(decomposed)]).toEqual(["\u00e9.png", "\u00e9_1.png"]);
});
