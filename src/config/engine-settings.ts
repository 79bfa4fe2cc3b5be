/**
 * The section `engine` of a configuration file: where and how the networks run, and with how many threads.
 * `cobra-batch tune` writes it. Flags and variables of the environment go over it.
 */
import { z } from "zod";
import type { Fault } from "../errors/fault.js";
import { PROVIDER_NAMES } from "../binding/runtime/providers.js";
import type { Label } from "./config-messages.js";
import { MOST_THREADS, wholeNumberRule } from "./setting-text.js";

const whole = (least: number, most?: number): z.ZodInt => {
  const rule = wholeNumberRule(least, most);
  return z
    .int(rule)
    .min(least, rule)
    .max(most ?? Number.MAX_SAFE_INTEGER, rule);
};
const text = z.string("must be a text").min(1, "must not be empty");
const texts = z.record(z.string(), z.string("must be a text, as ONNX Runtime takes it"), "must be an object of texts");

/** Every key of the section. */
export const engineSettingsSchema = z.strictObject({
  model: text.describe("installed model, or folder of a model package").optional(),
  provider: z
    .enum(PROVIDER_NAMES, `must be ${PROVIDER_NAMES.map((name) => `"${name}"`).join(" or ")}`)
    .describe("where the networks run")
    .optional(),
  fallback: z.boolean("must be true or false").describe("use the CPU when the provider cannot start").optional(),
  devices: z
    .union([z.literal("all"), z.array(text, 'must be "all" or a list of devices, such as ["cuda:0"]').min(1)])
    .describe('several devices: "all", or a list such as ["cuda:0", "cuda:1"]')
    .optional(),
  maxBatch: whole(1).describe("pages denoised together").optional(),
  threads: whole(0, MOST_THREADS).describe("CPU threads for each network; 0 is one per core").optional(),
  workers: whole(1, MOST_THREADS).describe("worker threads for decoding, encoding and pixels").optional(),
  referenceCacheBytes: whole(0).describe("bytes that keys and values of references may take").optional(),
  sessionConfig: texts.describe("session config entries by ONNX Runtime's names").optional(),
  providerOptions: texts.describe("options of the provider by ONNX Runtime's names").optional(),
});

/** Where and how the networks run, as a configuration file says it. */
export type EngineSettings = z.infer<typeof engineSettingsSchema>;

/** Names of all keys. */
const ENGINE_SETTING_KEYS: readonly string[] = Object.keys(engineSettingsSchema.shape);

/**
 * What is wrong with a section, such as `maxBatch: must be …`.
 * @param label what the section calls a key. Default: as it is
 */
export function engineSettingFaults(section: Readonly<Record<string, unknown>>, label: Label = String): Fault[] {
  const result = engineSettingsSchema.safeParse(section);
  if (result.success) return [];
  return result.error.issues.flatMap((issue) => {
    if (issue.code === "unrecognized_keys")
      return issue.keys.map((key) => ({
        message: `${label(key)}: unknown; the keys are ${ENGINE_SETTING_KEYS.join(", ")}`,
      }));
    const path = [label(String(issue.path[0] ?? "")), ...issue.path.slice(1)].join(".");
    const message =
      issue.code === "invalid_union" ? 'must be "all" or a list of devices, such as ["cuda:0"]' : issue.message;
    return [{ message: `${path}: ${message}, not ${JSON.stringify(section[String(issue.path[0])])}` }];
  });
}

/** JSON Schema of the section, for editors. */
export function engineJsonSchema(): Record<string, unknown> {
  const { $schema: _, ...rest } = z.toJSONSchema(engineSettingsSchema) as Record<string, unknown>;
  return rest;
}
