/** A coloured page as files: its picture in the wanted format, and its layers. */
import { bucketName } from "../../model/buckets.js";
import type { RasterResult } from "../cobra/raster-request.js";
import { LAYER_NAMES } from "../../io/names/output-names.js";
import type { ImageInfo } from "../../io/image/image-codec.js";
import type { TaskPool } from "../tasks/pool.js";
import type { ColorizedPage, PageRequest, ResultFormat } from "./page-request.js";

/** What was written, less what was warned of. */
export type EncodedPage = Omit<ColorizedPage, "status" | "warnings">;

/** Encodes a page in a worker, with the resolution and the colour profile of the page's file. */
export async function encodePage(
  pool: Pick<TaskPool, "encode" | "run">,
  { name, output, settings }: PageRequest,
  result: RasterResult,
  info: ImageInfo,
  signal?: AbortSignal,
): Promise<EncodedPage> {
  const { width, height } = result.image;
  const format: ResultFormat = output.layers === "psd" ? "psd" : (output.format ?? ownFormat(info));
  const facts = {
    format,
    width,
    height,
    bucket: bucketName(result.bucket),
    ...(result.tiles > 1 ? { tiles: result.tiles } : {}),
    seed: settings.seed,
    references: result.references.map(({ label }) => label),
    stageMs: result.stageMs,
  };
  // The same size on paper, also where the model's own picture has fewer pixels than the page.
  const density = info.density === undefined ? undefined : info.density * (width / info.width);
  const tagged = info.icc !== undefined;
  if (format === "psd") {
    const document = { image: result.image, layers: documentLayers(result), density };
    return { data: await pool.run("encodePsd", { document, name, tagged }, { signal }), ...facts };
  }
  const { quality, compressionLevel } = output;
  // What came without loss goes without, unless a quality is asked for.
  const lossless = output.lossless || (info.isLossless && info.format === format && quality === undefined);
  const data = await pool.encode(
    result.image,
    {
      format,
      lossless,
      compressionLevel,
      density,
      icc: info.icc,
      signal,
      ...(quality === undefined ? {} : { quality }),
    },
    name,
  );
  if (output.layers !== "png" || result.layers === undefined) return { data, ...facts };
  const files = await pool.run(
    "encodeLayers",
    { layers: result.layers, options: { compressionLevel, density, tagged }, name },
    { signal },
  );
  return { data, layers: files.map((file, index) => ({ name: LAYER_NAMES[index]!, data: file })), ...facts };
}

function ownFormat({ format }: ImageInfo): ResultFormat {
  return format === "gif" ? "png" : format;
}

/** From the bottom up; the model's own picture has no layers. */
function documentLayers({ image, layers }: RasterResult) {
  if (layers === undefined) return [{ name: "Picture", image, blend: "normal" as const }];
  return [
    { name: "Original", image: layers.page, blend: "normal" as const },
    { name: "Colour", image: layers.color, blend: "normal" as const },
    { name: "Ink", image: layers.ink, blend: "multiply" as const },
  ];
}
