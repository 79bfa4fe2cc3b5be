/** The small twin of `npm run full-size`: the same script, the same parts, in the precision of the large one. */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, it } from "vitest";

const SCRIPT = fileURLToPath(new URL("../../scripts/full-size.mjs", import.meta.url));

it("builds a model in half precision, encodes its references and takes a step, and says what each took", { timeout: 120_000 }, async () => {
  const flags = ["--preset", "tiny", "--page", "96x128", "--references", "3"];
  const { stdout } = await promisify(execFile)(process.execPath, [SCRIPT, ...flags], { env: { ...process.env, COBRA_READY: "1" } });
  const part = (more: object): object => expect.objectContaining({ seconds: expect.any(Number) as number, peakRssBytes: expect.any(Number) as number, ...more }) as object;
  expect(JSON.parse(stdout)).toMatchObject({
    preset: "tiny",
    precision: "fp16",
    build: part({ fileBytes: expect.any(Number) as number }),
    encode: part({ patches: 3 }),
    step: part({ references: 3, stepSeconds: expect.any(Number) as number }),
  });
});
