"""Judges colours by what was drawn: regions that took the right reference's colour, eyes, held-out collections, pixels worse than the mean colour."""

import cv2
import numpy as np
import torch

from . import paint
from .colour import cie76, counted
from .drawing.art import Sprites, library
from .drawing.ids import CAST_IDS, IRIS, SLOTS
from .drawing.mixed import geometry as mixed
from .drawing.palette import Palettes, recolour
from .evaluate import SEED, SIZES, baselines, drawn_page, error, painted
from .package import fit_reference
from .product import Product

#: A region is judged when this many of its pixels are free of ink; an eye counts as coloured within EYE of its colour (CIE76).
REGION_PX, EYE_PX, EYE = 150, 60, 25.0
#: Seeds of held-out collections' pages.
ART_SEED = SEED + 3_000_000


def art_page(seed: int, sprites: list[Sprites], references: int = 3) -> dict:
    """A page of a held-out collection's figures, in about their own colours or in others, as `evaluate.drawn_page`."""
    h, w = SIZES[seed % len(SIZES)]
    g = mixed(seed, h, w, sprites, references, full=True, own=0.0)
    palette = Palettes(seed, 64).draw(g["kinds"][None])
    recolour(np.random.default_rng([seed, 3]), palette[0], g["colours"], g["natural"])
    colours, ink, one = torch.from_numpy(palette), torch.tensor([[25.0, 18.0, 22.0]]), torch.ones(1, 3)
    picture = lambda p: paint.paint(torch.from_numpy(p)[None], colours, one, ink)[0].permute(1, 2, 0).round().byte().numpy()  # noqa: E731
    return painted(g, picture)


def mean_colour(references: list[np.ndarray], width: int, height: int) -> np.ndarray:
    """The references' mean colour, white left out."""
    pixels = np.concatenate([fit_reference(r, width, height).reshape(-1, 3) for r in references])
    return pixels[pixels.min(1) < 235].mean(0).astype(np.uint8)


def worse(a: np.ndarray, truth: np.ndarray, line: np.ndarray, references: list[np.ndarray]) -> float:
    """Share of counted pixels that are further from the truth than the references' mean colour is."""
    t = lambda x: torch.from_numpy(np.ascontiguousarray(x)).float().permute(2, 0, 1)  # noqa: E731
    on = counted(t(truth), torch.from_numpy(np.ascontiguousarray(line)).float()[None])
    flat = np.broadcast_to(mean_colour(references, truth.shape[1], truth.shape[0]), truth.shape)
    return float((cie76(t(a), t(truth)) > cie76(t(flat), t(truth)))[on].float().mean())


def difference(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """CIE76 of colours [n,3] uint8 from colours [m,3] -> [n,m]."""
    as_lab = lambda x: cv2.cvtColor(np.ascontiguousarray(x)[:, None].astype(np.float32) / 255, cv2.COLOR_RGB2LAB)[:, 0]  # noqa: E731
    return np.linalg.norm(as_lab(a)[:, None] - as_lab(b)[None], axis=-1)


def regions(picture: np.ndarray, d: dict) -> tuple[list[bool], list[bool]]:
    """Of a drawn page's figures: whether each region took its own colour rather than another that the references show, and whether each eye did."""
    clear, ids, palette = d["ink"][..., 0] > 200, d["ids"], d["palette"]
    others = np.concatenate([palette[d["shown"][d["shown"] > 0]], [[255, 255, 255]]])
    right, eyes = [], []
    for i in d["shown"]:
        where = (ids == i) & clear
        if not 0 < i < CAST_IDS or where.sum() < EYE_PX:
            continue
        got = np.median(picture[where], 0)[None].astype(np.uint8)
        own = difference(got, palette[i][None])[0, 0]
        if i % SLOTS == IRIS:
            eyes.append(own < EYE)
        elif where.sum() >= REGION_PX:
            right.append(own <= difference(got, others).min() + 3)
    return right, eyes


def line_of(d: dict) -> np.ndarray:
    return d["ink"][..., 0]


def drawn(package: str, count: int, first: int = SEED) -> dict[str, float]:
    """Regions right on drawn pages with three characters and more, eyes right, and the share of pixels worse than the mean colour; as users get it."""
    pages, product = [drawn_page(first + i) for i in range(count)], Product(package)
    for d in pages:
        product.add(d["ink"], d["references"])
    right, eyes, off = [], [], []
    for picture, d in zip(product.run()[0], pages):
        a, b = regions(picture, d)
        eyes += b
        off.append(worse(picture, d["colour"], line_of(d), d["references"]))
        if len({i // SLOTS for i in np.unique(d["ids"]) if 0 < i < CAST_IDS}) >= 3:
            right += a
    return dict(regions=float(np.mean(right)), eyes=float(np.mean(eyes)), worse=float(np.mean(off)), judged=len(right), eyes_judged=len(eyes))


def collections(package: str, folder: str, count: int) -> dict[str, dict[str, float]]:
    """Every held-out collection by itself: error as users get it, of the trivial answers, and the share of the best of these."""
    result = {}
    for sprites in library(folder, held_out=True):
        pages, product = [art_page(ART_SEED + i, [sprites]) for i in range(count)], Product(package)
        for d in pages:
            product.add(d["ink"], d["references"])
        scores = [
            dict(product=error(p, d["colour"], line_of(d)), worse=worse(p, d["colour"], line_of(d), d["references"]), **baselines(d["colour"], line_of(d), d["references"]))
            for p, d in zip(product.run()[0], pages) if ((d["colour"].min(-1) < 235) & (line_of(d) > 120)).sum() > 500
        ]  # fmt: skip
        mean = {k: float(np.mean([s[k] for s in scores])) for k in scores[0]}
        result[sprites.name] = mean | dict(share=mean["product"] / min(mean[k] for k in ("gray", "same_place", "mean_colour")), pages=len(scores))
    return result
