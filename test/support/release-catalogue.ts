// The catalogue of the small release in test/golden/data/release, as somebody would write one for it.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { z } from "zod";
import type { catalogueSchema } from "../../src/install/catalogue/catalogue-schema.js";

/** The small release: `cobra/`, `pixart/`, `prompt_tensor/`. */
export const RELEASE = fileURLToPath(new URL("../golden/data/release", import.meta.url));

export const COBRA = "JunhaoZhuang/Cobra";
export const PIXART = "PixArt-alpha/PixArt-XL-2-1024-MS";

type Catalogue = z.input<typeof catalogueSchema>;

const FILES: readonly [source: "cobra" | "pixart" | "prompt", path: string, style?: "line" | "line + shadow"][] = [
  ["cobra", "LE/erika.pth"],
  ["cobra", "image_encoder/config.json"],
  ["cobra", "image_encoder/model.safetensors"],
  ["cobra", "line_ckpt/transformer_lora_pos.bin", "line"],
  ["cobra", "line_ckpt/controlnet.bin", "line"],
  ["cobra", "line_GSRP/MultiResNetModel.bin", "line"],
  ["cobra", "shadow_ckpt/transformer_lora_pos.bin", "line + shadow"],
  ["cobra", "shadow_ckpt/controlnet.bin", "line + shadow"],
  ["cobra", "shadow_GSRP/MultiResNetModel.bin", "line + shadow"],
  ["pixart", "scheduler/scheduler_config.json"],
  ["pixart", "transformer/config.json"],
  ["pixart", "transformer/diffusion_pytorch_model.safetensors"],
  ["pixart", "vae/config.json"],
  ["pixart", "vae/diffusion_pytorch_model.safetensors"],
  ["prompt", "prompt_tensor/prompt_embeds.pt"],
  ["prompt", "prompt_tensor/prompt_attention_mask.pt"],
];

/** Its paths, `SOURCE/PATH`. */
export const RELEASE_PATHS = FILES.map(([source, path]) => `${source}/${path}`);

/** The file of the release at a path of a source. */
export function releaseFile(source: string, path: string): string {
  return source === "prompt" ? join(RELEASE, path) : join(RELEASE, source, path);
}

/**
 * The catalogue. Files of PixArt have their hashes in it; those of Cobra have not, so that the hub's own are taken.
 * @param prompt where the prompt's tensors are
 */
export function releaseCatalogue(prompt: Catalogue["models"][number]["sources"][string]): Catalogue {
  return {
    format: 1,
    models: [
      {
        name: "cobra",
        version: "1",
        title: "Cobra, the small release of the tests",
        description: "Random weights.",
        kind: "cobra-release",
        styles: ["line", "line + shadow"],
        precision: "fp32",
        buckets: [
          [96, 96],
          [96, 128],
          [128, 96],
        ],
        sources: {
          cobra: { hub: COBRA, revision: "unknown" },
          pixart: { hub: PIXART, revision: "c0b7a0000000000000000000000000000000beef" },
          prompt,
        },
        files: FILES.map(([source, path, style]) => {
          const bytes = readFileSync(releaseFile(source, path));
          const isKnown = source === "pixart" && !path.endsWith(".json");
          return {
            source,
            path,
            bytes: isKnown ? bytes.length : "unknown",
            sha256: isKnown ? createHash("sha256").update(bytes).digest("hex") : "unknown",
            ...(style === undefined ? {} : { styles: [style] }),
          };
        }),
        licences: [
          {
            id: "cobra",
            name: "Licence of the small release",
            covers: "the line network, LoRAs, control branches and upsamplers",
            url: "https://example.org/cobra-licence",
            summary: "Do with it what you like.",
          },
          {
            id: "pixart",
            name: "Licence of the small base",
            covers: "the base",
            url: "https://example.org/pixart-licence",
          },
        ],
      },
    ],
  };
}
