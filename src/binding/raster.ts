/** The form in which a picture is held in memory and passed between stages. */

/** A decoded picture: 8 bits a sample, interleaved, row major, no padding. */
export interface RasterImage {
  /** Pixels across. */
  readonly width: number;
  /** Pixels down. */
  readonly height: number;
  /** 1 = gray, 3 = RGB. */
  readonly channels: 1 | 3;
  /** `width * height * channels` bytes. */
  readonly data: Uint8Array;
}
