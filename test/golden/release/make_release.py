"""Writes test/golden/data/release: the original Cobra release at the size of the golden pipeline, with its file names and formats.

The weights are those of the golden case pipeline_tiny/0 (test/golden/data/networks). The transformer's are taken apart into a base
and a LoRA whose sum they are, so that what is imported must give the golden picture. The style "line" has other weights.

An offline tool: the product needs neither Python nor PyTorch. Made with torch 2.13, run as

    python test/golden/release/make_release.py
"""

import collections
import json
import struct
import sys
from pathlib import Path

import numpy
import torch

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
from safetensors_writer import save_safetensors

NETWORKS = HERE.parent / "data" / "networks"
OUT = HERE.parent / "data" / "release"
RANK = 4
TARGETS = ["to_k", "to_q", "to_v", "to_out.0", "proj_in", "proj_out", "ff.net.0.proj", "ff.net.2", "proj", "linear", "linear_1", "linear_2"]
OLD_VAE_NAMES = {".to_q.": ".query.", ".to_k.": ".key.", ".to_v.": ".value.", ".to_out.0.": ".proj_attn."}


def load(files, prefix):
    tensors = collections.OrderedDict()
    for name in files:
        raw = (NETWORKS / name).read_bytes()
        (length,) = struct.unpack("<Q", raw[:8])
        for key, entry in sorted(json.loads(raw[8 : 8 + length]).items()):
            if not key.startswith(prefix) or key == "__metadata__":
                continue
            start, end = (8 + length + offset for offset in entry["data_offsets"])
            array = numpy.frombuffer(raw[start:end], {"F32": "<f4", "I64": "<i8"}[entry["dtype"]]).copy()
            tensors[key[len(prefix) :]] = torch.from_numpy(array).reshape(entry["shape"])
    return tensors


def split_lora(merged, generator):
    """A base and an adapter whose sum is `merged`."""
    base, adapter = collections.OrderedDict(merged), collections.OrderedDict()
    for name, weight in merged.items():
        module = name.removesuffix(".weight")
        if module == name or weight.dim() < 2 or not any(module == target or module.endswith("." + target) for target in TARGETS):
            continue
        down = torch.randn((RANK, *weight.shape[1:]), generator=generator) * 0.3
        up = torch.randn((weight.shape[0], RANK, *(1 for _ in weight.shape[2:])), generator=generator) * 0.05
        delta = up.reshape(weight.shape[0], RANK).double() @ down.reshape(RANK, -1).double()
        base[name] = (weight.double() - delta.reshape(weight.shape)).float()
        adapter[f"{module}.lora_A.default.weight"], adapter[f"{module}.lora_B.default.weight"] = down, up
    return base, adapter


def save(path, value, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(value, path, **options)


VERSION = {"_diffusers_version": "0.22.0.dev0"}
CLIP_NOTES = {
    "_name_or_path": "./", "attention_dropout": 0.0, "dropout": 0.0, "initializer_factor": 1.0, "initializer_range": 0.02,
    "torch_dtype": "float16", "transformers_version": "4.28.0.dev0",
}  # fmt: skip
TRANSFORMER_NOTES = {
    **VERSION, "double_self_attention": False, "dropout": 0.0, "num_vector_embeds": None, "only_cross_attention": False,
    "use_linear_projection": False,
}  # fmt: skip
VAE_NOTES = {**VERSION, "_name_or_path": "vae", "force_upcast": True}
SCHEDULER = {
    **VERSION, "_class_name": "DPMSolverMultistepScheduler", "algorithm_type": "dpmsolver++", "beta_end": 0.02,
    "beta_schedule": "linear", "beta_start": 0.0001, "dynamic_thresholding_ratio": 0.995, "euler_at_final": False,
    "lambda_min_clipped": float("-inf"), "lower_order_final": True, "num_train_timesteps": 1000,
    "prediction_type": "epsilon", "sample_max_value": 1.0, "solver_order": 2, "solver_type": "midpoint", "steps_offset": 0,
    "thresholding": False, "timestep_spacing": "linspace", "trained_betas": None, "use_karras_sigmas": False,
    "use_lu_lambdas": False, "variance_type": None,
}  # fmt: skip


def save_config(path, config):
    path.parent.mkdir(parents=True, exist_ok=True)
    # As diffusers saves them: sorted, with what it notes of itself, and with Python's -Infinity.
    path.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n")


def other(tensors, generator):
    """Weights of another style: a little different, in half precision as some releases are."""
    return collections.OrderedDict((name, (one * (1 + 0.05 * torch.randn(one.shape, generator=generator))).half() if one.is_floating_point() else one) for name, one in tensors.items())


def main():
    generator = torch.Generator().manual_seed(7)
    case = next(one for one in json.loads((NETWORKS / "index.json").read_text())["cases"] if one["id"] == "pipeline_tiny/0")
    config = case["config"]
    cobra, pixart, prompt = OUT / "cobra", OUT / "pixart", OUT / "prompt_tensor"

    save(cobra / "LE" / "erika.pth", load(["line_extractor.safetensors"], "weights/"), _use_new_zipfile_serialization=False)
    save_config(cobra / "image_encoder" / "config.json", {"architectures": ["CLIPVisionModelWithProjection"], "model_type": "clip_vision_model", **config["image_encoder"], **CLIP_NOTES})
    save_safetensors(cobra / "image_encoder" / "model.safetensors", load(["pipeline_tiny.safetensors"], "weights/image_encoder/"))

    base, adapter = split_lora(load(["pipeline_tiny.safetensors"], "weights/transformer/"), generator)
    control = load(["pipeline_tiny.safetensors"], "weights/control/")
    upsampler = load(["guided_upsampler.safetensors"], "weights/")
    for style, change in (("shadow", lambda tensors: tensors), ("line", lambda tensors: other(tensors, generator))):
        save(cobra / f"{style}_ckpt" / "transformer_lora_pos.bin", change(adapter))
        save(cobra / f"{style}_ckpt" / "controlnet.bin", change(control))
        save(cobra / f"{style}_GSRP" / "MultiResNetModel.bin", change(upsampler))

    vae = collections.OrderedDict()
    for name, tensor in {**load(["vae_encoder.safetensors"], "weights/"), **load(["vae_decoder.safetensors"], "weights/")}.items():
        for new, old in OLD_VAE_NAMES.items():
            if "mid_block.attentions.0" in name:
                name = name.replace(new, old)
        vae[name] = tensor
    save_config(pixart / "transformer" / "config.json", {"_class_name": "Transformer2DModel", **config["transformer"], **TRANSFORMER_NOTES})
    save_safetensors(pixart / "transformer" / "diffusion_pytorch_model.safetensors", base)
    save_config(pixart / "vae" / "config.json", {"_class_name": "AutoencoderKL", **config["vae"], **VAE_NOTES})
    save_safetensors(pixart / "vae" / "diffusion_pytorch_model.safetensors", vae)
    save_config(
        pixart / "scheduler" / "scheduler_config.json",
        {
            **SCHEDULER,
        },
    )
    inputs = load(["pipeline_tiny.safetensors"], "in/")
    save(prompt / "prompt_embeds.pt", inputs["prompt_embeds"])
    save(prompt / "prompt_attention_mask.pt", inputs["prompt_attention_mask"])


if __name__ == "__main__":
    main()
