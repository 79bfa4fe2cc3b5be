/** Paths of the original release's files: Cobra's weights, the PixArt base, the prompt's tensors. */
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { ModelError } from "../../errors.js";
import type { Style } from "../../config/batch-config.js";

/** Folders of a release. */
export interface ReleaseFolders {
  /** The release of Cobra: `LE/`, `image_encoder/`, `shadow_ckpt/`, … */
  readonly cobra: string;
  /** The base: `transformer/`, `vae/`, `scheduler/`. */
  readonly pixart: string;
  /** `prompt_embeds.pt` and `prompt_attention_mask.pt`, or a folder `prompt_tensor/` with them. */
  readonly prompt: string;
}

/** Files of one style. */
export interface StyleFiles {
  readonly adapter: string;
  readonly control: string;
  readonly upsampler: string;
}

/** Files of a release. Configs may be missing: then the sizes are those of the published weights. */
export interface ReleaseFiles {
  readonly lineExtractor: string;
  readonly imageEncoder: string;
  readonly imageEncoderConfig: string | undefined;
  readonly transformer: string;
  readonly transformerConfig: string | undefined;
  readonly vae: string;
  readonly vaeConfig: string | undefined;
  readonly schedulerConfig: string | undefined;
  /** Config files that are not there: the published model's values stand in for theirs. */
  readonly assumed: readonly string[];
  readonly promptEmbeds: string;
  readonly promptMask: string;
  readonly styles: ReadonlyMap<Style, StyleFiles>;
}

/** Names that diffusers and transformers save weights under; the first that is there is taken. */
const DIFFUSERS = [
  "diffusion_pytorch_model.safetensors",
  "diffusion_pytorch_model.safetensors.index.json",
  "diffusion_pytorch_model.bin",
];
const TRANSFORMERS = ["model.safetensors", "model.safetensors.index.json", "pytorch_model.bin"];
const STYLE_FOLDERS: Readonly<Record<Style, string>> = { line: "line", "line + shadow": "shadow" };

/**
 * Finds the files.
 * @param isThere whether there is a file at an absolute path; default: on the disk
 * @throws ModelError `ERR_MODEL_NOT_FOUND` that lists every one that is missing; `ERR_MODEL_WEIGHTS` for weights that
 * are there twice
 */
export function findRelease(
  folders: ReleaseFolders,
  styles: readonly Style[],
  isThere: (path: string) => boolean = existsSync,
): ReleaseFiles {
  const missing: string[] = [];
  const find = (folder: string, ...names: string[]): string => {
    const [found, ...others] = names.map((name) => join(resolve(folder), name)).filter((path) => isThere(path));
    if (others.includes(`${found}.index.json`))
      throw new ModelError("ERR_MODEL_WEIGHTS", `${found} is there whole and in shards (${others[0]})`, {
        remedy: "remove the one that is not meant: which of them has the weights cannot be told",
      });
    if (found === undefined)
      missing.push(
        `${join(resolve(folder), names[0]!)}${
          names.length > 1
            ? ` (or ${names
                .slice(1)
                .map((name) => name.split("/").at(-1)!)
                .join(", ")})`
            : ""
        }`,
      );
    return found ?? "";
  };
  const assumed: string[] = [];
  const perhaps = (folder: string, name: string): string | undefined => {
    const path = join(resolve(folder), name);
    if (isThere(path)) return path;
    assumed.push(path);
    return undefined;
  };
  const within = (folder: string, names: readonly string[]): string[] => names.map((name) => `${folder}/${name}`);
  const { cobra, pixart } = folders;
  const below = join(resolve(folders.prompt), "prompt_tensor");
  const prompt = isThere(join(below, "prompt_embeds.pt")) ? below : folders.prompt;
  const files: ReleaseFiles = {
    lineExtractor: find(cobra, "LE/erika.pth"),
    imageEncoder: find(cobra, ...within("image_encoder", TRANSFORMERS)),
    imageEncoderConfig: perhaps(cobra, "image_encoder/config.json"),
    transformer: find(pixart, ...within("transformer", DIFFUSERS)),
    transformerConfig: perhaps(pixart, "transformer/config.json"),
    vae: find(pixart, ...within("vae", DIFFUSERS)),
    vaeConfig: perhaps(pixart, "vae/config.json"),
    schedulerConfig: perhaps(pixart, "scheduler/scheduler_config.json"),
    assumed,
    promptEmbeds: find(prompt, "prompt_embeds.pt"),
    promptMask: find(prompt, "prompt_attention_mask.pt"),
    styles: new Map(
      styles.map((style) => {
        const name = STYLE_FOLDERS[style];
        return [
          style,
          {
            adapter: find(cobra, `${name}_ckpt/transformer_lora_pos.bin`),
            control: find(cobra, `${name}_ckpt/controlnet.bin`),
            upsampler: find(cobra, `${name}_GSRP/MultiResNetModel.bin`),
          },
        ];
      }),
    ),
  };
  if (missing.length > 0) {
    throw new ModelError(
      "ERR_MODEL_NOT_FOUND",
      `the release is not complete, these files are missing (${missing.length}):\n${missing.map((path) => `  ${path}`).join("\n")}`,
      { remedy: "get them; docs/models.md says where they come from" },
    );
  }
  return files;
}
