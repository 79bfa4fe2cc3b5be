/** Checks of what callers give the engine: options, references, and pages as pixels. */
import { types } from "node:util";
import { normaliseOptions } from "../binding/runtime/session-options.js";
import { FILLS, INKS, STYLES } from "../config/settings.js";
import {
  checkArgument,
  checkFlag,
  checkFunction,
  checkList,
  checkNames,
  checkObject,
  checkOneOf,
  checkSignal,
  checkText,
  checkWhole,
} from "../errors/arguments.js";
import type { EngineOptions } from "./engine-options.js";

const ENGINE_OPTIONS: Readonly<Record<keyof EngineOptions, true>> = {
  model: true,
  verify: true,
  session: true,
  devices: true,
  deviceMemoryBytes: true,
  maxBatch: true,
  workers: true,
  referenceCacheBytes: true,
  keepStyles: true,
  memoryBudgetBytes: true,
  readBlob: true,
  maxQueued: true,
  memoryThreshold: true,
};

/**
 * @throws ValidationError `ERR_ARGUMENT` for an option of a wrong type, `ERR_SESSION_OPTION` for a wrong one of the
 * session; other values are checked where they are used
 */
export function checkEngineOptions(options: unknown): void {
  checkObject("the options of Engine.open", options);
  checkNames<EngineOptions>("the options of Engine.open", options, ENGINE_OPTIONS);
  const given = options as Record<string, unknown>;
  if (given["model"] !== undefined) checkText("model", given["model"]);
  if (given["session"] !== undefined) {
    checkObject("session", given["session"]);
    normaliseOptions(given["session"]);
  }
  for (const name of ["verify", "keepStyles"]) checkFlag(name, given[name]);
  const { devices } = given;
  if (devices !== undefined && devices !== "all") {
    checkArgument(Array.isArray(devices), "devices", devices, '"all" or a list of names, such as ["cpu"]');
    for (const [index, name] of (devices as unknown[]).entries()) checkText(`devices[${index}]`, name);
  }
  for (const [name, least] of [
    ["workers", 1],
    ["maxBatch", 1],
    ["deviceMemoryBytes", 1],
    ["referenceCacheBytes", 0],
    ["maxQueued", 1],
  ] as const)
    if (given[name] !== undefined) checkWhole(name, given[name], least);
  for (const name of ["memoryBudgetBytes", "memoryThreshold"])
    checkArgument(given[name] === undefined || Number.isFinite(given[name]), name, given[name], "a number");
  checkFunction("readBlob", given["readBlob"], true);
}

/** @throws ValidationError `ERR_ARGUMENT` for what is no list of named pictures; it may be empty */
export function checkReferences(images: unknown): void {
  checkArgument(Array.isArray(images), "references", images, "a list of { name, image }");
  for (const [index, entry] of (images as unknown[]).entries()) {
    checkObject(`references[${index}]`, entry);
    const { name, image } = entry as Record<string, unknown>;
    checkText(`references[${index}].name`, name);
    checkRaster(`references[${index}].image`, image);
  }
}

/** @throws ValidationError `ERR_ARGUMENT`; the style is checked against the model's */
export function checkRasterRequest(request: unknown): void {
  checkObject("the request", request);
  const { name, page, style, seed, steps, topK, ink, fill, hints, pageHints, layers, signal, onStage } =
    request as Record<string, unknown>;
  if (name !== undefined) checkText("name", name);
  checkRaster("page", page);
  checkOneOf("style", style, STYLES);
  checkWhole("seed", seed);
  checkWhole("steps", steps, 1);
  checkWhole("topK", topK, 1);
  if (ink !== undefined) checkOneOf("ink", ink, INKS);
  if (fill !== undefined) checkOneOf("fill", fill, FILLS);
  if (hints !== undefined) checkDots("hints", hints);
  if (pageHints !== undefined && !isPicture(pageHints)) checkDots("pageHints", pageHints);
  checkFlag("layers", layers);
  checkSignal("signal", signal);
  checkFunction("onStage", onStage, true);
}

function isPicture(value: unknown): boolean {
  return typeof value === "object" && value !== null && "data" in value && types.isUint8Array(value.data);
}

function checkDots(what: string, dots: unknown): void {
  checkList(what, dots);
  for (const [index, dot] of [...dots].entries()) {
    const { x, y, color } = (dot ?? {}) as Record<string, unknown>;
    const isDot =
      Number.isFinite(x) &&
      Number.isFinite(y) &&
      Array.isArray(color) &&
      color.length === 3 &&
      color.every(Number.isFinite);
    checkArgument(isDot, `${what}[${index}]`, dot, "{ x, y, color: [red, green, blue] }");
  }
}

/** @throws ValidationError `ERR_ARGUMENT` for what is no picture in pixels */
export function checkRaster(what: string, image: unknown): void {
  const { width, height, channels, data } = (image ?? {}) as Record<string, unknown>;
  const isRaster =
    Number.isSafeInteger(width) &&
    Number.isSafeInteger(height) &&
    (width as number) > 0 &&
    (height as number) > 0 &&
    (channels === 1 || channels === 3) &&
    types.isUint8Array(data) &&
    data.byteLength === (width as number) * (height as number) * channels;
  checkArgument(
    isRaster,
    what,
    image,
    "{ width, height, channels: 1 or 3, data } with width * height * channels bytes",
  );
}
