"""Colours for region ids: endless palettes, drawn in bulk, with the linked choices a designer makes (a hat like the top)."""

import numpy as np

from .ids import (ACC, BOT, HAIR, HAT, HAT2, IRIS, MOUTH, PLACE0, PLACE_ELEMENTS, PLACE_KINDS, PLACE_SLOTS, PROP, PROP2,
                  SHOE, SKIN, SLOTS, TOP, TOP2)  # fmt: skip


def hsv(h, s, v) -> np.ndarray:
    """HSV in 0..1 (any shape, h wraps) to RGB uint8 [..., 3]."""
    h, s, v = np.broadcast_arrays(np.asarray(h) % 1, np.clip(s, 0, 1), np.clip(v, 0, 1))
    k = (np.array([5, 3, 1]) + h[..., None] * 6) % 6
    return (255 * (v[..., None] * (1 - s[..., None] * np.clip(np.minimum(k, 4 - k), 0, 1)))).astype(np.uint8)


def _choose(g, n, options) -> np.ndarray:
    """options: (probability, colours [n, 3]); one option per row."""
    p = np.array([o[0] for o in options], float)
    pick = g.choice(len(options), n, p=p / p.sum())
    return np.stack([o[1] for o in options])[pick, np.arange(n)]


def _any(g, n, s0=0.25, s1=0.95, v0=0.2, v1=1.0):
    return hsv(g.random(n), g.uniform(s0, s1, n), g.uniform(v0, v1, n))


def _hair(g, n):
    u = lambda a, b: g.uniform(a, b, n)  # noqa: E731
    return _choose(g, n, [
        (1, hsv(0.12, u(0.45, 0.75), u(0.85, 1))), (1, hsv(0.06, u(0.5, 0.8), u(0.25, 0.5))),
        (1, hsv(0.07, u(0.4, 0.7), u(0.45, 0.7))), (1, hsv(u(0, 1), u(0, 0.25), u(0.08, 0.22))),
        (1, hsv(u(-0.03, 0.03), u(0.65, 0.9), u(0.6, 0.95))), (1, hsv(u(0.55, 0.68), u(0.4, 0.8), u(0.4, 0.95))),
        (1, hsv(u(0.72, 0.8), u(0.3, 0.7), u(0.3, 0.8))), (1, hsv(u(0.88, 0.97), u(0.25, 0.6), u(0.85, 1))),
        (1, hsv(0.6, u(0, 0.1), u(0.7, 0.95))), (1, hsv(u(0.25, 0.48), u(0.3, 0.7), u(0.4, 0.85))), (1, _any(g, n)),
    ])  # fmt: skip


def _skin(g, n):
    u = lambda a, b: g.uniform(a, b, n)  # noqa: E731
    return _choose(g, n, [
        (0.08, _any(g, n, 0.2, 0.6, 0.6, 1)), (0.69, hsv(u(0.045, 0.085), u(0.14, 0.38), u(0.92, 1))),
        (0.23, hsv(u(0.05, 0.08), u(0.35, 0.6), u(0.45, 0.88))),
    ])  # fmt: skip


def _cloth(g, n):
    u = lambda a, b: g.uniform(a, b, n)  # noqa: E731
    return _choose(g, n, [
        (0.12, hsv(u(0, 1), u(0, 0.08), u(0.88, 1))), (0.15, hsv(u(0, 1), u(0, 0.35), u(0.1, 0.3))),
        (0.73, _any(g, n, 0.3, 0.95, 0.25, 1)),
    ])  # fmt: skip


def characters(g: np.random.Generator, n: int) -> np.ndarray:
    """Palettes of n characters, [n, SLOTS, 3] uint8; slot 0 is white."""
    c = np.full((n, SLOTS, 3), 255, np.uint8)
    c[:, SKIN], c[:, HAIR], c[:, IRIS] = _skin(g, n), _hair(g, n), _any(g, n, 0.5, 1, 0.4, 0.9)
    c[:, MOUTH] = hsv(0.0, g.uniform(0.4, 0.7, n), g.uniform(0.5, 0.9, n))
    for part in (TOP, TOP2, ACC, BOT, SHOE, HAT, HAT2, PROP, PROP2):
        c[:, part] = _cloth(g, n)
    for part, p in ((HAT, 0.3), (BOT, 0.2)):
        same = g.random(n) < p
        c[same, part] = c[same, TOP]
    return c


def places(g: np.random.Generator, n: int, kind: str) -> np.ndarray:
    """Palettes of n places of one kind, [n, PLACE_SLOTS, 3] uint8: sky, ground, object a, object b, wall, extra."""
    u = lambda a, b: g.uniform(a, b, n)  # noqa: E731
    c = np.full((n, PLACE_SLOTS, 3), 255, np.uint8)
    wild = (g.random(n) < 0.25)[:, None]
    pick = lambda tame, free: np.where(wild, free, tame)  # noqa: E731
    c[:, 0] = pick(hsv(u(0.5, 0.64), u(0.2, 0.7), u(0.7, 1)), _any(g, n, 0.1, 0.8, 0.4, 1))
    if kind == "night":
        c[:, 0] = hsv(u(0.55, 0.75), u(0.4, 0.8), u(0.12, 0.4))
    if kind in ("plain", "speed"):
        c[:, 0] = hsv(u(0, 1), u(0, 0.7), u(0.5, 1))
    free = _any(g, n, 0.05, 0.6, 0.35, 0.9)
    c[:, 1] = pick(hsv(u(0.2, 0.4), u(0.3, 0.7), u(0.35, 0.8)), free) if kind in ("sky", "forest", "night") else free
    a, b = _any(g, n, 0.1, 0.7, 0.3, 0.95), _any(g, n, 0.1, 0.8, 0.25, 0.95)
    c[:, 2] = pick(hsv(u(0.2, 0.42), u(0.35, 0.8), u(0.25, 0.7)), a) if kind == "forest" else a
    c[:, 3] = pick(hsv(0.07, u(0.3, 0.7), u(0.25, 0.6)), b) if kind == "forest" else b
    c[:, 4] = pick(hsv(u(0.02, 0.17), u(0.1, 0.55), u(0.4, 1)), _any(g, n, 0.1, 0.7, 0.35, 1))
    c[:, 5] = c[:, 4]
    return c


def recolour(g: np.random.Generator, palette: np.ndarray, colours: np.ndarray, figures: np.ndarray) -> None:
    """Colours for the ids of other people's figures, in place: palette and colours [256,3] uint8, figures [256] (0: not one of theirs).

    A figure keeps about its own colours, has all hues turned, its colours change places, or it takes what the palette holds.
    """
    for figure in np.unique(figures[figures > 0]):
        ids = np.flatnonzero(figures == figure)
        way = g.random()
        if way > 0.8:
            continue
        c = colours[ids].astype(np.float64) / 255
        high, low = c.max(1), c.min(1)
        span = np.maximum(high - low, 1e-6)
        r, gr, b = c.T
        hue = np.where(high == r, (gr - b) / span, np.where(high == gr, 2 + (b - r) / span, 4 + (r - gr) / span)) / 6
        turn = g.normal(0, 0.03) if way < 0.3 else g.random()
        saturation = span / np.maximum(high, 1e-6) * g.uniform(0.6, 1.25) + (0 if way < 0.3 else g.uniform(0, 0.12))
        made = hsv(hue + turn + g.normal(0, 0.012, len(ids)), saturation, high * g.uniform(0.75, 1.1) + g.normal(0, 0.02, len(ids)))
        palette[ids] = g.permutation(made) if 0.6 < way else made


def recolour_all(g: np.random.Generator, palettes: np.ndarray, colours: np.ndarray, figures: np.ndarray) -> None:
    """As `recolour`, of many pictures at once: palettes and colours [B,256,3], figures [B,256]."""
    b, most = len(figures), int(figures.max()) + 1
    row, ident = np.nonzero(figures)
    if not len(row):
        return
    figure, n = figures[row, ident].astype(np.int64), len(row)
    of = lambda x: x[row, figure]  # noqa: E731
    c = colours[row, ident].astype(np.float64) / 255
    high, low = c.max(1), c.min(1)
    span = np.maximum(high - low, 1e-6)
    r, gr, bl = c.T
    hue = np.where(high == r, (gr - bl) / span, np.where(high == gr, 2 + (bl - r) / span, 4 + (r - gr) / span)) / 6
    way = g.random((b, most))
    turn = np.where(way < 0.3, g.normal(0, 0.03, (b, most)), g.random((b, most)))
    more = np.where(way < 0.3, 0, g.uniform(0, 0.12, (b, most)))
    saturation = span / np.maximum(high, 1e-6) * of(g.uniform(0.6, 1.25, (b, most))) + of(more)
    value = high * of(g.uniform(0.75, 1.1, (b, most))) + g.normal(0, 0.02, n)
    made = hsv(hue + of(turn) + g.normal(0, 0.012, n), saturation, value)
    # Within a figure colours change places: both orders sort by figure, one of them at random within it.
    which = row * most + figure
    swapped = np.empty_like(made)
    swapped[np.argsort(which, kind="stable")] = made[np.argsort(which + g.random(n))]
    way = of(way)
    made = np.where((way > 0.6)[:, None], swapped, made)[way <= 0.8]
    palettes[row[way <= 0.8], ident[way <= 0.8]] = made


class Palettes:
    """A bank of ready palettes; `draw` assembles the 256 colours of a picture's ids."""

    def __init__(self, seed: int, size: int = 8192):
        self.rng = np.random.default_rng([seed, 77])
        self.cast = characters(self.rng, size)
        self.place = np.stack([places(self.rng, size // 4, kind) for kind in PLACE_KINDS])

    def draw(self, kinds: np.ndarray) -> np.ndarray:
        """kinds [B, 8] place kinds -> colours [B, 256, 3] uint8; id 0 is white."""
        b = len(kinds)
        out = np.full((b, 256, 3), 255, np.uint8)
        pick = self.rng.integers(len(self.cast), size=(b, 8))
        out[:, : 8 * SLOTS] = self.cast[pick].reshape(b, -1, 3)
        at = self.rng.integers(self.place.shape[1], size=kinds.shape)
        some = self.place[kinds, at].copy()
        some[:, :, PLACE_ELEMENTS:] = 255
        out[:, PLACE0 : PLACE0 + kinds.shape[1] * PLACE_SLOTS] = some.reshape(b, -1, 3)
        return out
