/**
 * Everything that worker threads do, by name: one row per task. A task is a function of plain data: its argument
 * and result can be cloned or transferred between threads.
 */
import { classifyImage, type ClassifyImageOptions } from "../../classification/classify-image.js";
import { decodeHintPicture } from "../../io/image/decode/hint-picture.js";
import {
  decodeImage,
  encodeImage,
  srgbProfile,
  type DecodeOptions,
  type EncodeOptions,
} from "../../io/image/image-codec.js";
import { encodeLayers, type LayerOptions, type PageLayers } from "../../io/image/layers/layer-files.js";
import { encodePsd, type PsdDocument } from "../../io/image/layers/psd.js";
import { makeThumbnail } from "../../io/image/thumbnail.js";
import type { RasterImage } from "../../binding/raster.js";
import type { TaskPayload, TaskResult } from "../../workers/task-table.js";
import { seededNoise } from "../cobra/page-noise.js";
import { contactSheet } from "./contact-sheet.js";
import { joinTiles } from "../page/tile-join.js";
import { composeInk, composeLayers } from "./compose-ink.js";
import { signedPlanes } from "./network-pictures.js";
import { prepareConditions } from "./prepare-conditions.js";
import { finishPicture, prepareDecoded } from "./prepare-decoded.js";
import { preparePage, prepareTile } from "./prepare-page.js";
import { prepareReference } from "./prepare-reference.js";

/** A picture's file, or what is left of one. */
interface ImageFile {
  bytes: Uint8Array;
  /** Its path or entry name, for errors. */
  name: string;
}

export const TASKS = {
  // pictures
  decode: ({ bytes, name, options }: ImageFile & { options: DecodeOptions }) => decodeImage(bytes, name, options),
  decodeHints: ({ bytes, name }: ImageFile) => decodeHintPicture(bytes, name),
  classify: ({ bytes, name, options }: ImageFile & { options: ClassifyImageOptions }) =>
    classifyImage(bytes, name, options),
  encode: ({ image, name, options }: { image: RasterImage; name: string; options: EncodeOptions }) =>
    encodeImage(image, options, name),
  /** A layered document; with `tagged` an sRGB profile is embedded. */
  encodePsd: async ({ document, name, tagged }: { document: PsdDocument; name: string; tagged: boolean }) =>
    encodePsd({ ...document, ...(tagged ? { icc: await srgbProfile() } : {}) }, name),
  /** The layers of a page as files. */
  encodeLayers: ({ layers, options, name }: { layers: PageLayers; options: LayerOptions; name: string }) =>
    encodeLayers(layers, options, name),
  /** A picture made small, and never larger. */
  thumbnail: ({ bytes, name, sidePixels }: ImageFile & { sidePixels: number }) =>
    makeThumbnail(bytes, name, sidePixels),
  contactSheet,
  // a page, between the networks
  seededNoise,
  preparePage,
  prepareTile,
  prepareReference,
  /** A picture as the VAE takes it. */
  signedPlanes: ({ image, into }: { image: RasterImage; into: Float32Array }) => signedPlanes(image, into),
  prepareConditions,
  prepareDecoded,
  finishPicture,
  joinTiles,
  composeInk,
  composeLayers,
} as const;

/** The table, for types. */
export type Tasks = typeof TASKS;

/** Runs a task somewhere: in a worker thread, or in place. */
export type RunTask = <Name extends keyof Tasks>(
  name: Name,
  payload: TaskPayload<Tasks, Name>,
  signal?: AbortSignal,
) => Promise<TaskResult<Tasks, Name>>;
