"""Holds the peer against the golden cases of the original Cobra code, on the CPU in float32.

`check.py [FOLDER]` prints one line of JSON for each network: the largest difference. With a folder, the peer's outputs
are left there as raw float32 files, for a comparison with the engine's own.
"""
import json
import struct
import sys
from pathlib import Path

import torch

from cobra_torch import Cobra, TransformerConfig, Vae, VaeConfig

GOLDEN = Path(__file__).parent.parent.parent / "test/golden/data/networks"
KINDS = {"F32": torch.float32, "I64": torch.int64, "I32": torch.int32, "F16": torch.float16}


def read_safetensors(path: Path) -> dict:
    data = path.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    tensors = {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        begin, end = (8 + length + offset for offset in entry["data_offsets"])
        flat = torch.frombuffer(bytearray(data[begin:end]), dtype=KINDS[entry["dtype"]])
        tensors[name] = flat.reshape(entry["shape"])
    return tensors


class Case:
    def __init__(self, name: str):
        cases = json.loads((GOLDEN / "index.json").read_text())["cases"]
        self.case = next(one for one in cases if one["id"] == name)
        self.config = self.case["config"]
        self.files = {}

    def file(self, name: str) -> dict:
        return self.files.setdefault(name, read_safetensors(GOLDEN / name))

    def tensor(self, name: str) -> torch.Tensor:
        value = {**self.case["inputs"], **self.case["mids"], **self.case["outputs"]}[name]
        return self.file(value["file"])[value["key"]].reshape(value["shape"])

    def weights(self, network: str = None) -> dict:
        place = self.case.get("weights", {"prefix": "weights/"})
        place = place[network] if network else place
        files = place.get("file", self.case["file"])
        prefix = place["prefix"]
        return {
            name[len(prefix) :]: tensor
            for one in ([files] if isinstance(files, str) else files)
            for name, tensor in self.file(one).items()
            if name.startswith(prefix)
        }


def load(module: torch.nn.Module, weights: dict, ignored=()) -> None:
    """Every weight finds its place, and every place its weight."""
    kept = {name: tensor for name, tensor in weights.items() if not name.startswith(tuple(ignored))}
    module.load_state_dict(kept, strict=True)


def report(network: str, actual: torch.Tensor, expected: torch.Tensor, folder: Path) -> None:
    off = (actual - expected).abs().max().item()
    print(json.dumps({"network": network, "difference": off, "largest": expected.abs().max().item()}), flush=True)
    if folder:
        (folder / f"{network}.f32").write_bytes(actual.contiguous().numpy().tobytes())


def vae_config(raw: dict) -> VaeConfig:
    return VaeConfig(
        tuple(raw["block_out_channels"]),
        raw["layers_per_block"],
        raw["norm_num_groups"],
        raw["latent_channels"],
        raw["scaling_factor"],
    )


@torch.no_grad()
def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    pipeline = Case("pipeline_tiny/0")
    raw = pipeline.config["transformer"]
    config = TransformerConfig(
        raw["num_attention_heads"],
        raw["attention_head_dim"],
        raw["num_layers"],
        raw["num_layers"] // 2,
        raw["in_channels"],
        raw["out_channels"],
        raw["caption_channels"],
    )
    model = Cobra(config).eval()
    load(model.main, pipeline.weights("transformer"), ignored=["pos_embed.pos_embed"])
    load(model.control, pipeline.weights("control"), ignored=["after_proj", "pos_embed.pos_embed"])
    kept = pipeline.tensor("prompt_attention_mask").nonzero().flatten().tolist()
    assert len(kept) == 1, f"the case's prompt keeps {len(kept)} tokens"
    prompt = model.main.fold_prompt(pipeline.tensor("prompt_embeds")[kept[0]])
    resolution = pipeline.tensor("resolution")
    latents = pipeline.tensor("cond_refs_latent").split(pipeline.tensor("n_ref_list").tolist())
    encoded = [
        [model.encode_reference(one[None], quadrant, resolution, prompt) for one in latents[quadrant]]
        for quadrant in range(4)
    ]
    each = [pairs for quadrant in encoded for pairs in quadrant]
    references = [
        tuple(torch.cat([pairs[layer][kind] for pairs in each], 2) for kind in range(2)) for layer in range(config.layers)
    ]
    keys = torch.cat([references[layer][0].transpose(1, 2).flatten(2) for layer in range(config.layers)])
    report("reference_keys", keys, torch.cat([pipeline.tensor(f"K_{layer}") for layer in range(config.layers)]), folder)
    for step, timestep in enumerate(pipeline.tensor("timesteps")):
        latent = pipeline.tensor("noise_latents" if step == 0 else f"step{step - 1}_latents_after")
        noise = model(
            latent,
            pipeline.tensor("cond_input_latent"),
            pipeline.tensor("hint_color_latent"),
            pipeline.tensor("hint_mask_tensor"),
            timestep[None].float(),
            resolution,
            prompt,
            references,
        )
        report(f"denoiser_step{step}", noise, pipeline.tensor(f"step{step}_noise_pred_8ch")[:, :4], folder)
    encoder = Case("vae_encoder/0")
    vae = Vae(vae_config(encoder.config)).eval()
    decoder = Case("vae_decoder/0")
    load(vae, {**encoder.weights(), **decoder.weights()})
    report("vae_encoder", vae.encode(encoder.tensor("image"), encoder.tensor("noise")), encoder.tensor("latent"), folder)
    report("vae_decoder", vae.decode(decoder.tensor("latent")), decoder.tensor("decoded"), folder)


if __name__ == "__main__":
    main()
