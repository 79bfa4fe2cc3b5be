"""What the pens of other schools add to a drawing: strands in hair, folds in cloth, hatched shadows, a shine."""

import cv2
import numpy as np

from .canvas import NEUTRAL
from .ids import BOT, HAIR, PLACE0, SLOTS, TOP, TOP2


def flow(cv, mask: np.ndarray, g, count: int, length: float, swing: float, weight: float) -> None:
    """`count` lines that run down a region and spread toward its sides; weight 0..1 is how dark they are."""
    at = np.argwhere(mask)
    if len(at) < 40:
        return
    h, w = mask.shape
    (y0, x0), (y1, x1) = at.min(0), at.max(0)
    noise = cv2.resize(g.standard_normal((5, 5)).astype(np.float32), (w, h), interpolation=cv2.INTER_CUBIC) * swing
    p = at[g.integers(len(at), size=count)][:, ::-1].astype(np.float64)
    fan = g.uniform(0.2, 1.0)
    step = max(1.5, length * (y1 - y0 + x1 - x0) / 2 / 14)
    path = [p]
    for _ in range(int(g.integers(6, 15))):
        xi, yi = p[:, 0].clip(0, w - 1).astype(int), p[:, 1].clip(0, h - 1).astype(int)
        a = np.pi / 2 - fan * (p[:, 0] - (x0 + x1) / 2) / max(8, x1 - x0) * 1.6 + noise[yi, xi]
        p = p + step * np.stack([np.cos(a), np.sin(a)], 1)
        path.append(p)
    layer = np.full((h, w), 255, np.uint8)
    lines = [(q * 16).astype(np.int32) for q in np.stack(path, 1)]
    cv2.polylines(layer, lines, False, int(255 - (255 - cv.ic) * weight), 1, cv2.LINE_AA, shift=4)
    np.minimum(cv.ink, np.where(mask, layer, 255), out=cv.ink)


def hatch(cv, g) -> None:
    """Shadows of figures as parallel strokes, crossed now and then."""
    ids, tone = cv.flat[..., 0], cv.flat[..., 1]
    dark = (tone < 118) & (ids > 0) & (ids < PLACE0)
    y, x = np.mgrid[: ids.shape[0], : ids.shape[1]]
    for turn in (g.uniform(0, np.pi), g.uniform(0, np.pi))[: 1 + int(g.random() < 0.3)]:
        wave = (x * np.cos(turn) + y * np.sin(turn)) / g.uniform(3.5, 7)
        stroke = (wave % 1 < 0.25) & dark
        cv.ink[stroke] = np.minimum(cv.ink[stroke], cv.ic + 30)


def shine(cv, mask: np.ndarray, g) -> None:
    """A band of light across hair."""
    ys = np.flatnonzero(mask.any(1))
    if len(ys) < 12:
        return
    h, w = mask.shape
    middle = ys[0] + (ys[-1] - ys[0]) * g.uniform(0.15, 0.4)
    middle = middle + np.sin(np.arange(w) / w * g.uniform(4, 12) + g.uniform(0, 6)) * h * 0.015
    thick = (ys[-1] - ys[0]) * g.uniform(0.03, 0.08)
    jag = np.abs((np.arange(w) / max(3.0, thick)) % 2 - 1) * thick * g.uniform(0.3, 1.5)
    band = (np.abs(np.arange(h)[:, None] - middle) < thick / 2 + jag) & mask & (cv.flat[..., 1] == NEUTRAL)
    cv.flat[..., 1][band] = int(g.uniform(145, 185))


def dress(cv, g) -> None:
    """All of it, each now and then."""
    ids = cv.flat[..., 0]
    present = np.unique(ids[(ids > 0) & (ids < 8 * SLOTS)])
    strands, folds = g.random() < 0.65, g.random() < 0.55
    density, weight = g.uniform(0.4, 2.2), g.uniform(0.35, 1)
    for i in present:
        part, mask = i % SLOTS, ids == i
        size = mask.sum() ** 0.5
        if part == HAIR and strands:
            flow(cv, mask, g, int(2 + size * 0.22 * density), g.uniform(0.25, 0.9), 0.35, weight)
        if part == HAIR and g.random() < 0.35:
            shine(cv, mask, g)
        if part in (TOP, TOP2, BOT) and folds:
            flow(cv, mask, g, int(1 + size * 0.07 * density), g.uniform(0.1, 0.45), 0.9, weight)
    if g.random() < 0.15:
        hatch(cv, g)
