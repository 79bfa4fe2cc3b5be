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

  it("gives the text of whatever was thrown", () => {
    expect(messageOf(new Error("x"))).toBe("x");
    expect(messageOf("y")).toBe("y");
  });
});
