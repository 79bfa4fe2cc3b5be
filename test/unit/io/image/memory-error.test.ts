/** Pictures where the system gives no memory or thread: the picture, and a reference, is not to blame. */
import { afterEach, describe, expect, it, vi } from "vitest";
import { classifyImage } from "../../../../src/classification/classify-image.js";
import { readReferences } from "../../../../src/core/input/read-references.js";
import { ImageProcessingError, ResourceError } from "../../../../src/errors.js";
import { decodeHintPicture } from "../../../../src/io/image/decode/hint-picture.js";
import { decodeImage, encodeImage } from "../../../../src/io/image/image-codec.js";
import { encodeLayers } from "../../../../src/io/image/layers/layer-files.js";
import { memoryError } from "../../../../src/io/image/memory-error.js";
import { sharp } from "../../../../src/io/image/sharp.js";
import { makeThumbnail } from "../../../../src/io/image/thumbnail.js";
import { memorySource } from "../../../../src/io/memory-source.js";
import { gradient } from "./pictures.js";

afterEach(() => vi.restoreAllMocks());

const codeOf = (message: string, part: "decoder" | "encoder"): string | undefined =>
  (memoryError(new Error(message), "x", part) as ResourceError | undefined)?.code;

describe("memoryError", () => {
  it.each([
    "glib: Error creating thread: Resource temporarily unavailable",
    "VipsThread: unable to create thread",
    "vips_tracked: out of memory -- size == 12MB",
    "webpload: Cannot allocate memory",
    "VipsJpeg: Insufficient memory (case 4)",
    "Array buffer allocation failed",
    "std::bad_alloc",
  ])("knows %s", (message) => {
    expect(codeOf(message, "decoder")).toBe("ERR_OUT_OF_MEMORY");
    expect(codeOf(message, "encoder")).toBe("ERR_OUT_OF_MEMORY");
  });

  it.each(["failed to allocate 4096 bytes", "webpsave: picture memory error", "heifsave: Failed to allocate ctx"])(
    "knows of an encoder %s",
    (message) => expect(codeOf(message, "encoder")).toBe("ERR_OUT_OF_MEMORY"),
  );

  it.each([
    "VipsJpeg: premature end of JPEG image",
    "pngload_buffer: libspng read error",
    "Failed to allocate memory for StripOffsets (536870912 elements of 8 bytes each)",
    'Out of memory reading of "ImageDescription"',
    "heif: Memory allocation error: Security limit exceeded",
    "libpng: sPLT chunk requires too much memory",
    "Requested memory size for tag 273 is greater than filesize. Memory not allocated, tag not read",
  ])("leaves to the picture what a damaged one causes: %s", (message) =>
    expect(codeOf(message, "decoder")).toBeUndefined(),
  );
});

it("names memory, not the picture, wherever libvips is asked", async () => {
  const image = { width: 16, height: 16, channels: 3 as const, data: gradient(16, 16) };
  const jpeg = new Uint8Array(await sharp(image.data, { raw: image }).jpeg().toBuffer());
  const hints = new Uint8Array(await sharp(image.data, { raw: image }).ensureAlpha(0.7).png().toBuffer());
  const text = "glib: Error creating thread: Resource temporarily unavailable";
  vi.spyOn(sharp.prototype as import("sharp").Sharp, "toBuffer").mockRejectedValue(new Error(text));
  const all = {
    decode: () => decodeImage(jpeg, "1.jpg"),
    classify: () => classifyImage(jpeg, "1.jpg", {}),
    hints: () => decodeHintPicture(hints, "1.png"),
    encode: () => encodeImage(image, { format: "png" }, "1.png"),
    layers: () =>
      encodeLayers(
        { page: image, color: image, ink: image },
        { compressionLevel: 1, density: 72, tagged: false },
        "1.png",
      ),
    thumbnail: () => makeThumbnail(jpeg, "1.jpg", 8),
  };
  for (const [what, call] of Object.entries(all))
    await expect(call(), what).rejects.toMatchObject({
      code: "ERR_OUT_OF_MEMORY",
      message: expect.stringContaining("the system gives no further thread or memory"),
      remedy: expect.stringContaining("--max-concurrent 1"),
    });
});

it("stops reading references where memory ends, and leaves out those that are damaged", async () => {
  const source = memorySource([
    {
      name: "r.png",
      bytes: new Uint8Array(
        await sharp(gradient(8, 8), { raw: { width: 8, height: 8, channels: 3 } })
          .png()
          .toBuffer(),
      ),
    },
  ]);
  const read = (error: Error): Promise<unknown> =>
    readReferences(
      { maxThreads: 1, decode: vi.fn<() => Promise<never>>().mockRejectedValue(error) } as never,
      source,
      new AbortController().signal,
    );
  await expect(read(new ResourceError("ERR_OUT_OF_MEMORY", "no thread"))).rejects.toMatchObject({
    code: "ERR_OUT_OF_MEMORY",
  });
  await expect(
    read(new ImageProcessingError("ERR_IMAGE_DECODE", "damaged", { imagePath: "r.png" })),
  ).rejects.toMatchObject({
    code: "ERR_NO_REFERENCES",
  });
});
