// Models that tests share, built before the first test by `build-shared-models.mjs`. They are for reading: a test that
// changes a model copies it.
import { inject } from "vitest";

declare module "vitest" {
  interface ProvidedContext {
    readonly tinyModel: string;
    readonly smallModel: string;
  }
}

/** Folder of the preset "tiny", as `buildPresetPackage` builds it. */
export const TINY_MODEL = inject("tinyModel");

/**
 * Folder of a model of all networks but the upsampler, with as few layers as each can have. It loads in a fifth of the
 * time of "tiny": for tests of the command, which starts anew each time.
 */
export const SMALL_MODEL = inject("smallModel");

/** Session options of a test's engine: in models this small, several threads would mostly wait for one another. */
export const ONE_THREAD = { intraOpThreads: 1 } as const;
