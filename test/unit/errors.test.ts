import { describe, expect, it } from "vitest";
import { BatchProcessingError, ImageProcessingError, messageOf } from "../../src/errors.js";

describe("errors", () => {
  it("carries code, cause, name and path", () => {
    const cause = new Error("inner");
    const error = new ImageProcessingError("ERR_IMAGE_DECODE", "broken", { imagePath: "a/1.png", cause });
    expect(error).toBeInstanceOf(BatchProcessingError);
    expect(error).toMatchObject({
      code: "ERR_IMAGE_DECODE",
      imagePath: "a/1.png",
      name: "ImageProcessingError",
      cause,
    });
  });

  it("tells of itself, not of its details, where code without types leaves them out", () => {
    const Untyped = ImageProcessingError as unknown as new (code: string, message: string, details?: null) => Error;
    for (const error of [new Untyped("ERR_IMAGE_DECODE", "broken"), new Untyped("ERR_IMAGE_DECODE", "broken", null)])
      expect(error).toMatchObject({ code: "ERR_IMAGE_DECODE", message: "broken", imagePath: "" });
  });

  it("gives the text of whatever was thrown", () => {
    expect(messageOf(new Error("x"))).toBe("x");
    expect(messageOf("y")).toBe("y");
    expect(messageOf(Object.create(null))).toBe("[Object: null prototype] {}");
    expect(messageOf({ toString: 5, valueOf: 5 })).toBe("{ toString: 5, valueOf: 5 }");
  });
});
