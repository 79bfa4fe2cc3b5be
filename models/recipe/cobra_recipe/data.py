"""Batches from the pool: every use of a geometry gets new colours, light, references, line style and hints."""

import os
from dataclasses import dataclass, fields

import cv2
import numpy as np
import torch
import torch.nn.functional as F

from . import paint
from .drawing.palette import Palettes, recolour_all
from .hints import choose
from .latent import PURE_CHANNELS, colours, encode, encode_reference, luma, pixels

#: Edge of a hint square in pixels, as in Cobra.
HINT_PX = 16
#: Share of samples with hints, and of hinted regions whose colour differs from the references'.
HINTED, REPAINTED = 0.3, 0.7
#: What pages are drawn as: ink alone, the gray of the coloured page, ink with tones of their own (as manga has them), lines traced from
#: the gray page; and the share of each in the style `line + shadow`.
INK, GRAY, TONED, TRACED = range(4)
PAGE_KINDS, SHADOWED = [0.42, 0.2, 0.12, 0.26], [0.12, 0.35, 0.3, 0.12]
#: The same with `Config.lines`, and then the share FAR.
LINE_KINDS, LINE_FAR = [0.36, 0.12, 0.1, 0.42], 0.8
#: Share of pages and of references that are bent, turned and cut.
WARPED = 0.5
#: Of bent pages, the share of close-ups: figures as large as on real pages at the package's size.
CLOSE = 0.4
#: A region with less than this share of a picture is small: a cell with TAKES of its 16 samples in it is its own, not its middle's.
SMALL, TAKES = 0.012, 3
#: Share of batches at two thirds of their size, as the second look of `scales.py` sees them, where pages have sizes for it (`pool.LOOK_SIZES`).
FAR = 0.5
#: Ids from here on are regions with a colour of their own.
SPARE = 200


@dataclass
class Batch:
    """What a step needs. B pages of H x W pixels, h x w cells; R references of half the size, hr x wr cells.

    line [B,1,H,W], hint [B,3,H,W] and colour [B,3,H,W] (the finished page, for the guided decoder) are uint8; fill [B,12,h,w] (uint8,
    the page's colours without ink), mask [B,1,h,w] (0..1), page_id [B,h,w]; references [B,R,3,H/2,W/2] uint8, reference_id
    [B,R,hr,wr] and reference_fill [B,R,3,hr,wr] (uint8, colour at a cell's centre without ink). traits [B,8,3] are the
    cast's (255: nobody or not known), classes [B,256] the ids' (255: not known). `ready` holds latents made ahead, `small` [B,h,w] tells
    cells of small regions.
    """

    line: torch.Tensor
    hint: torch.Tensor
    colour: torch.Tensor
    fill: torch.Tensor
    mask: torch.Tensor
    page_id: torch.Tensor
    references: torch.Tensor
    reference_id: torch.Tensor
    reference_fill: torch.Tensor
    traits: torch.Tensor | None = None
    classes: torch.Tensor | None = None
    ready: tuple[torch.Tensor, ...] = ()
    small: torch.Tensor | None = None

    def to(self, device: str) -> "Batch":
        if device == "cpu":
            return self
        move = lambda x: x.to(device) if isinstance(x, torch.Tensor) else x  # noqa: E731
        moved = {f.name: move(getattr(self, f.name)) for f in fields(self) if f.name != "ready"}
        return Batch(**moved, ready=tuple(move(x) for x in self.ready))

    def latents(self) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Latents of line [B,76,h,w], hint [B,76,h,w] and references [B,R,88,hr,wr]."""
        if self.ready:
            line, hint, refs = (x.float() for x in self.ready)
            return line, hint if hint.numel() else line, refs
        gray = paint.unit(self.line.float())
        line = torch.cat([F.pixel_unshuffle(colours(gray.expand(-1, 3, -1, -1)), 2), pixels(gray)], 1)
        # On a GPU looking whether there are hints would wait for all that is under way.
        hint = encode(paint.unit(self.hint.float())) if self.mask.is_cuda or self.mask.any() else line
        b, r = self.references.shape[:2]
        refs = line.new_zeros(b, 0, PURE_CHANNELS, line.shape[2] // 2, line.shape[3] // 2)
        if r:
            refs = encode_reference(paint.unit(self.references.flatten(0, 1).float())).unflatten(0, (b, r))
        return line, hint, refs

    def ahead(self) -> "Batch":
        """The batch with its latents made (half precision: pixels have 8 bits)."""
        line, hint, refs = self.latents()
        self.ready = (line.half(), hint.half() if hint is not line else line.new_zeros(0).half(), refs.half())
        return self


def light(b: int, g: torch.Generator, device) -> torch.Tensor:
    """Coloured light [B,3]; half of the pictures are neutral."""
    tint = torch.rand(b, 3, generator=g, device=g.device) * 0.11 + 0.93
    return torch.where(torch.rand(b, 1, generator=g, device=g.device) < 0.5, tint, torch.ones_like(tint)).to(device)


def bend(planes: torch.Tensor, g: torch.Generator, close: float = 0.0) -> torch.Tensor:
    """Planes [N,3,H,W] uint8 (id, tone, ink) bent smoothly, turned, stretched and enlarged, each in its own way (a share WARPED of them).

    `close`: the share of these that is enlarged to about twice its size.
    """
    chosen = torch.rand(len(planes), generator=g, device=g.device).argsort()[: round(len(planes) * WARPED)]
    n, (h, w) = len(chosen), planes.shape[-2:]
    if n == 0:
        return planes
    uniform = lambda a, b: a + (b - a) * torch.rand(n, generator=g, device=g.device)  # noqa: E731
    normal = lambda *shape: torch.randn(n, *shape, generator=g, device=g.device)  # noqa: E731
    zoom, turn = uniform(-0.05, 0.45), 0.06 * normal()
    zoom = torch.where(uniform(0, 1) < close, zoom + 0.4, zoom).exp()
    sx, sy = (0.1 * normal()).exp() * zoom, (0.1 * normal()).exp() * zoom
    # The middle of what is shown, in -1..1, and where each place comes from.
    cx, cy = uniform(-0.3, 0.3), uniform(-0.4, 0.2)
    across = h / w
    affine = torch.stack([torch.stack([turn.cos() / sx, -turn.sin() / sy * across, cx], 1), torch.stack([turn.sin() / sx / across, turn.cos() / sy, cy], 1)], 1)
    grid = F.affine_grid(affine, [n, 3, h, w], align_corners=False)
    field = F.interpolate(normal(2, 5, 5) * 0.036, (h, w), mode="bicubic", align_corners=False)
    field = torch.stack([field[:, 0] * (min(h, w) / w), field[:, 1] * (min(h, w) / h)], 1)
    grid, chosen, out = (grid + field.permute(0, 2, 3, 1)).to(planes.device), chosen.to(planes.device), planes.clone()
    sample = lambda x, mode: F.grid_sample(x.float(), grid, mode=mode, padding_mode="reflection", align_corners=False)  # noqa: E731
    some = planes[chosen]
    out[chosen] = torch.cat([sample(some[:, :2], "nearest"), sample(some[:, 2:], "bilinear")], 1).round().clamp(0, 255).byte()
    return out


def owners(ids: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Which place of its 16 samples each cell of ids [N,H,W] stands for [N,h,w], and whether that is a small region's: the smallest of the small
    ones that take enough of it, or else its middle."""
    n, h, w = ids.shape
    s = F.pixel_unshuffle(ids[:, None, 1::2, 1::2].float(), 4)
    flat = ids.flatten(1).long()
    area = torch.zeros(n, 256, device=ids.device).scatter_add_(1, flat, torch.ones_like(flat, dtype=torch.float32)) / (h * w)
    size = area.gather(1, s.flatten(1).long()).reshape(s.shape)
    count = (s[:, :, None] == s[:, None]).sum(2)
    size = torch.where((s > 0) & (count >= TAKES) & (size < SMALL), size, 1.0)
    least, at = size.min(1)
    return torch.where(least < SMALL, at, torch.full_like(at, 10)), least < SMALL


def sampled(x: torch.Tensor, at: torch.Tensor) -> torch.Tensor:
    """Of planes [N,c,H,W] the sample that each cell stands for (see `owners`) -> [N,c,h,w]."""
    s = F.pixel_unshuffle(x[:, :, 1::2, 1::2].float(), 4).unflatten(1, (x.shape[1], 16))
    return s.gather(2, at[:, None, None].expand(-1, x.shape[1], -1, -1, -1))[:, :, 0]


def further(planes: torch.Tensor) -> torch.Tensor:
    """Planes [N,3,H,W] uint8 (id, tone, ink) at two thirds of their size."""
    size = (planes.shape[2] * 2 // 3, planes.shape[3] * 2 // 3)
    ink = F.avg_pool2d(F.interpolate(planes[:, 2:].float(), scale_factor=2.0, mode="nearest"), 3)
    return torch.cat([F.interpolate(planes[:, :2], size, mode="nearest"), ink.round().byte()], 1)


class Maker:
    """Makes batches on `device`, a pure function of the seed and the pool's state."""

    def __init__(self, seed: int, device: str = "cpu", lines: bool = False):
        self.device = device
        self.kinds, self.far = (LINE_KINDS, LINE_FAR) if lines else (PAGE_KINDS, FAR)
        # Everything is made on the GPU there, without waiting for it; hints then are chosen by other means (`hints.py`).
        self.there = device != "cpu" or bool(os.environ.get("RECIPE_AS_ON_GPU"))
        self.g = torch.Generator(device).manual_seed(seed)
        self.rng = np.random.default_rng([seed, 2])
        self.palettes = Palettes(seed)

    def _hints(self, planes: torch.Tensor, pal: np.ndarray, share: float):
        """Choose hinted regions: gives them spare ids in planes [B,3,H,W] and colours in pal [B,256,3]. Returns the mask [B,H,W] uint8 (1 + the hint's number)."""
        b, _, h, w = planes.shape
        mask = np.zeros((b, h, w), np.uint8)
        for k in range(b):
            if self.rng.random() >= share:
                continue
            ids, ink = planes[k, 0].cpu().numpy(), planes[k, 2].cpu().numpy()
            count = np.bincount(ids.ravel(), minlength=256)
            count[0] = 0
            present = np.flatnonzero(count > 150)
            if not len(present):
                continue
            for n, i in enumerate(self.rng.choice(present, min(len(present), int(self.rng.integers(1, 4))), replace=False)):
                region = (ids == i).astype(np.uint8)
                if self.rng.random() < 0.6:
                    # A region that lines bound, as a stroke grows to; small ones are no use.
                    _, parts, stats, _ = cv2.connectedComponentsWithStats(region & (ink > 140).astype(np.uint8), connectivity=4)
                    at = 1 + int(stats[1:, 4].argmax()) if len(stats) > 1 else 0
                    region = cv2.dilate((parts == at).astype(np.uint8), np.ones((3, 3), np.uint8)) & region
                colour = pal[k, i]
                if self.rng.random() < REPAINTED:
                    colour = pal[self.rng.integers(b), self.rng.integers(1, 100)] if self.rng.random() < 0.5 else self.rng.integers(0, 256, 3)
                spare = SPARE + n
                pal[k, spare] = colour
                planes[k, 0][torch.from_numpy(region > 0).to(planes.device)] = spare
                kind = self.rng.random()
                if kind < 0.75:
                    hinted = region & (ink > 120) if self.rng.random() < 0.5 else region
                    if self.rng.random() < 0.4:
                        hinted = cv2.erode(hinted, np.ones((3, 3), np.uint8))
                else:
                    hinted = np.zeros_like(region)
                    at = np.argwhere(region)
                    for y, x in at[self.rng.choice(len(at), int(self.rng.integers(1, 4)))]:
                        hinted[max(0, y - HINT_PX // 2) : y + HINT_PX // 2, max(0, x - HINT_PX // 2) : x + HINT_PX // 2] = 1
                mask[k][hinted > 0] = 1 + n
        return mask

    def _rand(self, *shape: int) -> torch.Tensor:
        return torch.rand(*shape, generator=self.g, device=self.device)

    def _put(self, x: np.ndarray) -> torch.Tensor:
        """An array on the device, without waiting for what is under way there."""
        x = torch.from_numpy(np.ascontiguousarray(x))
        return x if self.device == "cpu" else x.pin_memory().to(self.device, non_blocking=True)

    def _styled(self, ink: torch.Tensor) -> torch.Tensor:
        """Ink [B,1,H,W] 0..255 as other pens draw it: thicker, softer, paler, with gaps."""
        b = len(ink)
        chance = lambda p: (self._rand(b) < p)[:, None, None, None]  # noqa: E731
        strength = self._rand(b, 4)[:, :, None, None, None]
        thick, thin = -F.max_pool2d(-ink, 3, 1, 1), F.max_pool2d(F.pad(ink, (0, 1, 0, 1), value=255.0), 2, 1)
        pen = self._rand(b)[:, None, None, None]
        ink = torch.where(pen < 0.25, ink + (thick - ink) * strength[:, 0], ink)
        ink = torch.where(pen > 0.65, ink + (thin - ink) * (0.35 + 0.5 * strength[:, 3]), ink)
        ink = torch.where(chance(0.3), paint.gaussian(ink, 0.4 + 0.5 * self.rng.random(), 2), ink)
        ink = torch.where(chance(0.35), 255 - (255 - ink) * (1 - 0.5 * strength[:, 1]), ink)
        h, w = ink.shape[-2:]
        gaps = F.interpolate(self._rand(b, 1, h // 16, w // 16), (h, w), mode="bilinear", align_corners=False)
        return torch.where(chance(0.25) & (gaps > 0.8 + 0.15 * strength[:, 2]), torch.full_like(ink, 255.0), ink)

    def _gray(self, pen, planes, fill, pal, ink, what, plain: bool) -> torch.Tensor:
        """The gray [B,1,H,W] 0..255 of pages of each kind [B], as they come to the line extractor."""
        b, rng = len(pen), self.rng
        gray = paint.gray(paint.inked(fill, pen, ink))
        if not plain:
            gamma = self._rand(b, 1, 1, 1) * 0.7 + 0.7
            gray = 255 * (gray / 255).clamp(min=0) ** gamma
        # Tones of manga: what is dark may be black, some areas have a screen's gray, the rest stays white.
        luma = pal.astype(np.float32) @ np.array([0.299, 0.587, 0.114], np.float32)
        chance = rng.random(luma.shape)
        black = chance < np.where(luma < 70, 0.75, 0.04)
        screen = (chance > 0.72) & ~black
        tones = np.where(black, rng.integers(5, 60, luma.shape), np.where(screen, np.clip(luma + rng.normal(0, 45, luma.shape), 90, 235), 255))
        tones[:, 0] = 255
        palette = np.repeat(tones[..., None], 3, 2).astype(np.uint8)
        toned = paint.gray(paint.inked(paint.fill(planes, self._put(palette), torch.ones(b, 3, device=pen.device)), pen, ink))
        of = lambda k: (what == k)[:, None, None, None]  # noqa: E731
        drawn = torch.where(of(GRAY), gray, torch.where(of(TONED), self._screened(toned) if not plain else toned, pen))
        if plain:
            return torch.where(of(TRACED), paint.xdog(gray), drawn)
        bare = self._put(rng.random(b) < 0.35)[:, None, None, None]
        page = torch.where(of(TRACED), self._traced(torch.where(bare, paint.gray(fill), gray)), drawn)
        return self._scanned(page)

    def _traced(self, gray: torch.Tensor) -> torch.Tensor:
        """Lines of gray pages [B,1,H,W], extracted in several ways; without ink the borders of colours are all there is."""
        rng = self.rng
        lines = paint.xdog(gray, float(rng.uniform(0.6, 1.3)), float(rng.uniform(6, 20)))
        divided = paint.divide(gray, int(rng.choice([5, 7, 9])), float(rng.uniform(1, 3.5)))
        ways = self._put(rng.random(len(gray)))[:, None, None, None]
        soft = paint.gaussian(gray, 0.8, 2)
        side = int(rng.choice([9, 11, 13, 17, 21]))
        mean = F.avg_pool2d(F.pad(soft, (side // 2,) * 4, mode="replicate"), side, 1)
        cut = torch.where(soft > mean - float(rng.uniform(4, 11)), 255.0, 0.0)
        return torch.where(ways < 0.3, divided, torch.where(ways < 0.55, cut, lines))

    def _screened(self, gray: torch.Tensor) -> torch.Tensor:
        """Half of the pages get dots for their middle tones."""
        h, w = gray.shape[-2:]
        y, x = torch.meshgrid(torch.arange(h, device=gray.device), torch.arange(w, device=gray.device), indexing="ij")
        turn, period = self.rng.uniform(0.3, 1.2), self.rng.uniform(2.5, 5)
        c, s = np.cos(turn) * 2 * np.pi / period, np.sin(turn) * 2 * np.pi / period
        dots = ((x * c + y * s).cos() * (y * c - x * s).cos() * 0.5 + 0.5) * 255
        screen = torch.where(gray > dots, 255.0, 60.0)
        middle = (gray > 80) & (gray < 245) & self._put(self.rng.random(len(gray)) < 0.5)[:, None, None, None]
        return torch.where(middle, screen, gray)

    def _scanned(self, page: torch.Tensor) -> torch.Tensor:
        """One page in five comes from a scanner: uneven paper, noise, blur."""
        rng, (b, _, h, w) = self.rng, page.shape
        paper = F.interpolate(self._rand(b, 1, 3, 3), (h, w), mode="bilinear", align_corners=False)
        amount = self._rand(b, 3, 1, 1)
        noise = torch.randn(b, 1, h, w, generator=self.g, device=self.device) * 9 * amount[:, :1]
        scan = page * (1 - 0.12 * amount[:, 1:2] * paper) + noise
        scan = torch.where(amount[:, 2:] < 0.4, paint.gaussian(scan, 0.7, 2), scan).clamp(0, 255)
        return torch.where(self._put(rng.random(b) < 0.2)[:, None, None, None], scan, page)

    def make(self, page: torch.Tensor, refs: torch.Tensor, kinds: torch.Tensor, count: int, hints: float = HINTED, kind: int | None = None, known=None) -> Batch:
        """count references a page; kind fixes what pages are drawn as (INK, GRAY, TONED, TRACED) and keeps pen and geometry as they are; known:
        colours [B,256,3] of other people's drawings, and which figure each id belongs to [B,256] (0: none)."""
        dev, g, rng = self.device, self.g, self.rng
        b = len(page)
        if kind is None and page.shape[2] % 96 == 0 and page.shape[3] % 96 == 0 and rng.random() < self.far:
            page = further(page)
        if kind is None:
            page, refs = bend(page, g, CLOSE), bend(refs.flatten(0, 1), g).unflatten(0, refs.shape[:2])
        pal = self.palettes.draw(kinds.numpy())
        if known:
            recolour_all(rng, pal, *known)
        page_pal, planes = pal.copy(), page.to(dev).clone()
        owner, small = owners(planes[:, 0])
        page_id = sampled(planes[:, :1], owner)[:, 0].byte()
        palette = self._put(pal)
        if self.there:
            painted, mask = choose(planes, palette, rng, self.g, hints, self._put)
        else:
            numbers = self._hints(planes, page_pal, hints)
            painted, mask = torch.from_numpy(page_pal), torch.from_numpy(numbers)[:, None]
        ink = self._put(np.array([25.0, 18.0, 22.0], np.float32)) * (self._rand(b, 1) * 1.7 + 0.3)
        fill = paint.fill(planes, painted, light(b, g, dev))
        rgb = paint.inked(fill, planes, ink)
        what = np.full(b, kind) if kind is not None else rng.choice(4, b, p=self.kinds)
        shadow = self._rand(b) < self._put(np.float32(SHADOWED)[what] * (kind is None))
        pen = planes[:, 2:3].float() if kind is not None else self._styled(planes[:, 2:3].float())
        line = paint.line_art(self._gray(pen, planes, fill, page_pal, ink, self._put(what), plain=kind is not None), shadow).round().clamp(0, 255)
        hint = line.expand(-1, 3, -1, -1)
        if self.there or numbers.any():
            own = painted[:, SPARE - 1 : SPARE + 4].float()
            index = mask.reshape(b, 1, -1).long().expand(-1, 3, -1)
            hint = torch.where(mask > 0, own.transpose(1, 2).gather(2, index).reshape(hint.shape), hint)
        pictures, ids, centres = self._references(refs, palette, ink, count)
        byte = lambda x: x.round().clamp(0, 255).byte()  # noqa: E731
        return Batch(byte(line), byte(hint), byte(rgb), byte(F.pixel_unshuffle(F.avg_pool2d(fill, 4), 2)), F.avg_pool2d((mask > 0).float(), 8),
                     page_id, byte(pictures), ids, byte(centres), small=small)  # fmt: skip

    def _references(self, refs: torch.Tensor, palette: torch.Tensor, ink: torch.Tensor, count: int):
        """count patches a page: whole pictures or 3/4 crops of them, brought to one size. RGB 0..255, cell ids, colours at cell centres."""
        dev, rng = self.device, self.rng
        b, k, _, h, w = refs.shape
        if not count:
            return torch.zeros(b, 0, 3, h, w, device=dev), torch.zeros(b, 0, h // 8, w // 8, dtype=torch.uint8, device=dev), torch.zeros(b, 0, 3, h // 8, w // 8, device=dev)
        pick = np.argsort(rng.random((b, k)), 1)
        pick = np.concatenate([pick, rng.integers(0, k, (b, max(0, count - k)))], 1)[:, :count]
        index = torch.from_numpy(pick) if refs.device.type == "cpu" else self._put(pick)
        p = refs[torch.arange(b, device=refs.device)[:, None], index].to(dev)
        flat, many = p.flatten(0, 1), lambda x: x.repeat_interleave(count, 0)
        fill = paint.fill(flat, many(palette), light(b * count, self.g, dev))
        alpha = flat[:, 2:3].float()
        # References at half size have faint lines when they were larger pictures.
        soft = self._rand(b * count, 1, 1, 1)
        alpha = 255 - (255 - alpha) * (0.25 + 0.75 * soft)
        rgb = paint.inked(fill, alpha, many(ink)).unflatten(0, (b, count))
        fill, ident = fill.unflatten(0, (b, count)), p[:, :, :1].float()
        out = []
        for r in range(count):
            planes = torch.cat([rgb[:, r], fill[:, r], ident[:, r]], 1)
            y, x, ch, cw = 0, 0, h, w
            if rng.random() < 0.5:
                ch, cw = 3 * h // 4, 3 * w // 4
                y, x = int(rng.integers(0, h - ch + 1)), int(rng.integers(0, w - cw + 1))
                colour = F.interpolate(planes[:, :3, y : y + ch, x : x + cw], (h, w), mode="bilinear", align_corners=False)
                rest = F.interpolate(planes[:, 3:, y : y + ch, x : x + cw], (h, w), mode="nearest")
                planes = torch.cat([colour, rest], 1)
            elif rng.random() < 0.4:
                planes = torch.cat([paint.gaussian(planes[:, :3].reshape(-1, 1, h, w), 0.5, 2).reshape(b, 3, h, w), planes[:, 3:]], 1)
            out.append(planes.flip(-1) if rng.random() < 0.5 else planes)
        planes = torch.stack(out, 1)
        flat = planes.flatten(0, 1)
        centre = sampled(flat[:, 3:7], owners(flat[:, 6].byte())[0]).unflatten(0, (b, count))
        return planes[:, :, :3], centre[:, :, 3].byte(), centre[:, :, :3]
