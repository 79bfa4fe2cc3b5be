/** The core tasks, and the worker file that does only them. */
import { decodeHintPicture } from "../io/hint-picture.js";
import { decodeImage, encodeImage } from "../io/image-codec.js";
import { openPage } from "./open-page.js";
import { serveTasks } from "./serve-tasks.js";
import type { CoreTasks, TaskHandlers } from "./task-types.js";

export const CORE_HANDLERS: TaskHandlers<CoreTasks> = {
  decode: ({ bytes, name, options }) => decodeImage(bytes, name, options),
  decodeHints: ({ bytes, name }) => decodeHintPicture(bytes, name),
  classify: async ({ bytes, name, options }) => (await openPage(bytes, name, options)).classification,
  encode: ({ image, name, options }) => encodeImage(image, options, name),
};

export default serveTasks(CORE_HANDLERS);
