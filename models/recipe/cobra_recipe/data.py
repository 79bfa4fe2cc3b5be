"""Batches from the pool: every use of a geometry gets new colours, light, references, line style and hints."""

import queue
import threading
import time
from concurrent.futures import ThreadPoolExecutor
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
    """Chunks of geometries as tensors on `device`, at most `limit`; `refresh` takes in chunks written since.

    With `follow` a thread does that all the time, beginning as soon as the first chunk is there.
    """

    def __init__(self, folder: str, limit: int, seed: int, device: str = "cpu", follow: bool = False):
        self.folder, self.limit, self.device, self.follow = Path(folder), limit, device, follow
        self.rng = np.random.default_rng([seed, 1])
        self.names: set[str] = set()
        self.chunks: list[dict[str, torch.Tensor]] = []
        self.refresh(1 if follow else limit)
        if follow:
            threading.Thread(target=self._follow, daemon=True).start()

    def _follow(self) -> None:
        while True:
            if not self._load(8):
                time.sleep(1)

    def refresh(self, most: int = 2) -> None:
        """Load up to `most` new chunks; the oldest leave when the limit is reached. Does nothing for a pool that follows."""
        if not (self.follow and self.chunks):
            self._load(most)

    def _load(self, most: int) -> int:
        new = [p for p in sorted(self.folder.glob("[0-9]*.npz")) if p.name not in self.names][:most]

        def read(path: Path) -> dict[str, torch.Tensor]:
            with np.load(path) as data:
                return {k: torch.from_numpy(data[k]).to(self.device if k != "kinds" else "cpu") for k in data.files}

        with ThreadPoolExecutor(4 if self.follow else 1) as pool:
            loaded = list(pool.map(read, new))
        self.names |= {p.name for p in new}
        self.chunks = (self.chunks + loaded)[-self.limit :]
        return len(new)

    def take(self, n: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Geometries of one size: page [n,3,H,W], references [n,K,3,H/2,W/2], kinds [n,8]. n is for 256x256 pages; larger pages come fewer."""
        chunks = self.chunks
        first = chunks[self.rng.integers(len(chunks))]
        shape = first["page"].shape
        n = max(1, round(n * 256 * 256 / (shape[2] * shape[3])))
        like = [c for c in chunks if c["page"].shape == shape]
        parts, left = [], n
        while left > 0:
            c = first if not parts else like[self.rng.integers(len(like))]
            i = torch.from_numpy(self.rng.choice(len(c["page"]), min(left, len(c["page"]), 16 if n > 64 else left), replace=False))
            parts.append([c[k][i.to(c[k].device)] for k in ("page", "references", "kinds")])
            left -= len(i)
        return tuple(torch.cat(x) for x in zip(*parts))


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

    def _hints(self, ids: np.ndarray, pal: np.ndarray, share: float):
        """Choose strokes in pages with the given cell ids [B,h,w]: repaints pal [B,256,3] in place, returns squares [(b, y, x, id)] and hinted [B,256]."""
        b, h, w = ids.shape[0], 8 * ids.shape[1], 8 * ids.shape[2]
        squares, hinted = [], np.zeros((b, 256), bool)
        for k in range(b):
            if self.rng.random() >= share:
                continue
            cells = ids[k]
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

    def make(self, page: torch.Tensor, refs: torch.Tensor, kinds: torch.Tensor, count: int, hints: float = HINTED, kind: int | None = None) -> Batch:
        """count references a page; kind fixes the line style (an index into LINE_KINDS)."""
        dev, g, rng = self.device, self.g, self.rng
        b = len(page)
        pal = self.palettes.draw(kinds.numpy())
        page_pal = pal.copy()
        planes = page.to(dev)
        page_id = self._cells(planes[:, 0])
        squares, hinted = self._hints(page_id.cpu().numpy(), page_pal, hints)
        ink = (torch.tensor([25.0, 18.0, 22.0]) * (torch.rand(b, 1, generator=g) * 1.7 + 0.3)).to(dev)
        rgb = paint.paint(planes, torch.from_numpy(page_pal).to(dev), light(b, g, dev), ink)
        style = torch.full((b,), kind) if kind is not None else torch.from_numpy(rng.choice(6, b, p=LINE_KINDS))
        line = paint.line_art(planes, rgb, style.to(dev))
        hint, mask = line.expand(-1, 3, -1, -1).clone(), torch.zeros_like(line)
        if squares:
            k, y, x, i = np.array(squares).T
            colour = (page_pal[k, i] + rng.normal(0, 3, (len(k), 3))).clip(0, 255).astype(np.float32)
            dy, dx = (o.reshape(1, -1) - HINT_PX // 2 for o in np.mgrid[:HINT_PX, :HINT_PX])
            at = [torch.from_numpy(v.reshape(-1)).to(dev) for v in (np.repeat(k[:, None], HINT_PX**2, 1), y[:, None] + dy, x[:, None] + dx)]
            hint.permute(0, 2, 3, 1)[at[0], at[1], at[2]] = torch.from_numpy(np.repeat(colour, HINT_PX**2, 0)).to(dev)
            mask[at[0], 0, at[1], at[2]] = 1.0
        pictures, ids = self._references(refs, pal, ink, count)
        quadrant = torch.from_numpy(rng.integers(0, 4, (b, count))).to(dev)
        ref = pictures.flatten(0, 1)
        return Batch(paint.unit(rgb), paint.unit(line), paint.unit(hint), mask,
                     paint.unit(ref).unflatten(0, (b, count)) if count else ref.unflatten(0, (b, 0)),
                     page_id, ids, quadrant, torch.from_numpy(hinted).to(dev))  # fmt: skip

    def _references(self, refs: torch.Tensor, pal: np.ndarray, ink: torch.Tensor, count: int):
        """count patches a page: whole pictures or 3/4 crops of them, brought to one size. RGB 0..255 and cell ids."""
        dev, rng = self.device, self.rng
        b, k, _, h, w = refs.shape
        pick = np.argsort(rng.random((b, k)), 1)
        pick = np.concatenate([pick, rng.integers(0, k, (b, max(0, count - k)))], 1)[:, :count]
        pictures, ids = [], []
        colours = torch.from_numpy(pal).to(dev)
        for r in range(count):
            p = refs[torch.arange(b, device=refs.device), torch.from_numpy(pick[:, r]).to(refs.device)].to(dev)
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
