"""Writes the checkpoints of test/golden/data/checkpoints with PyTorch: the formats that the reader must know.

An offline tool: the product needs neither Python nor PyTorch. Made with torch 2.13, run as

    python test/golden/checkpoints/make_checkpoints.py
"""

import collections
import json
import os
import sys
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from safetensors_writer import save_safetensors

OUT = Path(__file__).resolve().parent.parent / "data" / "checkpoints"


class Hostile:
    """Unpickled by Python, this would run a command."""

    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return os.system, (f"touch {self.marker}",)


def ramp(*shape, dtype=torch.float32):
    count = int(torch.tensor(shape).prod())
    return (torch.arange(count, dtype=torch.float32) * 0.75 - 3).reshape(shape).to(dtype)


def cases():
    names = ["float32", "float64", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8"]
    dtypes = {name: ramp(2, 5, dtype=getattr(torch, name) if name != "uint8" else torch.int8).abs().to(getattr(torch, name)) if name == "uint8" else ramp(2, 5, dtype=getattr(torch, name)) for name in names}
    dtypes["bool"] = torch.tensor([True, False, True])
    dtypes["scalar"] = torch.tensor(2.5)
    dtypes["empty"] = torch.zeros(0, 4)
    dtypes["extremes"] = torch.tensor([65504.0, -65504.0, 6e-8, -0.0, 1.0009765625], dtype=torch.float16)

    base = ramp(6, 8)
    shared = {
        "base": base,
        "rows": base[2:5],
        "columns": base[:, 1:7:2],
        "turned": base.t(),
        "permuted": ramp(2, 3, 4).permute(2, 0, 1),
        "repeated": base[0, :3].expand(4, 3),
        "channels_last": ramp(1, 3, 2, 4).contiguous(memory_format=torch.channels_last),
        "one": base[3, 4],
    }

    torch.manual_seed(1)
    module = torch.nn.Sequential(torch.nn.Conv2d(2, 3, 3), torch.nn.BatchNorm2d(3))
    nested = {
        "epoch": 12,
        "rate": 1e-4,
        "note": "naïve — ünïcode",
        "big": 2**70,
        "nothing": None,
        "flags": (True, False),
        "state_dict": module.state_dict(),
        "parameter": torch.nn.Parameter(ramp(3)),
        "list": [ramp(2), (ramp(1, 2), {"deep": ramp(2, 1)})],
        7: ramp(4),
    }
    ordered = collections.OrderedDict((name, ramp(2, 3) + at) for at, name in enumerate(["a.weight", "a.bias", "b.weight"]))
    return {"dtypes": dtypes, "shared": shared, "nested": nested, "ordered": ordered, "lone": ramp(3, 2, dtype=torch.float16)}


def flatten(value, path=""):
    if isinstance(value, torch.Tensor):
        yield path or "tensor", value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from flatten(item, f"{path}.{key}" if path else str(key))
    elif isinstance(value, (list, tuple)):
        for index, item in enumerate(value):
            yield from flatten(item, f"{path}.{index}" if path else str(index))


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    made = cases()
    values = {}
    for name, value in made.items():
        torch.save(value, OUT / f"{name}.pth")
        values[name] = {key: {"dims": list(one.shape), "data": one.detach().double().reshape(-1).tolist()} for key, one in flatten(value)}
    for protocol in (3, 4, 5):
        torch.save(made["nested"], OUT / f"nested_protocol_{protocol}.pth", pickle_protocol=protocol)
    for name in ("dtypes", "shared", "nested"):
        torch.save(made[name], OUT / f"{name}_legacy.pth", _use_new_zipfile_serialization=False)
    for legacy in (False, True):
        hostile = {"weight": ramp(2), "run": Hostile("cobra-hostile-marker")}
        torch.save(hostile, OUT / f"hostile{'_legacy' if legacy else ''}.pth", _use_new_zipfile_serialization=not legacy)
    torch.save({"optimizer": torch.optim.SGD([torch.nn.Parameter(ramp(2))], lr=0.1), "weight": ramp(2)}, OUT / "with_a_class.pth")
    torch.jit.save(torch.jit.script(torch.nn.Linear(2, 2)), OUT / "torchscript.pt")
    ordered = made["ordered"]
    keys = list(ordered)
    shards = {"model-00001-of-00002.safetensors": keys[:2], "model-00002-of-00002.safetensors": keys[2:]}
    for shard, members in shards.items():
        save_safetensors(OUT / shard, {key: ordered[key] for key in members})
    index = {"metadata": {"total_size": 72}, "weight_map": {key: shard for shard, members in shards.items() for key in members}}
    (OUT / "model.safetensors.index.json").write_text(json.dumps(index, indent=1) + "\n")
    (OUT / "values.json").write_text(json.dumps(values) + "\n")


if __name__ == "__main__":
    main()
