"""Times the peer on a device with random weights. Prints a line of JSON for each figure."""
import argparse
import json
import time

import torch

from cobra_torch import Cobra, TransformerConfig, Vae, VaeConfig

SIZES = {
    "full": (TransformerConfig(), VaeConfig()),
    "tiny": (TransformerConfig(2, 12, 4, 2, 4, 8, 24), VaeConfig((8, 12, 16, 16), 2, 4)),
}
QUADRANTS = 4
PREFIX = "PyTorch"


def emit(figure: str, value, unit: str = "") -> None:
    print(json.dumps({"figure": f"{PREFIX}, {figure}", "value": value, "unit": unit}), flush=True)


def median_ms(work, device: str, rounds: int = 5) -> tuple:
    """Median of some rounds after one to warm up, and the first."""

    def once() -> float:
        begun = time.perf_counter()
        work()
        if device.startswith("cuda"):
            torch.cuda.synchronize()
        return (time.perf_counter() - begun) * 1000

    first = once()
    once()
    return sorted(once() for _ in range(rounds))[rounds // 2], first


@torch.inference_mode()
def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--size", choices=SIZES, default="full")
    parser.add_argument("--width", type=int, default=640)
    parser.add_argument("--height", type=int, default=1024)
    parser.add_argument("--top-k", type=int, default=3)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--compile", action="store_true")
    args = parser.parse_args()
    device = args.device
    # Half precision is slow on most processors, and not what anybody would use there.
    dtype = torch.float32 if device == "cpu" else torch.float16
    emit("version", f"{torch.__version__}, {str(dtype).split('.')[1]}{', compiled' if args.compile else ''}")
    torch.backends.cudnn.benchmark = True
    torch.manual_seed(1)
    config, vae_config = SIZES[args.size]
    with torch.device(device):
        model = Cobra(config).to(dtype).eval()
        vae = Vae(vae_config).to(dtype).eval()
    if device != "cpu":
        vae = vae.to(memory_format=torch.channels_last)
    h, w = args.height // 8, args.width // 8
    heads, size = config.heads, config.head_size
    make = lambda *dims: torch.randn(*dims, device=device, dtype=dtype)
    count = QUADRANTS * args.top_k
    tokens = (h // 4) * (w // 4)
    references = [(make(1, heads, count * tokens, size), make(1, heads, count * tokens, size)) for _ in range(config.layers)]
    prompt = model.main.fold_prompt(make(config.caption_channels))
    resolution = torch.tensor([[args.height, 2 * args.width]], device=device, dtype=torch.float32)
    timestep = torch.tensor([999.0], device=device)
    page = [make(1, 4, h, w), make(1, 4, h, w), make(1, 4, h, w), make(1, 1, h, w)]
    image, noise = make(1, 3, args.height, args.width), make(1, 4, h, w)
    patch = make(1, 4, h // 2, w // 2)
    if args.compile:
        model.forward = torch.compile(model.forward)
        vae.encode = torch.compile(vae.encode)
        vae.decode = torch.compile(vae.decode)
    parts = {
        f"denoising step, k = {args.top_k}": lambda: model(*page, timestep, resolution, prompt, references),
        "reference_encoder": lambda: model.encode_reference(patch, 1, resolution, prompt),
        "vae_encoder": lambda: vae.encode(image, noise),
        "vae_decoder": lambda: vae.decode(noise),
    }
    times = {}
    for figure, work in parts.items():
        times[figure], first = median_ms(work, device)
        emit(figure, times[figure], "ms")
        emit(f"{figure}, first run", first, "ms")
    step, _, encode, decode = times.values()
    emit(f"page by transformer and VAE, {args.steps} steps", args.steps * step + 2 * encode + decode, "ms")
    if device.startswith("cuda"):
        emit("memory at most", torch.cuda.max_memory_allocated() / 2**20, "MiB")


if __name__ == "__main__":
    main()
