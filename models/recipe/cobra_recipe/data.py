"""Batches from the pool: every use of a geometry gets new colours, light, references, line style and hints."""

import queue
import threading
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from . import paint
from .drawing.palette import Palettes

#: Edge of a hint square in pixels, as in Cobra.
HINT_PX = 16
#: Share of samples with hints, and of hinted regions whose colour differs from the references'.
HINTED, REPAINTED = 0.35, 0.7
#: Line pictures: ink, extracted from colour, extracted from ink, then the same with shadow.
LINE_KINDS = [0.33, 0.3, 0.17, 0.08, 0.08, 0.04]


@dataclass
class Batch:
    """Pictures in -1..1 (colour, line, hint [B,3,H,W]; references [B,R,3,H/2,W/2]), mask [B,1,H,W] 0..1,
    ids at latent resolution (page [B,h,w], references [B,R,h/2,w/2]), quadrant [B,R], hinted ids [B,256] bool."""

    colour: torch.Tensor
    line: torch.Tensor
    hint: torch.Tensor
    mask: torch.Tensor
    references: torch.Tensor
    page_id: torch.Tensor
    reference_id: torch.Tensor
    quadrant: torch.Tensor
    hinted: torch.Tensor


class Pool:
    """Chunks of geometries, at most `limit` in memory; `refresh` takes in chunks written since."""

    def __init__(self, folder: str, limit: int, seed: int):
        self.folder, self.limit = Path(folder), limit
        self.rng = np.random.default_rng([seed, 1])
        self.names: set[str] = set()
        self.chunks: list[dict] = []
        self.refresh(limit)

    def refresh(self, most: int = 2) -> None:
        """Load up to `most` new chunks; the oldest leave when the limit is reached."""
        new = [p for p in sorted(self.folder.glob("[0-9]*.npz")) if p.name not in self.names][:most]
        for path in new:
            with np.load(path) as data:
                self.chunks.append({k: data[k] for k in data.files})
            self.names.add(path.name)
        self.chunks = self.chunks[-self.limit :]

    def take(self, n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Geometries of one size: page [n,3,H,W], references [n,K,3,H/2,W/2], kinds [n,8]. n is for 256x256 pages; larger pages come fewer."""
        first = self.chunks[self.rng.integers(len(self.chunks))]
        shape = first["page"].shape
        n = max(1, round(n * 256 * 256 / (shape[2] * shape[3])))
        like = [c for c in self.chunks if c["page"].shape == shape]
        parts, left = [], n
        while left > 0:
            c = first if not parts else like[self.rng.integers(len(like))]
            i = self.rng.choice(len(c["page"]), min(left, len(c["page"])), replace=False)
            parts.append((c["page"][i], c["references"][i], c["kinds"][i]))
            left -= len(i)
        return tuple(np.concatenate(x) for x in zip(*parts))


def light(b: int, g: torch.Generator, device) -> torch.Tensor:
    """Coloured light [B,3]; half of the pictures are neutral."""
    tint = torch.rand(b, 3, generator=g) * 0.11 + 0.93
    return torch.where(torch.rand(b, 1, generator=g) < 0.5, tint, torch.ones(1)).to(device)


class Maker:
    """Makes batches on `device`, a pure function of the seed and the pool's state."""

    def __init__(self, seed: int, device: str = "cpu"):
        self.device = device
        self.g = torch.Generator().manual_seed(seed)
        self.rng = np.random.default_rng([seed, 2])
        self.palettes = Palettes(seed)

    def _cells(self, ids: torch.Tensor) -> torch.Tensor:
        """Region id at the centre of every latent cell."""
        return ids[..., 4::8, 4::8].long()

    def _hints(self, planes: np.ndarray, pal: np.ndarray, share: float):
        """Choose strokes: repaints pal [B,256,3] in place and returns squares [(b, y, x, id)] and hinted [B,256]."""
        b, _, h, w = planes.shape
        squares, hinted = [], np.zeros((b, 256), bool)
        for k in range(b):
            if self.rng.random() >= share:
                continue
            cells = planes[k, 0, 4::8, 4::8]
            present = [i for i in np.unique(cells) if i > 0 and (cells == i).sum() >= 3]
            if not present:
                continue
            for i in self.rng.choice(present, min(len(present), int(self.rng.integers(1, 5))), replace=False):
                if self.rng.random() < REPAINTED:
                    pal[k, i] = pal[self.rng.integers(b), self.rng.integers(1, 100)] if self.rng.random() < 0.5 else self.rng.integers(0, 256, 3)
                at = np.argwhere(cells == i)
                for y, x in at[self.rng.choice(len(at), min(len(at), int(self.rng.integers(1, 4))), replace=False)]:
                    jy, jx = self.rng.integers(-3, 4, 2)
                    squares.append((k, int(np.clip(y * 8 + 4 + jy, 8, h - 8)), int(np.clip(x * 8 + 4 + jx, 8, w - 8)), int(i)))
                hinted[k, i] = True
        return squares, hinted

    def make(self, page: np.ndarray, refs: np.ndarray, kinds: np.ndarray, count: int, hints: float = HINTED, kind: int | None = None) -> Batch:
        """count references a page; kind fixes the line style (an index into LINE_KINDS)."""
        dev, g, rng = self.device, self.g, self.rng
        b, _, h, w = page.shape
        pal = self.palettes.draw(kinds)
        page_pal = pal.copy()
        squares, hinted = self._hints(page, page_pal, hints)
        planes = torch.from_numpy(np.ascontiguousarray(page)).to(dev)
        ink = (torch.tensor([25.0, 18.0, 22.0]) * (torch.rand(b, 1, generator=g) * 1.7 + 0.3)).to(dev)
        rgb = paint.paint(planes, torch.from_numpy(page_pal).to(dev), light(b, g, dev), ink)
        style = torch.full((b,), kind) if kind is not None else torch.from_numpy(rng.choice(6, b, p=LINE_KINDS))
        line = paint.line_art(planes, rgb, style.to(dev))
        hint, mask = line.expand(-1, 3, -1, -1).clone(), torch.zeros_like(line)
        for k, y, x, i in squares:
            s = np.s_[k, :, y - HINT_PX // 2 : y + HINT_PX // 2, x - HINT_PX // 2 : x + HINT_PX // 2]
            colour = page_pal[k, i].astype(np.float32) + rng.normal(0, 3, 3).astype(np.float32)
            hint[s] = torch.from_numpy(colour.clip(0, 255))[:, None, None].to(dev)
            mask[s] = 1.0
        pictures, ids = self._references(refs, pal, ink, count)
        quadrant = torch.from_numpy(rng.integers(0, 4, (b, count))).to(dev)
        ref = pictures.flatten(0, 1)
        return Batch(paint.unit(rgb), paint.unit(line), paint.unit(hint), mask,
                     paint.unit(ref).unflatten(0, (b, count)) if count else ref.unflatten(0, (b, 0)),
                     self._cells(planes[:, 0]), ids, quadrant, torch.from_numpy(hinted).to(dev))  # fmt: skip

    def _references(self, refs: np.ndarray, pal: np.ndarray, ink: torch.Tensor, count: int):
        """count patches a page: whole pictures or 3/4 crops of them, brought to one size. RGB 0..255 and cell ids."""
        dev, rng = self.device, self.rng
        b, k, _, h, w = refs.shape
        pick = np.argsort(rng.random((b, k)), 1)
        pick = np.concatenate([pick, rng.integers(0, k, (b, max(0, count - k)))], 1)[:, :count]
        pictures, ids = [], []
        colours = torch.from_numpy(pal).to(dev)
        for r in range(count):
            p = torch.from_numpy(refs[np.arange(b), pick[:, r]]).to(dev)
            rgb = paint.paint(p, colours, light(b, self.g, dev), ink)
            ident = p[:, :1].float()
            if rng.random() < 0.5:
                ch, cw = 3 * h // 4, 3 * w // 4
                y, x = int(rng.integers(0, h - ch + 1)), int(rng.integers(0, w - cw + 1))
                rgb = F.interpolate(rgb[..., y : y + ch, x : x + cw], (h, w), mode="bilinear", align_corners=False)
                ident = F.interpolate(ident[..., y : y + ch, x : x + cw], (h, w), mode="nearest")
            if rng.random() < 0.5:
                rgb, ident = rgb.flip(-1), ident.flip(-1)
            pictures.append(rgb)
            ids.append(self._cells(ident[:, 0]))
        if not count:
            return torch.zeros(b, 0, 3, h, w, device=dev), torch.zeros(b, 0, h // 8, w // 8, dtype=torch.long, device=dev)
        return torch.stack(pictures, 1), torch.stack(ids, 1)


class Feed:
    """Calls `make` for every batch: at once on a CPU (seeded runs repeat exactly), ahead of time in a thread for a GPU."""

    def __init__(self, make, ahead: int):
        self.make, self.ahead = make, ahead
        self.fault: BaseException | None = None
        if ahead:
            self.queue: queue.Queue = queue.Queue(ahead)
            threading.Thread(target=self._work, daemon=True).start()

    def _work(self) -> None:
        try:
            while True:
                self.queue.put(self.make())
        except BaseException as fault:  # handed on by next()
            self.fault = fault
            self.queue.put(None)

    def next(self):
        """The next batch."""
        if not self.ahead:
            return self.make()
        item = self.queue.get()
        if item is None:
            raise RuntimeError("making batches failed") from self.fault
        return item
