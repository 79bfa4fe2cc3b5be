/** The core tasks, and the worker file that does only them. */
import { decodeHintPicture } from "../io/image/hint-picture.js";
import { decodeImage, encodeImage, srgbProfile } from "../io/image/image-codec.js";
import { encodeLayers } from "../io/image/layer-files.js";
import { encodePsd } from "../io/image/psd.js";
import { tellPicture } from "./classify-picture.js";
import { serveTasks } from "./serve-tasks.js";
import type { CoreTasks, TaskHandlers } from "./task-types.js";

export const CORE_HANDLERS: TaskHandlers<CoreTasks> = {
  decode: ({ bytes, name, options }) => decodeImage(bytes, name, options),
  decodeHints: ({ bytes, name }) => decodeHintPicture(bytes, name),
  classify: ({ bytes, name, options }) => tellPicture(bytes, name, options),
  encodePsd: async ({ document, name, tagged }) =>
    encodePsd({ ...document, ...(tagged ? { icc: await srgbProfile() } : {}) }, name),
  encodeLayers: ({ layers, options, name }) => encodeLayers(layers, options, name),
  encode: ({ image, name, options }) => encodeImage(image, options, name),
};

export default serveTasks(CORE_HANDLERS);
