/**
 * One table per network maps the names in an original checkpoint to the names of this project's networks. A renamed
 * checkpoint is a weight source like any other, so missing, extra and wrongly shaped tensors are all found in the usual
 * place.
 */
import { ModelError } from "../../errors.js";
import type { WeightSource } from "../../onnx/weights.js";

/** How the names of one network's checkpoints become ours. */
interface NameTable {
  /** What the network is, for messages. */
  readonly network: string;
  /** Wrappers that savers put around a state dict. One is cut where every name has it; they may lie in one another. */
  readonly wrappers: readonly string[];
  /** The first rule whose pattern matches a name rewrites it. */
  readonly renames?: readonly { readonly from: RegExp; readonly to: string }[];
  /**
   * Tensors (our names) whose trailing sizes of 1 go: convolutions of 1 x 1 that newer checkpoints hold as linear
   * layers.
   */
  readonly squeezed?: RegExp;
}

/** The tensors of `source` under our names. Throws ERR_MODEL_WEIGHTS when two of them get the same name. */
export function renamed(source: WeightSource, table: NameTable): WeightSource {
  const names = source.names() ?? [];
  const wrapper = wrapperOf(names, table.wrappers);
  const originals = new Map<string, string>();
  for (const original of names) {
    const name = rename(original.slice(wrapper.length), table);
    const other = originals.get(name);
    if (other !== undefined)
      throw new ModelError(
        "ERR_MODEL_WEIGHTS",
        `${source.origin} holds ${JSON.stringify(other)} and ${JSON.stringify(original)}, which are the same tensor of the ${table.network}`,
        { remedy: "remove one" },
      );
    originals.set(name, original);
  }
  const dims = (name: string): readonly number[] | "any" | undefined => {
    const original = originals.get(name);
    const found = original === undefined ? undefined : source.dims(original);
    return Array.isArray(found) && table.squeezed?.test(name) === true ? squeeze(found as readonly number[]) : found;
  };
  return {
    origin: source.origin,
    names: () => [...originals.keys()],
    dims,
    read: (name, wanted) => source.read(originals.get(name)!, wanted),
  };
}

/** The wrappers around all names, one inside the other. */
function wrapperOf(names: readonly string[], wrappers: readonly string[]): string {
  let found = "";
  for (let next: string | undefined = ""; next !== undefined; found += next) {
    next = wrappers.find((one) => names.length > 0 && names.every((name) => name.startsWith(found + one)));
    if (next === undefined) break;
  }
  return found;
}

function rename(name: string, table: NameTable): string {
  const rule = table.renames?.find(({ from }) => from.test(name));
  return rule === undefined ? name : name.replace(rule.from, rule.to);
}

function squeeze(dims: readonly number[]): readonly number[] {
  return dims.length === 4 && dims[2] === 1 && dims[3] === 1 ? dims.slice(0, 2) : dims;
}

/** What trainers and PyTorch's parallel modules put around a state dict. */
const SAVERS = ["module.", "state_dict.", "model_state_dict.", "model."];

/**
 * The tables, one for each network of the original release. Our names are those of diffusers and transformers of 2024
 * on.
 */
export const NAME_TABLES = {
  /** `LE/erika.pth`: `res_skip` of MangaLineExtraction. */
  lineExtractor: { network: "line extractor", wrappers: SAVERS },
  /** `image_encoder/`: transformers' `CLIPVisionModelWithProjection`. */
  imageEncoder: { network: "image encoder", wrappers: ["module.", "image_encoder."] },
  /** PixArt's `vae/`: diffusers' `AutoencoderKL`; before diffusers 0.17 its attention had other names. */
  vae: {
    network: "VAE",
    wrappers: ["module.", "vae.", "first_stage_model."],
    renames: [
      { from: /^(.*mid_block\.attentions\.0\.)query\./u, to: "$1to_q." },
      { from: /^(.*mid_block\.attentions\.0\.)key\./u, to: "$1to_k." },
      { from: /^(.*mid_block\.attentions\.0\.)value\./u, to: "$1to_v." },
      { from: /^(.*mid_block\.attentions\.0\.)proj_attn\./u, to: "$1to_out.0." },
    ],
    squeezed: /mid_block\.attentions\.0\.to_(?:q|k|v|out\.0)\.weight$/u,
  },
  /** PixArt's `transformer/`: diffusers' `PixArtTransformer2DModel`, `Transformer2DModel` before. */
  transformer: { network: "transformer", wrappers: ["module.", "transformer."] },
  /** `transformer_lora_pos.bin`: peft's names, with and without the adapter's name. */
  adapter: {
    network: "LoRA",
    wrappers: ["module.", "base_model.model.", "transformer."],
    renames: [{ from: /\.lora_([AB])\.default\.weight$/u, to: ".lora_$1.weight" }],
  },
  /** `controlnet.bin`: Cobra's `CausalSparseDiTControlModel`. */
  control: { network: "control branch", wrappers: ["module.", "controlnet."] },
  /** `MultiResNetModel.bin`: Cobra's `MultiHiddenResNetModel`. */
  upsampler: { network: "guided upsampler", wrappers: ["module."] },
} as const satisfies Record<string, NameTable>;
