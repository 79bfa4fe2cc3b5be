"""Train the autoencoder on painted pages, references, line art and hint pictures."""

from dataclasses import asdict
from pathlib import Path

import torch
import torch.nn.functional as F

from .config import Config
from .data import Maker, Pool
from .training import Run, factor, log_run, save
from .vae import VAE, gradient_loss

CROP = 128


def crops(batch, maker: Maker, n: int) -> torch.Tensor:
    """n crops [n,3,CROP,CROP] in -1..1: colour, line, hint and reference pictures, some softened, some dimmed."""
    h, w = batch.colour.shape[-2:]
    rh, rw = batch.references.shape[-2:]
    out = []
    for k in range(n):
        source = int(maker.rng.choice(4, p=[0.4, 0.25, 0.1, 0.25]))
        i = int(maker.rng.integers(len(batch.colour)))
        picture = (batch.colour, batch.line, batch.hint)[source][i] if source < 3 else batch.references[i, int(maker.rng.integers(batch.references.shape[1]))]
        height, width = (h, w) if source < 3 else (rh, rw)
        y, x = (int(maker.rng.integers(0, s - CROP + 1)) for s in (height, width))
        picture = picture[:, y : y + CROP, x : x + CROP]
        if maker.rng.random() < 0.2:
            picture = F.interpolate(F.avg_pool2d(picture[None], 2), scale_factor=2, mode="bilinear", align_corners=False)[0]
        if maker.rng.random() < 0.15:
            shade = torch.linspace(0, float(maker.rng.uniform(0, 0.6)), CROP, device=picture.device)
            picture = (picture + 1) * (1 - shade) - 1
        out.append(picture)
    return torch.stack(out).contiguous(memory_format=torch.channels_last)


def train(cfg: Config, pool: str, out: str, minutes: float, seed: int = 0, device: str = "cpu", init: str = "") -> None:
    """L1, gradients, block means, small latents. Sets `scale` so that latents have unit deviation. Resumes from `out`."""
    torch.manual_seed(seed)
    torch.set_flush_denormal(True)
    net, run, path = VAE(cfg.vae4, cfg.vae8, cfg.latent).to(device).to(memory_format=torch.channels_last), Run(out, minutes), Path(out)
    if init and not path.exists():
        state = torch.load(init, map_location="cpu")
        net.load_state_dict(state.get("net", state))
    opt = torch.optim.AdamW(net.parameters(), 2e-3, betas=(0.9, 0.98), weight_decay=1e-4)
    if path.exists():
        state = torch.load(path, map_location="cpu")
        net.load_state_dict(state["net"])
        opt.load_state_dict(state["optimizer"])
        run.load(state["run"])
    data, maker = Pool(pool, max(4, cfg.chunks // 8), seed + run.step, device, follow=device.startswith("cuda")), Maker(seed + 23 + run.step, device)
    size = 8 if cfg.batch <= 8 else 96

    def store() -> None:
        with torch.no_grad():
            net.scale[:] = 1 / torch.cat([net.encode(held[i : i + 32]) for i in range(0, len(held), 32)]).std()
        save(path, net=net.state_dict(), optimizer=opt.state_dict(), run=run.state(), config=asdict(cfg), seed=seed)

    held = crops(maker.make(*data.take(8), 3, hints=0.5), maker, 64)
    run.pause()
    pool_batch = None
    while run.going:
        opt.param_groups[0]["lr"] = 2e-3 * factor(run.progress, run.step, hold=0.5, low=0.02)
        if run.step % 4 == 0:
            pool_batch = maker.make(*data.take(min(32, max(8, size // 3))), 3, hints=0.5)
        x = crops(pool_batch, maker, size)
        with torch.autocast("cuda", torch.bfloat16, enabled=device.startswith("cuda")):
            z = net.encode(x)
            noisy = z + 0.1 * torch.randn_like(z)
            y, flat = net.decode(noisy).float(), net.lin(noisy).float()
        parts = (y - x).abs().mean()
        loss = (
            parts
            + 0.5 * gradient_loss(y, x)
            + 0.5 * (F.avg_pool2d(y, 4) - F.avg_pool2d(x, 4)).abs().mean()
            + 0.3 * (flat - F.avg_pool2d(x, 8)).abs().mean()
            + 2e-3 * z.float().square().mean()
        )
        opt.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        opt.step()
        run.advance(len(x), loss=loss.item(), l1_of_255=parts.item() * 127.5)
        run.keep(store, data)
    store()
    if run.progress >= 1:
        log_run("autoencoder", config=cfg.name, minutes=run.spent / 60, samples=run.samples, seed=seed, scale=float(net.scale), **run.mean)
