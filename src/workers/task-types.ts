/** The tasks that every worker does: what each takes and gives. `tasks.ts` does them, `pool.ts` asks for them. */
import type { PixelImage } from "../binding/pixels.js";
import type { RasterImage } from "../binding/raster.js";
import type { DecodedImage, DecodeOptions, EncodeOptions } from "../io/image/image-codec.js";
import type { LayerOptions, PageLayers } from "../io/image/layer-files.js";
import type { PsdDocument } from "../io/image/psd.js";
import type { PictureKind, TellPictureOptions } from "./classify-picture.js";

/** A task: plain data in, plain data out. All of it can be cloned or transferred; typed arrays travel by transfer. */
export interface TaskShape {
  payload: unknown;
  result: unknown;
}

/** Tasks by name. */
export type TaskTable<Tasks> = { [K in keyof Tasks]: TaskShape };

/** What does the tasks of a table. */
export type TaskHandlers<Tasks extends TaskTable<Tasks>> = {
  readonly [K in keyof Tasks]: (payload: Tasks[K]["payload"]) => Promise<Tasks[K]["result"]> | Tasks[K]["result"];
};

/** The core tasks by name. */
export interface CoreTasks {
  decode: { payload: { bytes: Uint8Array; name: string; options: DecodeOptions }; result: DecodedImage };
  decodeHints: { payload: { bytes: Uint8Array; name: string }; result: PixelImage<4> };
  classify: { payload: { bytes: Uint8Array; name: string; options: TellPictureOptions }; result: PictureKind };
  /** A layered document; see `encodePsd`. With `tagged` an sRGB profile is embedded. */
  encodePsd: { payload: { document: PsdDocument; name: string; tagged: boolean }; result: Uint8Array };
  /** The layers of a page as files; see `encodeLayers`. */
  encodeLayers: { payload: { layers: PageLayers; options: LayerOptions; name: string }; result: Uint8Array[] };
  encode: { payload: { image: RasterImage; name: string; options: EncodeOptions }; result: Uint8Array };
}
