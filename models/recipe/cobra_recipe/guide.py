"""Train the guided decoder: line art's hidden features steer the decoder, on the colouring network's own outputs."""

from dataclasses import asdict
from pathlib import Path

import torch
import torch.nn.functional as F

from .config import Config
from .data import Maker, Pool
from .train_transformer import latents, load_vae
from .training import Run, factor, log_run, save
from .transformer import Colorizer
from .vae import Guide, VAE, gradient_loss


class GuidedDecoder(torch.nn.Module):
    """color, line [N,3,H,W] in -1..1 -> picture [N,3,H,W], not clamped. The encoder is the VAE's and stays frozen."""

    def __init__(self, vae: VAE, cfg: Config):
        super().__init__()
        self.vae, self.guide = vae, Guide(cfg.vae4, cfg.vae8)

    def forward(self, colour, line):
        z, a = self.vae.features(colour)
        _, b = self.vae.features(line)
        return self.vae.decode(z, self.guide(a, b))


def warm_start(net: GuidedDecoder, path: str) -> None:
    """From a checkpoint of this recipe or the prototype's fuse.pt."""
    state = torch.load(path, map_location="cpu")
    if "fuse" in state:
        net.guide.load_state_dict(state["fuse"])
        net.vae.load_state_dict(state["vae"])
    else:
        net.load_state_dict(state["net"])


def load_colorizer(path: str, device: str = "cpu") -> tuple[Colorizer, Config]:
    state = torch.load(path, map_location="cpu")
    cfg = Config(**state["config"])
    net = Colorizer(cfg)
    net.load_state_dict(state["net"])
    return net.eval().requires_grad_(False).to(device), cfg


@torch.no_grad()
def predictions(net: Colorizer, vae: VAE, batch, exact: float, g: torch.Generator):
    """The network's decoded pictures; a share `exact` of pages instead from the truth's latent with a little noise."""
    z, line, hint, refs = latents(vae, batch)
    b, r = refs.shape[:2]
    kv = net.encode_references(refs.flatten(0, 1), batch.quadrant.flatten()).unflatten(0, (b, r))
    y = net(line, hint, F.avg_pool2d(batch.mask, 8), kv)
    noisy = z + 0.15 * torch.randn(z.shape, generator=g).to(z.device)
    y = torch.where((torch.rand(b, 1, 1, 1, generator=g) < exact).to(z.device), noisy, y)
    return vae.decode(y / vae.scale).clamp(-1, 1)


def train(cfg: Config, pool: str, vae_path: str, transformer: str, out: str, minutes: float, seed: int = 0, device: str = "cpu", init: str = "", crop: int = 192) -> None:
    """Decoder and guide on crops of predictions; predictions are used `reuse` times. Resumes from `out`."""
    torch.manual_seed(seed)
    torch.set_flush_denormal(True)
    vae = load_vae(vae_path, cfg, device)
    net, _ = load_colorizer(transformer, device)
    model = GuidedDecoder(load_vae(vae_path, cfg, device), cfg).to(device)
    run, path = Run(out, minutes), Path(out)
    trained = list(model.guide.parameters()) + model.vae.decoder_parameters()
    if init and not path.exists():
        warm_start(model, init)
    for p in trained:
        p.requires_grad_(True)
    opt = torch.optim.AdamW(trained, 8e-4, betas=(0.9, 0.98), weight_decay=1e-3)
    if path.exists():
        state = torch.load(path, map_location="cpu")
        model.load_state_dict(state["net"])
        opt.load_state_dict(state["optimizer"])
        run.load(state["run"])
    data, maker = Pool(pool, max(4, cfg.chunks // 8), seed + 3 + run.step, device, follow=device.startswith("cuda")), Maker(seed + 11 + run.step, device)
    store = lambda: save(path, net=model.state_dict(), optimizer=opt.state_dict(), run=run.state(), config=asdict(cfg))  # noqa: E731
    run.pause()
    reuse, held = 3, []
    while run.going:
        opt.param_groups[0]["lr"] = 8e-4 * factor(run.progress, run.step)
        if run.step % reuse == 0:
            batch = maker.make(*data.take(max(8, cfg.batch // 2)), min(cfg.references, 5))
            held = [(batch.colour, batch.line, predictions(net, vae, batch, 0.3, maker.g))]
        truth, line, colour = held[-1]
        h, w = truth.shape[-2:]
        size = min(crop, h, w)
        y, x = (8 * int(maker.rng.integers(0, (n - size) // 8 + 1)) for n in (h, w))
        truth, line, colour = (t[..., y : y + size, x : x + size] for t in (truth, line, colour))
        out_ = model(colour, line)
        white = ((truth.amin(1, keepdim=True) > 0.99) & (line[:, :1] > 0.99)).float()
        plain = (out_ - truth).abs()
        loss = plain.mean() + 0.25 * gradient_loss(out_, truth) + 0.5 * (F.avg_pool2d(out_, 4) - F.avg_pool2d(truth, 4)).abs().mean() + 0.3 * (plain * white).mean()
        opt.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        opt.step()
        run.advance(len(truth), loss=loss.item(), before=(colour - truth).abs().mean().item(), after=plain.mean().item())
        run.keep(store, data)
    store()
    if run.progress < 1:
        return
    log_run("guided decoder", config=cfg.name, minutes=run.spent / 60, samples=run.samples, seed=seed, **run.mean)
