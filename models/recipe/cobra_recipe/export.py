"""Write the model package: seven ONNX graphs with half-precision weights and float32 inputs and outputs, and the manifest."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper

from . import __version__
from .config import Config
from .guide import load_colorizer, quarters
from .guided import GuidedDecoder
from .latent import CHANNELS, COLOURS, PURE_CHANNELS, encode_reference
from .network import COPY_LAYERS, Colorizer
from .paint import extract
from .patches import DIM, MEAN, SIZE, STD, PatchEncoder
from .patches import load as load_patches
from .scales import TwoLooks

OPSET = 18
#: The copying layer's logits are multiplied by this: to choose gives a cleaner page than to average, though training averages.
FOCUS = 1.7
#: Taken off the logits of nothing and of paper: a reference's colour is more often right than none, and looks better; what is paper the
#: engine's flats know from less.
DOUBT = (3.0, 6.0)
#: How near to the first choice's mean (RGB in -1..1) a colour must be to count in the second: see `Colorizer.copy`.
NEAR = 0.3
#: How much of the copying weights must be near the second choice for it to count not at all and fully: a cell that points at many colours
#: keeps their mean, which is nearer to what is right than one of them.
SURE = (0.2, 0.4)
#: Page sizes as (width, height), about 0.45 MP, in multiples of 96 (`TwoLooks`); then the same turned round.
_TALL = [(672, 672), (576, 672), (576, 768), (576, 864), (480, 864), (480, 960), (384, 864)]
BUCKETS = _TALL + [(h, w) for w, h in _TALL[1:]]


class LineExtractor(torch.nn.Module):
    def forward(self, gray):
        return extract(gray)


class VaeEncoder(torch.nn.Module):
    def forward(self, image, noise):
        return encode_reference(image) + 0 * noise


class VaeDecoder(torch.nn.Module):
    def forward(self, latent):
        return quarters(latent)


class ReferenceEncoder(torch.nn.Module):
    def __init__(self, net: TwoLooks):
        super().__init__()
        self.net = net

    def forward(self, latent, quadrant, resolution):
        return self.net.reference(latent) + 0 * (resolution.sum() + quadrant.sum())


class Denoiser(torch.nn.Module):
    def __init__(self, net: TwoLooks):
        super().__init__()
        self.net = net

    def forward(self, latent, line_latent, hint_latent, hint_mask, timestep, resolution, reference_kv):
        made = self.net(line_latent[:, :CHANNELS], hint_latent[:, :CHANNELS], hint_mask, reference_kv)
        return torch.cat([made, 0 * made[:, :COLOURS]], 1) + 0 * (latent + timestep.sum() + resolution.sum())


class GuidedUpsampler(torch.nn.Module):
    def __init__(self, model: GuidedDecoder):
        super().__init__()
        self.model = model

    def forward(self, color, line, noise):
        return self.model(color, line) + 0 * noise.sum()


@dataclass
class Graph:
    """A module, its inputs with examples, the dynamic axes, the output's name."""

    module: torch.nn.Module
    inputs: dict[str, torch.Tensor]
    axes: dict[str, dict[int, str]]
    output: str


def layers_of(cfg: Config) -> int:
    """Layers of keys and values of a reference."""
    return cfg.layers + COPY_LAYERS


def graphs(cfg: Config, colorizer: TwoLooks, guided: GuidedDecoder, patches: PatchEncoder) -> dict[str, Graph]:
    """All graphs with example inputs."""
    g = torch.Generator().manual_seed(0)
    rnd = lambda *s: torch.rand(s, generator=g) * 2 - 1  # noqa: E731
    z, layers, d = PURE_CHANNELS, layers_of(cfg), cfg.width
    image = {0: "N", 2: "H", 3: "W"}
    cells = {0: "N", 2: "h", 3: "w"}
    h, w = 36, 24
    return {
        "line_extractor": Graph(LineExtractor(), {"gray": (rnd(2, 1, 96, 64) + 1) * 127}, {"gray": image}, "line"),
        "image_encoder": Graph(patches, {"pixels": rnd(2, 3, SIZE, SIZE)}, {"pixels": {0: "N"}}, "embedding"),
        "vae_encoder": Graph(VaeEncoder(), {"image": rnd(2, 3, 96, 64), "noise": rnd(2, z, 12, 8)}, {"image": image, "noise": cells}, "latent"),
        "vae_decoder": Graph(VaeDecoder(), {"latent": rnd(2, z, 12, 8)}, {"latent": cells}, "image"),
        "guided_upsampler": Graph(GuidedUpsampler(guided), {"color": rnd(2, 3, 96, 64), "line": rnd(2, 3, 96, 64), "noise": rnd(2, z, 12, 8)},
                                  {"color": image, "line": image, "noise": cells}, "image"),
        "reference_encoder": Graph(ReferenceEncoder(colorizer), {"latent": rnd(3, z, h // 2, w // 2), "quadrant": torch.tensor([0, 3, 1]), "resolution": torch.tensor([[256.0, 384.0]] * 3)},
                                   {"latent": cells, "quadrant": {0: "N"}, "resolution": {0: "N"}}, "reference_kv"),
        "denoiser": Graph(Denoiser(colorizer), {"latent": rnd(2, z, h, w), "line_latent": rnd(2, z, h, w), "hint_latent": rnd(2, z, h, w), "hint_mask": (rnd(2, 1, h, w) > 0.9).float(),
                                                "timestep": torch.tensor([999.0, 999.0]), "resolution": torch.tensor([[256.0, 384.0]] * 2),
                                                "reference_kv": rnd(2, 3, layers, 2, h * w // 16, d)},
                          {"latent": {0: "B", 2: "h", 3: "w"}, "line_latent": {0: "B", 2: "h", 3: "w"}, "hint_latent": {0: "B", 2: "h", 3: "w"}, "hint_mask": {0: "B", 2: "h", 3: "w"},
                           "timestep": {0: "B"}, "resolution": {0: "B"}, "reference_kv": {0: "B", 1: "R", 4: "T"}}, "noise"),
    }  # fmt: skip


def halve(model: onnx.ModelProto, smallest: int = 64) -> onnx.ModelProto:
    """Store float32 weights of `smallest` or more values as float16, cast back on load (the runtime folds the cast)."""
    nodes, kept = [], []
    for t in model.graph.initializer:
        array = numpy_helper.to_array(t)
        if t.data_type == TensorProto.FLOAT and array.size >= smallest and np.abs(array).max() < 6e4:
            kept.append(numpy_helper.from_array(array.astype(np.float16), t.name + "_half"))
            nodes.append(helper.make_node("Cast", [t.name + "_half"], [t.name], to=TensorProto.FLOAT))
        else:
            kept.append(t)
    rest = list(model.graph.node)
    del model.graph.initializer[:], model.graph.node[:], model.graph.value_info[:]
    model.graph.initializer.extend(kept)
    model.graph.node.extend(nodes + rest)
    return model


def export_graph(graph: Graph, path: Path) -> None:
    """One graph, written and checked."""
    torch.onnx.export(
        graph.module.eval(), tuple(graph.inputs.values()), str(path), input_names=list(graph.inputs), output_names=[graph.output],
        dynamic_axes=graph.axes, opset_version=OPSET, dynamo=False, do_constant_folding=True,
    )  # fmt: skip
    model = halve(onnx.load(str(path)))
    onnx.checker.check_model(model)
    onnx.save(model, str(path))


def other_sizes(graph: Graph) -> list[dict[str, torch.Tensor]]:
    """The example inputs cut along every dynamic axis: one of a batch, other heights and widths, one reference and none."""
    cut = {"N": 1, "B": 1, "H": 64, "W": 32, "h": 8, "w": 4, "R": 1, "T": 8}
    if "quadrant" in graph.inputs:
        cut |= {"h": 12, "w": 6}
    elif "reference_kv" in graph.inputs:
        cut |= {"h": 12, "w": 12}
    result = []
    for references in (1, 0) if "reference_kv" in graph.inputs else (1,):
        cut["R"] = references
        small = {}
        for name, value in graph.inputs.items():
            for axis, label in graph.axes[name].items():
                value = value.narrow(axis, 0, cut[label])
            small[name] = value.contiguous()
        result.append(small)
    return result


#: The file of weights that several graphs share; parts begin at multiples of ALIGN bytes.
WEIGHTS, ALIGN = "weights.bin", 64


def share(folder: Path, names: list[str], smallest: int = 1024) -> None:
    """Move weights of `smallest` bytes or more into one file, equal ones once: references and page use the same blocks."""
    blob, seen = bytearray(), {}
    for name in names:
        model = onnx.load(str(folder / name))
        for t in model.graph.initializer:
            raw = numpy_helper.to_array(t).tobytes()
            if len(raw) < smallest:
                continue
            key = hashlib.sha256(raw).digest()
            if key not in seen:
                blob.extend(b"\0" * (-len(blob) % ALIGN))
                seen[key] = len(blob)
                blob.extend(raw)
            t.ClearField("raw_data")
            t.ClearField("float_data")
            t.ClearField("int32_data")
            t.data_location = TensorProto.EXTERNAL
            del t.external_data[:]
            for k, v in (("location", WEIGHTS), ("offset", str(seen[key])), ("length", str(len(raw)))):
                t.external_data.add(key=k, value=v)
        (folder / name).write_bytes(model.SerializeToString())
    (folder / WEIGHTS).write_bytes(bytes(blob))


def verify(graph: Graph, path: Path, tolerance: float = 5e-3) -> float:
    """Largest difference of ONNX Runtime's output from PyTorch's, for the example and for other sizes along every dynamic axis."""
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    error = 0.0
    for inputs in (graph.inputs, *other_sizes(graph)):
        with torch.no_grad():
            want = graph.module(*inputs.values()).numpy()
        got = session.run([graph.output], {k: v.numpy() for k, v in inputs.items()})[0]
        if got.shape != want.shape or not np.isfinite(got).all():
            raise SystemExit(f"{path.name}: shape {got.shape} for {want.shape}, or values that are not finite")
        error = max(error, float(np.abs(want - got).max() / max(1.0, np.abs(want).max())))
    if error > tolerance:
        raise SystemExit(f"{path.name}: differs by {error:.4f} from PyTorch, {tolerance} is allowed")
    return error


def round_weights(module: torch.nn.Module) -> None:
    """Bring weights to what float16 can hold, so that PyTorch and the package agree."""
    with torch.no_grad():
        for p in module.parameters():
            if p.numel() >= 64:
                p.copy_(p.half().float())


def manifest(cfg: Config, folder: Path, names: dict[str, str], version: str, training: str) -> dict:
    """The manifest of the engine's package format 1."""
    record = lambda p: dict(bytes=p.stat().st_size, sha256=hashlib.sha256(p.read_bytes()).hexdigest())  # noqa: E731
    style = {k: names[k] for k in ("reference_encoder", "denoiser", "guided_upsampler")}
    return dict(
        formatVersion=1, name="cobra-small", version=version, licence="Apache-2.0", trained=True,
        description="A small model of Cobra's shape, trained from nothing on drawn comic pages and free vector art. For clean cartoon line art; its figures are in models/recipe/RUNS.md.",
        training=training, precision="float32", buckets=[list(b) for b in BUCKETS],
        latent=dict(channels=PURE_CHANNELS, downscale=8, scalingFactor=1.0), prediction="sample", hints="regions", fill="flat", references="whole",
        scheduler=dict(trainTimesteps=1000, betaStart=0.0001, betaEnd=0.02, maxSteps=1),
        imageEncoder=dict(imageSize=SIZE, mean=[MEAN] * 3, std=[STD] * 3, embeddingSize=DIM),
        referenceKv=dict(layers=layers_of(cfg), width=cfg.width), upsampler=dict(scale=1),
        graphs=dict(shared={k: names[k] for k in ("line_extractor", "image_encoder", "vae_encoder", "vae_decoder")}, styles={"line": style, "line + shadow": style}),
        files={n: record(folder / n) for n in sorted([*names.values(), WEIGHTS])},
    )  # fmt: skip


def export(out: str, transformer: str, guide: str, patches: str, version: str = __version__, training: str = "") -> None:
    """Write and verify the package in `out`."""
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    colorizer, cfg = load_colorizer(transformer)
    with torch.no_grad():
        for scale in (colorizer.sharp, colorizer.agree, colorizer.alike):
            scale.mul_(FOCUS)
    colorizer.doubt, colorizer.focus, colorizer.near, colorizer.sure = DOUBT, FOCUS, NEAR, SURE
    guided = GuidedDecoder(cfg)
    guided.load_state_dict(torch.load(guide, map_location="cpu")["net"])
    encoder = load_patches(patches)
    for module in (colorizer, guided, encoder):
        round_weights(module.eval().requires_grad_(False).to(memory_format=torch.contiguous_format))
    made = graphs(cfg, TwoLooks(colorizer), guided, encoder)
    names = {name: f"{name}.onnx" for name in made}
    for name, graph in made.items():
        export_graph(graph, folder / names[name])
    share(folder, list(names.values()))
    for name, graph in made.items():
        print(f"{name}: error {verify(graph, folder / names[name]):.1e}", flush=True)
    total = sum((folder / n).stat().st_size for n in (*names.values(), WEIGHTS))
    text = json.dumps(manifest(cfg, folder, names, version, training), indent=2)
    (folder / "manifest.json").write_text(text + "\n")
    print(f"package {total / 1e6:.2f} MB in {out}")
