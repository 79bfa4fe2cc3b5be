"""Judges colours by what was drawn: regions that took the right reference's colour, eyes, held-out collections."""

import numpy as np
import torch

from . import paint
from .drawing.art import Sprites, library
from .drawing.ids import CAST_IDS, IRIS, SLOTS
from .drawing.mixed import geometry as mixed
from .drawing.palette import Palettes, recolour
from .evaluate import SEED, SIZES, baselines, drawn_page, error, gutters, painted, paper_off, worse
from .product import Product
from .sprites import lab

#: A region is judged when this many of its pixels are free of ink; an eye is right within EYE of its colour (CIE76).
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

    def picture(planes: np.ndarray) -> np.ndarray:
        rgb = paint.paint(torch.from_numpy(planes)[None], colours, one, ink)[0]
        return rgb.permute(1, 2, 0).round().byte().numpy()

    return painted(g, picture)


def difference(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """CIE76 of colours [n,3] uint8 from colours [m,3] -> [n,m]."""
    return np.linalg.norm(lab(a)[:, None] - lab(b)[None], axis=-1)


def regions(picture: np.ndarray, d: dict) -> tuple[list[bool], list[bool]]:
    """Of a drawn page's figures: whether each region and each eye took its own colour."""
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
    """Drawn pages as users get them; regions are judged where there are three characters and more."""
    pages, product = [drawn_page(first + i) for i in range(count)], Product(package)
    for d in pages:
        product.add(d["ink"], d["references"])
    right, eyes, off, errors, gutter, balloon = [], [], [], [], [], []
    for picture, d in zip(product.run()[0], pages):
        a, b = regions(picture, d)
        eyes += b
        errors.append(error(picture, d["colour"], line_of(d)))
        off.append(worse(picture, d["colour"], line_of(d), d["references"]))
        gutter += paper_off(picture, d, gutters(d))
        balloon += paper_off(picture, d, d["balloon"])
        if len({i // SLOTS for i in np.unique(d["ids"]) if 0 < i < CAST_IDS}) >= 3:
            right += a
    means = dict(error=errors, worse=off, gutter=gutter, balloon=balloon, regions=right, eyes=eyes)
    return {k: float(np.mean(v)) for k, v in means.items()} | dict(regions_judged=len(right), eyes_judged=len(eyes))


def collections(package: str, folder: str, count: int) -> dict[str, dict[str, float]]:
    """Every held-out collection by itself: error as users get it, and its share of the best trivial answer's."""
    result = {}
    for sprites in library(folder, held_out=True):
        pages, product = [art_page(ART_SEED + i, [sprites]) for i in range(count)], Product(package)
        for d in pages:
            product.add(d["ink"], d["references"])
        scores = []
        for picture, d in zip(product.run()[0], pages):
            truth, line, references = d["colour"], line_of(d), d["references"]
            if ((truth.min(-1) < 235) & (line > 120)).sum() > 500:
                one = dict(product=error(picture, truth, line), worse=worse(picture, truth, line, references))
                scores.append(one | baselines(truth, line, references))
        mean = {k: float(np.mean([s[k] for s in scores])) for k in scores[0]}
        best = min(mean[k] for k in ("gray", "same_place", "mean_colour"))
        result[sprites.name] = mean | dict(share=mean["product"] / best, pages=len(scores))
    return result
