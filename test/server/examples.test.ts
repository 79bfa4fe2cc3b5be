// The examples of docs/http-api.md, run as they stand against a real server.
import { execFile, execFileSync } from "node:child_process";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openPageSource } from "../../src/index.js";
import { colourPage, linePage, writeChapter } from "../support/chapter.js";
import { dataFolder, startCommand, type TestServer } from "../support/web-server.js";

const TOKEN = "a-token-of-the-test-0123";
const run = promisify(execFile);
let data: Awaited<ReturnType<typeof dataFolder>>;
let server: TestServer;

beforeAll(async () => {
  data = await dataFolder();
  server = await startCommand(["--data", join(data.path, "data"), "--token", TOKEN]);
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await data[Symbol.asyncDispose]();
});

/** The code of a language in the guide. */
async function example(language: string): Promise<string> {
  const guide = await readFile(new URL("../../docs/http-api.md", import.meta.url), "utf8");
  return new RegExp(`\`\`\`${language}\\n(.*?)\`\`\``, "su").exec(guide)![1]!;
}

function isThere(program: string): boolean {
  try {
    execFileSync(program, ["--version"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

describe.each([
  ["sh", "sh", "curl"],
  ["python", "python3", "python3"],
])("the example in %s", (language, program, needs) => {
  it.skipIf(!isThere(needs))("colours a page and a chapter", async () => {
    const folder = join(data.path, language);
    await mkdir(folder);
    await writeFile(join(folder, "page.png"), await linePage());
    await writeFile(join(folder, "reference.jpg"), await colourPage());
    await writeChapter(join(folder, "chapter.cbz"), 2);
    await writeFile(join(folder, "example"), await example(language));
    const env = { ...process.env, COBRA_URL: server.url, COBRA_TOKEN: TOKEN };
    const { stdout } = await run(program, ["example"], { cwd: folder, env, timeout: 200_000 });
    expect(stdout).toContain("completed");
    const { width, height, format } = await sharp(join(folder, "coloured.png")).metadata();
    expect({ width, height, format }).toEqual({ width: 200, height: 280, format: "png" });
    const source = await openPageSource(join(folder, "chapter_colorized.cbz"));
    const names = source.entries().map(({ name }) => name);
    await source.close();
    expect(names).toEqual(expect.arrayContaining(["p1_colorized.png", "p2_colorized.png", "ComicInfo.xml"]));
  });
});
