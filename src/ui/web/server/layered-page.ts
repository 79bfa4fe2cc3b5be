/**
 * A coloured page as a document with layers, made when somebody asks for it: the page is coloured once more, the same.
 */
import { readFile } from "node:fs/promises";
import { withoutUndefined } from "../../../config/without-undefined.js";
import type { ColorizeImageOptions } from "../../../colorization/colorize-image.js";
import { BatchProcessingError } from "../../../errors.js";
import type { Job, JobSettings, PageOwnSettings, Picture } from "../api/schemas.js";
import type { Jobs, OpenedPicture } from "../jobs/types.js";
import type { Backend } from "./backend.js";
import { Semaphore } from "./semaphore.js";

/** Documents that may be waited for. */
const MOST_WAITING = 16;

/** A document. */
export interface LayeredPage {
  readonly bytes: Uint8Array;
  /** File name for people. */
  readonly name: string;
}

export class LayeredPages {
  readonly #jobs: Jobs;
  readonly #backend: Pick<Backend, "colorizeImage">;
  readonly #turns = new Semaphore(1, MOST_WAITING);

  constructor(jobs: Jobs, backend: Pick<Backend, "colorizeImage">) {
    this.#jobs = jobs;
    this.#backend = backend;
  }

  /**
   * The coloured page as a Photoshop document: the original, its colours and its ink.
   * @throws BatchProcessingError `ERR_STATE` for a page that is not coloured; errors of the engine; the signal's reason
   */
  get(job: string, id: string, signal: AbortSignal): Promise<LayeredPage> {
    return this.#turns.run(async () => {
      const pictures = await this.#jobs.pictures(job);
      const page = pictures.find((one) => one.id === id);
      // Also says what is wrong with the id.
      const original = await this.#jobs.openPicture(job, id, "original");
      if (page?.result === undefined)
        throw new BatchProcessingError("ERR_STATE", `${page?.name ?? "the picture"} is not coloured yet`);
      const own = page.settings ?? {};
      const references = await Promise.all(
        referencesOf(pictures, own).map(async ({ id: one, name }) => ({
          name,
          data: await bytesOf(await this.#jobs.openPicture(job, one, "original")),
        })),
      );
      const hints = own.hints === "strokes" ? await bytesOf(await this.#jobs.openPicture(job, id, "hints")) : own.hints;
      const { data } = await this.#backend.colorizeImage(await bytesOf(original), {
        ...look(this.#jobs.get(job), own),
        seed: page.result.seed,
        ...(hints === undefined ? {} : { hints }),
        name: page.name,
        references,
        format: "psd",
        signal,
      });
      return { bytes: data, name: page.result.name.replace(/\.[^.]*$/u, ".psd") };
    }, signal);
  }
}

/** Those of the page's own that are still there; else all. */
function referencesOf(pictures: readonly Picture[], { references: own }: PageOwnSettings): Picture[] {
  const all = pictures.filter(({ role }) => role === "reference");
  const chosen = all.filter(({ id }) => own?.includes(id));
  return chosen.length > 0 ? chosen : all;
}

function look({ settings }: Job, own: PageOwnSettings): Partial<ColorizeImageOptions> {
  const both: JobSettings & PageOwnSettings = { ...settings, ...own };
  const { style, numInferenceSteps: steps, topK, ink, fill } = both;
  return withoutUndefined({ style, steps, topK, ink, fill });
}

async function bytesOf({ bytes, path }: OpenedPicture): Promise<Uint8Array> {
  return bytes ?? new Uint8Array(await readFile(path!));
}
