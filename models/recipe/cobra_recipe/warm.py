"""Checkpoints from a package's graphs, for a warm start: checkpoints are not kept in git, packages are.

Weights are rounded to float16, as the package has them; the logits' scales are divided by `export.FOCUS`, so the package must have been exported
with the one that stands there now.
"""

from dataclasses import asdict
from pathlib import Path

import onnx
import torch
from onnx import numpy_helper

from .config import Config
from .export import FOCUS
from .guided import GuidedDecoder
from .network import Colorizer
from .patches import PatchEncoder


def named(path: Path) -> tuple[dict[str, torch.Tensor], list[onnx.NodeProto]]:
    """A graph's weights by name, as float32, and its nodes."""
    model = onnx.load(str(path))
    weights = {t.name.removesuffix("_half"): torch.from_numpy(numpy_helper.to_array(t).copy()).float() for t in model.graph.initializer}
    return weights, list(model.graph.node)


def linears(weights: dict[str, torch.Tensor], nodes) -> dict[str, torch.Tensor]:
    """Weights of linear layers, which the exporter turns round and numbers; the node's name says whose they are."""
    found = {}
    for node in nodes:
        if node.op_type != "MatMul" or not (node.input[1].startswith("onnx::MatMul") and node.input[1] in weights):
            continue
        parts = [p for p in node.name.split("/") if p and p not in ("net", "MatMul")]
        block, name = parts[0], parts[-1].removeprefix("attn.").removeprefix("ff.")
        layer = f"ff.{name}" if name.isdigit() else f"attn.{name}"
        found[f"{block}.{layer}.weight"] = weights[node.input[1]].T.contiguous()
    return found


def constant(weights: dict[str, torch.Tensor], use: str) -> torch.Tensor:
    """The constant that the exporter folded for the one operator `use`."""
    return next(v for k, v in weights.items() if k.startswith(f"onnx::{use}_") and v.ndim > 0 and v.is_floating_point() and v.numel() > 2)


def colorizer(folder: Path, net: Colorizer) -> dict[str, torch.Tensor]:
    """The state of the colouring network, as far as both graphs hold it."""
    state: dict[str, torch.Tensor] = {}
    kinds = []
    for graph in ("denoiser", "reference_encoder"):
        weights, nodes = named(folder / f"{graph}.onnx")
        state |= {k.removeprefix("net.").removeprefix("net."): v for k, v in weights.items() if k.startswith("net.")} | linears(weights, nodes)
        kinds.append(constant(weights, "Add"))
        if graph == "denoiser":
            fixed = constant(weights, "Expand")[0]
            state |= dict(nothing=fixed[0, :3], fixed_value=fixed[:, 3:])
    state["kind"] = torch.stack(kinds)
    for scale in ("sharp", "agree", "alike"):
        state[scale] = state[scale] / FOCUS
    own = net.state_dict()
    return {k: v for k, v in state.items() if k in own and own[k].shape == v.shape}


def patch_encoder(folder: Path) -> dict[str, torch.Tensor]:
    """The state of the patch encoder; the scales of its normalisations have lost their names but not their order."""
    weights, nodes = named(folder / "image_encoder.onnx")
    state = {k: v for k, v in weights.items() if not k.startswith("onnx::")}
    state["out.weight"] = state["out.weight"] if state["out.weight"].shape == (64, 192) else state["out.weight"].T
    affine = [v.flatten() for k, v in weights.items() if k.startswith("onnx::")]
    for name, scale, shift in zip(("r1.n1", "r1.n2", "r2.n1", "r2.n2", "r3.n1", "r3.n2", "norm"), affine[::2], affine[1::2]):
        state |= {f"{name}.weight": scale, f"{name}.bias": shift}
    return state


def write(package: str, work: str, cfg: Config) -> None:
    """Write WORK/warm/{transformer,guide,patches}.pt. Says which weights the package does not hold."""
    folder, out = Path(package), Path(work) / "warm"
    out.mkdir(parents=True, exist_ok=True)
    guide, _ = named(folder / "guided_upsampler.onnx")
    guide["model.ink"] = constant(guide, "Mul").flatten()
    made = {
        "transformer": (Colorizer(cfg), colorizer(folder, Colorizer(cfg))),
        "guide": (GuidedDecoder(cfg), {k.removeprefix("model."): v for k, v in guide.items() if k.startswith("model.")}),
        "patches": (PatchEncoder(), patch_encoder(folder)),
    }
    for name, (net, state) in made.items():
        missing = net.load_state_dict(state, strict=False).missing_keys
        torch.save(dict(net=net.state_dict(), config=asdict(cfg), missing=missing), out / f"{name}.pt")
        print(f"{name}: {len(state)} weights; fresh: {', '.join(missing) or 'none'}", flush=True)
