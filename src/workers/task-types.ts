/** The tasks of the worker pool: what each takes and gives. `tasks.ts` does them, `pool.ts` asks for them. */
import type { PixelBox, ResizeFilter } from "../binding/pixels.js";
import type { RasterImage } from "../binding/raster.js";
import type { ImageClassification } from "../classification/decision.js";
import type { DecodedImage, DecodeOptions, EncodeOptions } from "../io/image-codec.js";
import type { OpenedPage, OpenPageOptions } from "./open-page.js";

/** Every task by name. All of it can be cloned or transferred; a typed array travels by transfer. */
export interface TaskMap {
  decode: { payload: { bytes: Uint8Array; name: string; options: DecodeOptions }; result: DecodedImage };
  classify: { payload: { bytes: Uint8Array; name: string; options: Omit<OpenPageOptions, "classify"> }; result: ImageClassification };
  "open-page": { payload: { bytes: Uint8Array; name: string; options: OpenPageOptions }; result: OpenedPage };
  resize: { payload: { image: RasterImage; width: number; height: number; filter: ResizeFilter; box: PixelBox | undefined }; result: RasterImage };
  encode: { payload: { image: RasterImage; name: string; options: EncodeOptions }; result: Uint8Array };
}

export type TaskName = keyof TaskMap;
export type TaskPayload<K extends TaskName> = TaskMap[K]["payload"];
export type TaskResult<K extends TaskName> = TaskMap[K]["result"];
