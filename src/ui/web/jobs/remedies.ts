/**
 * Remedies of errors, for people at the page and programs that use the API. The remedies that errors carry speak to
 * people at a terminal: their flags and commands are of no use here.
 */
import type { ErrorCode } from "../../../errors.js";

const OPERATOR = "contact the server administrator";
const MODEL = `${OPERATOR}: the model needs to be installed again`;
const INSTALLATION = `${OPERATOR}: its installation needs repair`;
const REPORT = `try again; if it stays, ${OPERATOR}: the server's log has the details`;

const REMEDIES: Readonly<Record<ErrorCode, string>> = {
  ERR_LISTEN: OPERATOR,
  ERR_ACCESS:
    "open the address that the server printed when it started; a program sends its token as `Authorization: Bearer`",
  ERR_REQUEST: "correct the request; /api/v1/openapi.json describes all of them",
  ERR_REQUEST_LIMIT: "send less at once; GET /api/v1/server lists the limits",
  ERR_CONFIG: "correct the setting",
  ERR_QUEUE_FULL: "wait a moment, then try again",
  ERR_ARGUMENT: "correct the value",
  ERR_STATE: "not possible while the chapter is in this state",
  ERR_JOB_NOT_FOUND: "go back to the list of chapters; it may have been deleted",
  ERR_INTERNAL: REPORT,
  ERR_IMAGE_DECODE: "open the picture in a viewer and save it again as PNG, then add it again",
  ERR_IMAGE_UNSUPPORTED: "save the picture as PNG with 8 bits a channel, then add it again",
  ERR_IMAGE_LIMIT: "make the picture smaller, then add it again",
  ERR_IMAGE_ENCODE: "choose another format under Output, such as PNG, then colour the page again",
  ERR_CLASSIFICATION: "set the picture's role yourself: page or reference",
  ERR_HINTS:
    "save the strokes alone as PNG, on transparency and in the page's size; or paint the hints again, or remove them",
  ERR_NO_REFERENCES: "add coloured pictures as references, then try again",
  ERR_PAGE_CRASHED: "look at the picture, then try it once more, perhaps with fewer steps or made smaller",
  ERR_INPUT_NOT_FOUND: "check that the file is still there; where it was uploaded, upload it again",
  ERR_INPUT_GONE: "check that the disk or network folder is still there, then try again",
  ERR_INPUT_EMPTY: "move line art to the pages, or add a chapter that holds some",
  ERR_ZIP_FORMAT: "unpack the archive with another program, then add the folder",
  ERR_ZIP_ENTRY: "unpack the archive with another program, then add the folder",
  ERR_ZIP_LIMIT: "unpack the archive, then add the folder",
  ERR_OUTPUT_WRITE: `delete finished chapters, or ${OPERATOR}: the disk is full or cannot be written; then try again`,
  ERR_OUTPUT_UNSAFE: `colour the chapter again as a new one, or ${OPERATOR}`,
  ERR_OUTPUT_LOCKED: "wait until the other run has ended, then try again",
  ERR_OUTPUT_EXISTS: "colour the chapter again as a new one",
  ERR_OUTPUT_UNFINISHED: "colour the chapter again as a new one",
  ERR_RUN_NOT_FOUND: "colour the chapter again as a new one",
  ERR_SHARDS_INCOMPLETE: OPERATOR,
  ERR_QUEUE_CONNECTION: `nothing is lost: try again when the farm answers again; if it stays away, ${OPERATOR}`,
  ERR_QUEUE_JOB: "look at the farm again: the chapter or the worker may be done or gone; pages can be tried again",
  ERR_STORE_CONNECTION: `nothing is lost: try again in a minute; if it stays like this, ${OPERATOR}`,
  ERR_STORE_LIMIT: `make the picture smaller, then add it again, or ${OPERATOR}: the farm's store accepts no larger files`,
  ERR_NOT_ON_FARM: "use a server that colours by itself for this; everything else works here",
  ERR_ADDON_LOAD: INSTALLATION,
  ERR_RUNTIME_LOAD: INSTALLATION,
  ERR_PROVIDER_UNAVAILABLE: `${OPERATOR}: the graphics device that it was started with cannot be used`,
  ERR_SESSION_OPTION: INSTALLATION,
  ERR_SESSION_CREATE: MODEL,
  ERR_TENSOR_NAME: MODEL,
  ERR_TENSOR_DTYPE: MODEL,
  ERR_TENSOR_DIMS: MODEL,
  ERR_TENSOR_DEVICE: REPORT,
  ERR_DISPOSED: "the server is ending; try again once it has been started again",
  ERR_MODEL_OUTPUT: "colour the page again with other settings",
  ERR_RUN: REPORT,
  ERR_OUT_OF_MEMORY: "try again with fewer reference patches, or when nothing else is being coloured",
  ERR_WORKER_THREAD: REPORT,
  ERR_DEVICE_LOST: `${OPERATOR}: it has to be started again; nothing is lost`,
  ERR_MODEL_NOT_FOUND: MODEL,
  ERR_MODEL_MANIFEST: MODEL,
  ERR_MODEL_FILE: MODEL,
  ERR_MODEL_WEIGHTS: MODEL,
  ERR_MODEL_GRAPH: MODEL,
  ERR_MODEL_QUANTIZE: MODEL,
  ERR_MODEL_FETCH: MODEL,
  ERR_MODEL_SOURCE: MODEL,
  ERR_CATALOGUE: MODEL,
  ERR_LICENCE: MODEL,
};

/** What to do about an error of a code. */
export function webRemedy(code: ErrorCode): string {
  return REMEDIES[code];
}
