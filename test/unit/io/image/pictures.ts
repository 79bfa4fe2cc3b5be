/** Small pictures and temporary folders for the tests of this folder. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { onTestFinished } from "vitest";

/** A folder that vanishes with the test. */
export async function temporaryFolder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), "cobra-io-"));
  onTestFinished(() => rm(path, { recursive: true, force: true }));
  return path;
}

/** RGB pixels, each different from its neighbours. */
export function gradient(width: number, height: number): Uint8Array {
  const data = new Uint8Array(width * height * 3);
  for (let y = 0, i = 0; y < height; y++)
    for (let x = 0; x < width; x++, i += 3) data.set([(x * 255) / width, (y * 255) / height, (x + y) % 256], i);
  return data;
}

/** A PNG of a gradient. */
export function png(width = 20, height = 30): Promise<Buffer> {
  return sharp(gradient(width, height), { raw: { width, height, channels: 3 } })
    .png()
    .toBuffer();
}
