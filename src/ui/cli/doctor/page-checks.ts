/** Estimates how many pages of which size fit into a device's memory at once. */
import { PageMemory } from "../../../colorization/page-memory.js";
import { messageOf } from "../../../errors.js";
import { bucketName } from "../../../model/buckets.js";
import { openModelPackage } from "../../../model/package.js";
import { modelRequirements } from "../../../model/requirements.js";
import { bytesText } from "../../../text/bytes-text.js";
import type { Finding } from "./finding.js";

/** Reference patches a quadrant: the default, and what Cobra's paper uses at most. */
const TOP_KS = [3, 20];

/** A device whose memory pages share. */
export interface PageDevice {
  /** "cpu", "cuda:0". */
  readonly name: string;
  readonly freeBytes: number;
}

/** @param directory of the model package */
export async function checkPages(directory: string, device: PageDevice): Promise<Finding> {
  const base = { check: `pages-${device.name}`, title: `pages on ${device.name}` };
  try {
    const model = await openModelPackage(directory, { verify: false });
    const needs = new PageMemory(model);
    const provider = device.name.split(":")[0]!;
    const { weightBytes } = modelRequirements(model, provider);
    const sizes = [...model.manifest.buckets].sort((a, b) => a[0] * a[1] - b[0] * b[1]);
    const ends = [...new Set([sizes[0]!, sizes.at(-1)!])];
    const rows = TOP_KS.flatMap((topK) =>
      ends.map(([width, height]) => {
        const shared = needs.sharedBytes([width, height], topK);
        const page =
          provider === "cpu" ? needs.pageBytes([width, height], topK) : needs.referenceBytes([width, height], topK);
        const pages = Math.max(0, Math.floor((device.freeBytes - weightBytes - shared) / page));
        return { text: `${pages} of ${bucketName({ width, height })} at top-k ${topK}`, pages };
      }),
    );
    const found = `weights take ${bytesText(weightBytes)} of ${bytesText(device.freeBytes)} free; room beside them for ${rows.map(({ text }) => text).join(", ")}`;
    if (rows.every(({ pages }) => pages > 0)) return { ...base, status: "ok", found };
    return {
      ...base,
      status: "warning",
      found,
      remedy: "free memory of the device, or use a smaller --top-k; docs/gpu.md says what takes how much",
    };
  } catch (error) {
    return { ...base, status: "note", found: `unknown: ${messageOf(error)}`, remedy: "see the model above" };
  }
}
