"""Hints chosen on a GPU: many pages at once, without looking at any. As `Maker._hints`, which is faster on a processor."""

import numpy as np
import torch
import torch.nn.functional as F

#: Spare ids begin here, one a hint; hints of a page, at most; half the edge of a hint square in pixels.
SPARE, MOST, HALF = 200, 3, 8
#: Of hinted regions: the share whose colour differs from the references', and the share that lines bound.
REPAINTED, BOUNDED = 0.7, 0.6
#: A region needs so many pixels.
REGION_PX = 150


def ends(open_: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Of each place [..., W]: where the open run that it lies in begins and ends (the first place behind it)."""
    w = open_.shape[-1]
    at = torch.arange(w, device=open_.device).expand(open_.shape)
    begin = torch.where(open_, 0, at + 1).cummax(-1)[0]
    end = torch.where(open_, w, at).flip(-1).cummin(-1)[0].flip(-1)
    return begin, torch.maximum(begin, end)


def sweep(seeds: torch.Tensor, runs: tuple[torch.Tensor, torch.Tensor]) -> torch.Tensor:
    """Places [..., W] of runs that hold a seed."""
    count = F.pad(seeds.cumsum(-1, dtype=torch.int32), (1, 0))
    return count.gather(-1, runs[1]) > count.gather(-1, runs[0])


def flood(seeds: torch.Tensor, open_: torch.Tensor, sweeps: int = 8) -> torch.Tensor:
    """Grow seeds [n,k,H,W] through what is open [n,k,H,W] (both bool) without passing diagonals: along rows and columns in turns, `sweeps` times."""
    rows, columns = ends(open_), ends(open_.mT.contiguous())
    for _ in range(sweeps):
        seeds = sweep(sweep(seeds, rows).mT, columns).mT
    return seeds & open_


def choose(planes: torch.Tensor, palette: torch.Tensor, rng: np.random.Generator, g: torch.Generator, share: float, put):
    """Give hinted regions spare ids in planes [B,3,H,W]. Returns the colours [B,256,3] uint8 with theirs, and the mask [B,1,H,W] (1 + the hint's
    number). palette [B,256,3] uint8; g is the device's generator, put brings arrays there."""
    b, _, h, w = planes.shape
    dev, n = planes.device, int(rng.binomial(b, share))
    painted, mask = palette.clone(), torch.zeros(b, 1, h, w, dtype=torch.uint8, device=dev)
    if n == 0:
        return painted, mask
    rows = put(rng.permutation(b)[:n])
    ids, clear = planes[rows, 0].long(), planes[rows, 2] > 140
    flat = ids.flatten(1)
    # Every region is as likely as any other, by one pixel of it: Gumbel's trick.
    count = torch.zeros(n, 256, device=dev).scatter_add_(1, flat, torch.ones_like(flat, dtype=torch.float32))
    weight = torch.where(count > REGION_PX, -count.clamp(min=1).log(), torch.full_like(count, -1e9))
    weight[:, 0] = -1e9
    weight = weight.gather(1, flat) + torch.where(clear.flatten(1), 0.0, -1e9)
    noise = torch.rand(n, MOST, h * w, generator=g, device=dev).clamp(1e-7, 1 - 1e-6)
    best, at = (weight[:, None] - (-noise.log()).log()).max(2)
    ident = flat.gather(1, at)
    used = (best > -1e8) & (put(rng.integers(1, MOST + 1, n))[:, None] > torch.arange(MOST, device=dev))
    same = (ids[:, None] == ident[:, :, None, None]) & used[:, :, None, None]
    open_ = same & clear[:, None]
    seeds = torch.zeros_like(open_).flatten(2).scatter_(2, at[:, :, None], True).reshape(open_.shape) & open_
    grown = F.max_pool2d(flood(seeds, open_).to(torch.float16 if planes.is_cuda else torch.float32), 3, 1, 1) > 0
    yes = lambda p: put(rng.random((n, MOST)) < p)[:, :, None, None]  # noqa: E731
    region = torch.where(yes(BOUNDED), grown & same, same)
    # A later hint takes from an earlier one.
    number = (region * torch.arange(1, MOST + 1, device=dev, dtype=torch.uint8)[:, None, None]).amax(1)
    region = number[:, None] == torch.arange(1, MOST + 1, device=dev, dtype=torch.uint8)[:, None, None]
    planes[rows, 0] = torch.where(number > 0, number + (SPARE - 1), planes[rows, 0])
    other = palette[put(rng.integers(0, b, (n, MOST))), put(rng.integers(1, 100, (n, MOST)))]
    new = torch.where(yes(0.5)[..., 0], other, put(rng.integers(0, 256, (n, MOST, 3)).astype(np.uint8)))
    old = palette[rows].gather(1, ident[:, :, None].expand(-1, -1, 3))
    painted[rows, SPARE : SPARE + MOST] = torch.where(yes(REPAINTED)[..., 0], new, old)
    # What is drawn of a hint: the region, without its ink or its rim, or some squares.
    area = torch.where(yes(0.5), region & clear[:, None], region)
    rim = -F.max_pool2d(-area.float(), 3, 1, 1) > 0
    area = torch.where(yes(0.4), rim, area)
    points = (torch.where(region.flatten(2), noise, torch.zeros_like(noise))).topk(3, 2)[1]
    shown = put(rng.integers(1, 4, (n, MOST)))[:, :, None] > torch.arange(3, device=dev)
    y, x = torch.arange(h, device=dev), torch.arange(w, device=dev)
    near = lambda p, v: ((v - p[..., None]) >= -HALF) & ((v - p[..., None]) < HALF)  # noqa: E731
    squares = ((near(points // w, y) & shown[..., None])[..., :, None] & near(points % w, x)[..., None, :]).any(2)
    hinted = torch.where(yes(0.75), area, squares & region.flatten(2).any(2)[:, :, None, None])
    mask[rows, 0] = (hinted * torch.arange(1, MOST + 1, device=dev, dtype=torch.uint8)[:, None, None]).amax(1)
    return painted, mask
