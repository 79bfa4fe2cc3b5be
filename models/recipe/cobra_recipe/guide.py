"""Train the guided decoder on the colouring network's own outputs."""

from dataclasses import asdict
from pathlib import Path

import torch
import torch.nn.functional as F

from . import paint
from .config import Config
from .data import Batch
from .feed import Feed
from .guided import GuidedDecoder
from .latent import COLOURS
from .network import Colorizer
from .training import Run, factor, half_is_fast, log_run, save


def quarters(z: torch.Tensor) -> torch.Tensor:
    """A latent's colours as the package's decoder gives them: every quarter one colour, [N,12 or 76,h,w] -> [N,3,8h,8w]."""
    return F.interpolate(F.pixel_shuffle(z[:, :COLOURS], 2), scale_factor=4.0, mode="nearest")


def gradient_loss(a, b):
    """L1 of horizontal and vertical differences."""
    return sum((torch.diff(a, dim=d) - torch.diff(b, dim=d)).abs().mean() for d in (-1, -2))


def load_colorizer(path: str, device: str = "cpu") -> tuple[Colorizer, Config]:
    state = torch.load(path, map_location="cpu")
    cfg = Config(**state["config"])
    net = Colorizer(cfg)
    net.load_state_dict(state["net"])
    return net.eval().requires_grad_(False).to(device), cfg


@torch.no_grad()
def predictions(net: Colorizer, batch: Batch, exact: float, g: torch.Generator) -> torch.Tensor:
    """The network's decoded pictures; a share `exact` of pages instead from the true colours with a little noise."""
    line, hint, refs = batch.latents()
    b, r = refs.shape[:2]
    with torch.autocast(line.device.type, torch.bfloat16, enabled=half_is_fast(line.device.type)):
        kv = net.reference(refs.flatten(0, 1))[0].unflatten(0, (b, r)) if r else net.no_references(line)
        y = net(line, hint, batch.mask, kv).float()[:, :COLOURS]
    truth = paint.unit(batch.fill.float())
    noisy = truth + 0.1 * torch.randn(truth.shape, generator=g).to(truth.device)
    return quarters(torch.where((torch.rand(b, 1, 1, 1, generator=g) < exact).to(y.device), noisy, y)).clamp(-1, 1)


def train(cfg: Config, pool: str, transformer: str, out: str, minutes: float, seed: int = 0, device: str = "cpu", init: str = "") -> None:
    """Resumes from `out`; the colouring network stays as it is."""
    torch.manual_seed(seed)
    torch.set_flush_denormal(True)
    net, _ = load_colorizer(transformer, device)
    model, run, path = GuidedDecoder(cfg).to(device), Run(out, minutes), Path(out)
    opt = torch.optim.AdamW(model.parameters(), 2e-3, betas=(0.9, 0.98), weight_decay=1e-3)
    if path.exists():
        state = torch.load(path, map_location="cpu")
        model.load_state_dict(state["net"])
        opt.load_state_dict(state["optimizer"])
        run.load(state["run"])
    elif init:
        model.load_state_dict(torch.load(init, map_location="cpu")["net"])
    feed, g = Feed(cfg, pool, seed + 3 + run.step, device), torch.Generator().manual_seed(seed + run.step)
    store = lambda: save(path, net=model.state_dict(), optimizer=opt.state_dict(), run=run.state(), config=asdict(cfg))  # noqa: E731
    batch = feed.next()
    run.pause()
    while run.going:
        opt.param_groups[0]["lr"] = 2e-3 * factor(run.progress, run.step)
        batch = batch.to(device)
        colour = predictions(net, batch, 0.25, g)
        truth, line = paint.unit(batch.colour.float()), paint.unit(batch.line.float()).expand(-1, 3, -1, -1)
        picture = model(colour, line)
        off = (picture - truth).abs()
        white = ((truth.amin(1, keepdim=True) > 0.99) & (line[:, :1] > 0.99)).float()
        loss = off.mean() + 0.25 * gradient_loss(picture, truth) + 0.3 * (off * white).mean()
        opt.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        opt.step()
        before = (colour * (line + 1) / 2 - (1 - line) / 2 * 0.85 - truth).abs().mean()
        run.advance(len(truth), loss=loss.item(), before=before.item(), after=off.mean().item())
        run.keep(store, None)
        batch = feed.next()
    store()
    if run.progress >= 1:
        log_run("guided decoder", config=cfg.name, minutes=run.spent / 60, samples=run.samples, seed=seed, **run.mean)
