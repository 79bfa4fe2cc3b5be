/** The small twin of `npm run full-size`: the same script, the same parts, in the precision of the large one. */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, it } from "vitest";

const SCRIPT = fileURLToPath(new URL("../../scripts/full-size.mjs", import.meta.url));

it(
  "builds a model of two styles in half precision, encodes its references, takes a step, changes the style, and says what each took",
  { timeout: 120_000 },
  async () => {
    const flags = ["--preset", "tiny", "--page", "96x128", "--references", "4", "--rank", "4"];
    const { stdout } = await promisify(execFile)(process.execPath, [SCRIPT, ...flags], {
      env: { ...process.env, COBRA_READY: "1" },
    });
    const number = expect.any(Number) as number;
    const results = JSON.parse(stdout) as Record<string, Record<string, unknown>>;
    expect(results).toMatchObject({
      preset: "tiny",
      precision: "fp16",
      build: {
        seconds: number,
        peakRssBytes: number,
        fileBytes: number,
        files: { "weights.bin": number, "weights.line.bin": number, "weights.line-shadow.bin": number },
      },
      page: {
        peakRssBytes: number,
        references: { encoded: 4, secondsEach: number },
        step: { references: 4, seconds: number },
        memory: { step: { ownBytes: number } },
        weightBytes: { "weights transformer, line": number },
        estimate: { activationBytes: number },
      },
    });
    // Another style needs no session and as many tensors as the one before, which are gone.
    expect(results["page"]!["otherStyle"]).toMatchObject({ sessions: 0, tensors: 0 });
  },
);
