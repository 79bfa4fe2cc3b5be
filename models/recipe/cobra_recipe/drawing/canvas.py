"""A canvas of region ids, tones and ink. Colours come later (paint.py), so that one drawing serves endless palettes."""

import cv2
import numpy as np

cv2.setNumThreads(1)
WHITE = 0
#: Tone: below 128 the colour is darkened by tone/128, above it is mixed with white by (tone-128)/127.
NEUTRAL = 128
HIGHLIGHT = 164
#: White stays white at tones above NEUTRAL; balloons are drawn in this one, so that they can be told from other white.
BALLOON = 250
_SHIFT = 4
_BASIS: dict = {}


def _basis(n: int, closed: bool, k: int):
    """Catmull-Rom weights [k, 4] and point indices [segments, 4]."""
    key = (n, closed, k)
    if key not in _BASIS:
        t = np.linspace(0, 1, k, endpoint=False)[:, None]
        matrix = np.array([[0, 2, 0, 0], [-1, 0, 1, 0], [2, -5, 4, -1], [-1, 3, -3, 1]], float) * 0.5
        weights = np.concatenate([t**0, t, t**2, t**3], 1) @ matrix
        i = np.arange(n if closed else n - 1)
        index = np.stack([i - 1, i, i + 1, i + 2], 1)
        _BASIS[key] = (weights, index % n if closed else index.clip(0, n - 1))
    return _BASIS[key]


def curve(points, closed: bool = True, k: int = 5) -> np.ndarray:
    """A smooth curve through points [n, 2], k samples a segment."""
    p = np.asarray(points, float)
    weights, index = _basis(len(p), closed, k)
    r = np.matmul(weights, p[index]).reshape(-1, 2)
    return r if closed else np.concatenate([r, p[-1:]])


def _fixed(points) -> np.ndarray:
    return (np.asarray(points) * 2**_SHIFT).astype(np.int32)


class Canvas:
    """flat [H, W, 2] uint8 (id, tone), ink [H, W] uint8 (255 is paper); lw is the line width, ic the ink's gray."""

    def __init__(s, h: int, w: int):
        s.flat = np.zeros((h, w, 2), np.uint8)
        s.flat[..., 1] = NEUTRAL
        s.ink = np.full((h, w), 255, np.uint8)
        s.lw = 1
        s.ic = 20
        #: How other people's drawings are outlined: "borders" of regions, their own "strokes", or "both".
        s.look = "both"

    def sub(s, y0: int, y1: int, x0: int, x1: int) -> "Canvas":
        """A window that shares memory."""
        c = Canvas.__new__(Canvas)
        c.flat, c.ink, c.lw, c.ic, c.look = s.flat[y0:y1, x0:x1], s.ink[y0:y1, x0:x1], s.lw, s.ic, s.look
        return c

    def _poly(s, q, ident: int, tone: int) -> None:
        cv2.fillPoly(s.flat, [q], (int(ident), int(tone)), shift=_SHIFT)

    def fill(s, p, ident: int, tone: int = NEUTRAL) -> None:
        """Fill without touching the ink."""
        s._poly(_fixed(p), ident, tone)

    def shape(s, p, ident: int, tone: int = NEUTRAL) -> None:
        """Fill, clear the ink inside, draw the outline."""
        q = _fixed(p)
        s._poly(q, ident, tone)
        cv2.fillPoly(s.ink, [q], 255, shift=_SHIFT)
        cv2.polylines(s.ink, [q], True, s.ic, s.lw, cv2.LINE_AA, shift=_SHIFT)

    def ellipse(s, centre, radii, ident: int) -> None:
        """Filled ellipse, centre and radii in 1/16 px."""
        cv2.ellipse(s.flat, centre, radii, 0, 0, 360, (int(ident), NEUTRAL), -1, 8, _SHIFT)

    def line(s, p, lw: int | None = None, v: int | None = None) -> None:
        """An ink line; v is its gray."""
        cv2.polylines(s.ink, [_fixed(p)], False, s.ic if v is None else v, lw or s.lw, cv2.LINE_AA, shift=_SHIFT)

    def planes(s) -> np.ndarray:
        """[3, H, W] uint8: id, tone, ink."""
        return np.stack([s.flat[..., 0], s.flat[..., 1], s.ink])
