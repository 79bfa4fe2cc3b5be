"""The patch encoder: embeddings by which a page's quadrant finds the reference patches that show the same characters."""

from dataclasses import asdict
from pathlib import Path

import torch
import torch.nn as nn
import torch.nn.functional as F

from . import paint
from .config import Config
from .data import Maker
from .feed import Pool
from .drawing.ids import PLACE0
from .training import Run, factor, log_run, save
from .layers import NormRes as Res

#: Edge of the input in pixels, length of an embedding.
SIZE, DIM = 96, 64
#: pixel = (x / 255 - MEAN) / STD, every channel.
MEAN, STD = 0.5, 0.5


class PatchEncoder(nn.Module):
    """pixels [N,3,S,S] -> embedding [N,DIM] of unit length."""

    def __init__(self, c: int = 32):
        super().__init__()
        self.inp = nn.Conv2d(3, c, 4, 4)
        self.r1, self.d1 = Res(c, c), nn.Conv2d(c, 2 * c, 3, 2, 1)
        self.r2, self.d2 = Res(2 * c, 2 * c), nn.Conv2d(2 * c, 3 * c, 3, 2, 1)
        self.r3, self.norm = Res(3 * c, 3 * c), nn.GroupNorm(8, 3 * c)
        self.out = nn.Linear(6 * c, DIM)

    def forward(self, x):
        x = F.relu(self.norm(self.r3(self.d2(self.r2(self.d1(self.r1(self.inp(x))))))))
        return F.normalize(self.out(torch.cat([x.mean((2, 3)), x.amax((2, 3))], 1)), dim=1)


def clip_crop(x: torch.Tensor, size: int = SIZE) -> torch.Tensor:
    """[N,3,H,W] 0..255 -> shortest edge to `size`, centre cut, normalised: what the engine feeds."""
    h, w = x.shape[-2:]
    long = int(size * max(h, w) / min(h, w))
    hh, ww = (long, size) if w <= h else (size, long)
    x = F.interpolate(x, (hh, ww), mode="bicubic", antialias=True, align_corners=False).clamp(0, 255)
    y, z = (hh - size) // 2, (ww - size) // 2
    return (x[..., y : y + size, z : z + size] / 255 - MEAN) / STD


def shown(query: torch.Tensor, patch: torch.Tensor) -> torch.Tensor:
    """Share of each query's regions that each patch shows: ids in cells [Q,h,w] and [P,h,w] -> [Q,P] in 0..1.

    Paper does not count and places count little. A patch that shows more of the cast is better for every quadrant, so the whole
    picture beats its crops unless a crop shows something that is too small in the whole.
    """

    def histogram(ids: torch.Tensor) -> torch.Tensor:
        flat = ids.flatten(1).long()
        return torch.zeros(len(flat), 256, device=ids.device).scatter_add_(1, flat, torch.ones_like(flat, dtype=torch.float))

    wanted = histogram(query)
    wanted[:, 0] = 0
    wanted[:, PLACE0:] *= 0.15
    wanted = wanted.sqrt()
    seen = (histogram(patch) / 4).clamp(max=1)
    return (wanted @ seen.T) / wanted.sum(1, keepdim=True).clamp(min=1e-6)


def batch_of(maker: Maker, page, refs, kinds, count: int = 5):
    """Queries (two quadrants a page, as line art, gray or colour), patches, and the wanted similarity [queries, patches]."""
    b = maker.make(page, refs, kinds, count, hints=0.0)
    n, _, h, w = b.colour.shape
    quads, query, query_id = maker.rng.choice(4, 2, replace=False), [], []
    colour, line = b.colour.float(), b.line.float().expand(-1, 3, -1, -1)
    kind = torch.from_numpy(maker.rng.random(n)).to(colour.device)[:, None, None, None]
    source = torch.where(kind < 0.6, line, torch.where(kind < 0.9, paint.gray(colour).expand(-1, 3, -1, -1), colour))
    for q in quads:
        y, x = int(q // 2) * h // 4, int(q % 2) * w // 4
        query.append(clip_crop(source[..., y : y + 3 * h // 4, x : x + 3 * w // 4]))
        query_id.append(b.page_id[:, y // 8 : (y + 3 * h // 4) // 8, x // 8 : (x + 3 * w // 4) // 8])
    patches = clip_crop(b.references.flatten(0, 1).float())
    owner_q = torch.arange(n, device=colour.device).repeat(2)
    owner_p = torch.arange(n, device=colour.device).repeat_interleave(count)
    same = owner_q[:, None] == owner_p[None]
    return torch.cat(query), patches, shown(torch.cat(query_id), b.reference_id.flatten(0, 1)) * same, same


def similarity_loss(net, query, patches, target, same):
    """Cosine similarity is to be the share shown; 0 for patches of other pages, which count half in all. Also returns the similarities."""
    cosine = net(query) @ net(patches).T
    error = (cosine - target) ** 2
    own = (error * same).sum() / same.sum()
    # Order among a page's own patches matters most: differences from their mean count again.
    mean = lambda x: (x * same).sum(1, keepdim=True) / same.sum(1, keepdim=True)  # noqa: E731
    order = (((cosine - mean(cosine)) - (target - mean(target))) ** 2 * same).sum() / same.sum()
    return own + 4 * order + 0.5 * (error * ~same).sum() / (~same).sum().clamp(min=1), cosine


def train(cfg: Config, pool: str, out: str, minutes: float, seed: int = 0, device: str = "cpu") -> None:
    """Resumes from `out`."""
    torch.manual_seed(seed)
    net, run, path = PatchEncoder().to(device), Run(out, minutes), Path(out)
    opt = torch.optim.AdamW(net.parameters(), 1.5e-3, weight_decay=0.02)
    if path.exists():
        state = torch.load(path, map_location="cpu")
        net.load_state_dict(state["net"])
        opt.load_state_dict(state["optimizer"])
        run.load(state["run"])
    data, maker = Pool(pool, max(4, cfg.chunks // 8), seed + run.step, device, follow=device.startswith("cuda")), Maker(seed + 7 + run.step, device)
    store = lambda: save(path, net=net.state_dict(), optimizer=opt.state_dict(), run=run.state(), config=asdict(cfg))  # noqa: E731
    run.pause()
    while run.going:
        opt.param_groups[0]["lr"] = 1.5e-3 * factor(run.progress, run.step)
        query, patches, target, same = batch_of(maker, *data.take(max(12, cfg.batch))[:3])
        loss, logits = similarity_loss(net, query, patches, target, same)
        opt.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        opt.step()
        with torch.no_grad():
            own = logits.masked_fill(~same, -1e9)
            got = target.gather(1, own.argmax(1, keepdim=True)).mean() / target.amax(1).mean()
            right = same.gather(1, logits.argmax(1, keepdim=True)).float().mean()
        blind = ((target.sum(1) / same.sum(1)).mean() / target.amax(1).mean()).item()
        run.advance(len(query), loss=loss.item(), shown=got.item(), blind=blind, right=right.item())
        run.keep(store, data)
    store()
    if run.progress < 1:
        return
    log_run("patch encoder", config=cfg.name, minutes=run.spent / 60, samples=run.samples, seed=seed, **run.mean)


def load(path: str) -> PatchEncoder:
    net = PatchEncoder()
    net.load_state_dict(torch.load(path, map_location="cpu")["net"])
    return net.eval()
