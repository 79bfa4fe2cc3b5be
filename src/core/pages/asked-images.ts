/** Checks the pages that a batch is asked for. */
import { checkArgument, checkList, checkObject, checkText } from "../../errors/arguments.js";
import type { ImageRequest } from "./batch-pages.js";

/** The list of any iterable. @throws ValidationError `ERR_ARGUMENT` for what is no list of names and requests */
export function checkedImages(images: unknown): readonly (string | ImageRequest)[] {
  checkList("images", images);
  return [...images].map((image, index) => {
    const what = `images[${index}]`;
    if (typeof image === "string") return image;
    checkArgument(typeof image === "object" && image !== null, what, image, "a page's name or { inputPath }");
    const { inputPath, config } = image as Partial<ImageRequest>;
    checkText(`${what}.inputPath`, inputPath);
    if (config !== undefined) checkObject(`${what}.config`, config);
    return image as ImageRequest;
  });
}
