/** The tasks of the worker pool: what each takes and gives. `tasks.ts` does them, `pool.ts` asks for them. */
import type { RasterImage } from "../binding/raster.js";
import type { DecodedImage, DecodeOptions, EncodeOptions } from "../io/image-codec.js";

/** Every task by name. All of it can be cloned or transferred; a `Uint8Array` travels by transfer. */
export interface TaskMap {
  decode: { payload: { bytes: Uint8Array; name: string; options: DecodeOptions }; result: DecodedImage };
  encode: { payload: { image: RasterImage; name: string; options: EncodeOptions }; result: Uint8Array };
}

export type TaskName = keyof TaskMap;
export type TaskPayload<K extends TaskName> = TaskMap[K]["payload"];
export type TaskResult<K extends TaskName> = TaskMap[K]["result"];
