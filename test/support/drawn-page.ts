// Pages drawn pixel by pixel, so that a test knows what every pixel is.
import type { PixelImage } from "../../src/binding/pixels/pixels.js";

export type Color = readonly [number, number, number];
export type Picture = PixelImage<3>;

/** A picture in which a function gives every pixel's colour; numbers are gray. */
export function drawn(width: number, height: number, at: (x: number, y: number) => Color | number): Picture {
  const data = new Uint8Array(width * height * 3);
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i += 3) {
      const color = at(x, y);
      data.set(typeof color === "number" ? [color, color, color] : color, i);
    }
  }
  return { width, height, channels: 3, data };
}

export function pixel(image: PixelImage<3>, x: number, y: number): Color {
  const i = (y * image.width + x) * 3;
  return [image.data[i]!, image.data[i + 1]!, image.data[i + 2]!];
}

/**
 * A gray picture in a few even steps of grey, by error diffusion (Floyd and Steinberg), as e-readers and small palettes
 * have it.
 */
export function dithered(image: PixelImage<1>, greys: number): PixelImage<1> {
  const { width, height } = image;
  const wanted = Float32Array.from(image.data),
    data = new Uint8Array(width * height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const at = y * width + x;
      data[at] = Math.round(
        (Math.max(0, Math.min(greys - 1, Math.round((wanted[at]! * (greys - 1)) / 255))) * 255) / (greys - 1),
      );
      const error = (wanted[at]! - data[at]!) / 16;
      for (const [dx, dy, share] of [
        [1, 0, 7],
        [-1, 1, 3],
        [0, 1, 5],
        [1, 1, 1],
      ] as const) {
        if (x + dx >= 0 && x + dx < width && y + dy < height) wanted[at + dy * width + dx]! += share * error;
      }
    }
  }
  return { width, height, channels: 1, data };
}

/** Greatest difference of a channel. */
export function apart(a: Color, b: Color): number {
  return Math.max(...a.map((value, c) => Math.abs(value - b[c]!)));
}

/** Numbers in [0, 1) that are the same in every run. */
export function* noise(seed: number): Generator<number, never> {
  for (let state = seed >>> 0; ;) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    yield state / 2 ** 32;
  }
}
