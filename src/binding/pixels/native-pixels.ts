/** Typed mirror of `native/pixels/`, as `types.ts` is of the rest of the addon. Only `src/binding/` imports it. */

/**
 * A picture as the pixel kernels take it: 8 bits a sample, interleaved; `data` has exactly width * height * channels
 * bytes.
 */
interface NativeImage {
  readonly width: number;
  readonly height: number;
  /** 1 to 4. */
  readonly channels: number;
  readonly data: Uint8Array;
}

/**
 * CPU kernels for pages: `native/pixels/`. Synchronous, stateless, callable from any thread, never in need of ONNX
 * Runtime. `out`, where given, has exactly the result's size and is returned; it must not share memory with an input
 * unless said. Errors carry `code` "ERR_ARGUMENT" or "ERR_OUT_OF_MEMORY".
 */
export interface NativePixelCalls {
  /** Filters: 0 nearest, 1 box, 2 bicubic, 3 lanczos. Box: [x0, y0, x1, y1] in source pixels. */
  resize(
    image: NativeImage,
    width: number,
    height: number,
    filter: number,
    box?: readonly number[],
    out?: Uint8Array,
  ): Uint8Array;
  reduce(image: NativeImage, xFactor: number, yFactor: number, out?: Uint8Array): Uint8Array;
  /** Any filter but 0. */
  reduceAndResize(
    image: NativeImage,
    xFactor: number,
    yFactor: number,
    width: number,
    height: number,
    filter: number,
  ): Uint8Array;
  crop(image: NativeImage, x: number, y: number, width: number, height: number, out?: Uint8Array): Uint8Array;
  gray(image: NativeImage, out?: Uint8Array): Uint8Array;
  edgeCount(gray: NativeImage, low: number, high: number): number;
  /** Mean of OpenCV's S, 0..255. */
  saturation(image: NativeImage): number;
  distinctColors(image: NativeImage): number;
  isGray(image: NativeImage): boolean;
  /** 17 sums, the number of pixels, a value for every block; see `ColorSums` in native/pixels/kernels.h. */
  colorSums(image: NativeImage): Float64Array;
  median(gray: NativeImage): number;
  /** 256 counts. */
  histogram(gray: NativeImage): Float64Array;
  /** `out` may be `line.data`. */
  shadowStyle(gray: NativeImage, line: NativeImage, out?: Uint8Array): Uint8Array;
  premultiply(image: NativeImage, out?: Uint8Array): Uint8Array;
  unpremultiply(image: NativeImage, out?: Uint8Array): Uint8Array;
  cmykToRgb(image: NativeImage, out?: Uint8Array): Uint8Array;
  changeChannels(image: NativeImage, channels: number, out?: Uint8Array): Uint8Array;
  /**
   * Page gray or RGB, model RGB or `flattenColors` of 4 channels, hints RGBA, of any sizes; the result is RGB of the
   * page's size, and `out` may be an RGB page's memory.
   */
  composeInk(
    page: NativeImage,
    model: NativeImage,
    hints?: NativeImage,
    out?: Uint8Array,
    colorOut?: Uint8Array,
    inkOut?: Uint8Array,
  ): Uint8Array;
  /**
   * Page gray or RGB, model RGB; the result of width x height, at most the page's size: RGB, or RGBA with alpha 255
   * where a flat was laid.
   */
  flattenColors(page: NativeImage, model: NativeImage, width: number, height: number, channels: 3 | 4): Uint8Array;
  /** Page gray or RGB; the labels of width x height, at most the page's size. */
  findRegions(page: NativeImage, width: number, height: number): Int32Array;
  /** Page gray or RGB, marks RGBA of any size; the result RGBA of width x height, at most the page's size. */
  growHints(page: NativeImage, marks: NativeImage, width: number, height: number, out?: Uint8Array): Uint8Array;
  /** `table`: 256 values per channel. */
  toPlanar(image: NativeImage, table: Float32Array, out?: Float32Array): Float32Array;
  /** Three planes of a picture of one channel. `table`: 256 values for each plane. */
  grayToPlanes(image: NativeImage, table: Float32Array, out?: Float32Array): Float32Array;
  /** Range: 0 for -1..1, 1 for 0..255. Rounding: 0 half to even, 1 truncation. */
  fromPlanar(
    planes: Float32Array,
    width: number,
    height: number,
    channels: number,
    range: number,
    rounding: number,
    out?: Uint8Array,
  ): Uint8Array;
  /** `data`: height rows of a filter's number and width * 3 bytes. True, with the pixels at its start, or false. */
  unfilterRgb(data: Uint8Array, width: number, height: number): boolean;
}

/** What `native/pixels/calls_*.cc` registers. */
export interface NativePixels {
  readonly pixels: NativePixelCalls;
}
