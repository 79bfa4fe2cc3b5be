"""What drawings of other schools wear and show: coats, wide sleeves, pleats, bare waists, large bows, cat ears, locks of hair over the body.

Each is drawn from a generator of its own, so that the same seed without them gives the same drawing as ever.
"""

import numpy as np

from .canvas import curve
from .ids import ACC, BOT, HAIR, HAT, HAT2, SKIN, SLOTS, TOP, TOP2


class Costume:
    """What a character has of these; `none` of it by default."""

    def __init__(self, seed: int | None = None):
        g = np.random.default_rng([seed or 0, 41])
        take = lambda p: seed is not None and g.random() < p  # noqa: E731
        self.coat, self.wide, self.pleats, self.waist = take(0.3), take(0.25), take(0.5), take(0.2)
        self.bow, self.ears, self.locks, self.strap, self.choker = take(0.22), take(0.1), take(0.5), take(0.2), take(0.25)
        #: How much larger the body is than that of a cartoon with a big head.
        self.tall = g.uniform(1, 1.8) if take(0.7) else 1.0
        self.size, self.long, self.count, self.side = g.uniform(0.7, 1.5), g.uniform(4.2, 6.8), int(g.integers(4, 9)), int(g.integers(0, 3))


def over_legs(who, pen):
    """Pleats of a skirt."""
    c, w = who.costume, who.w
    if c.pleats and who.bot == "skirt" and who.top not in ("dress", "robe"):
        base, n = who.ci * SLOTS, c.count + 3
        ww = w * 1.45
        hem = [(ww - 2 * ww * k / n, 5.6 + (0.16 if k % 2 else 0)) for k in range(n + 1)]
        pen.cv.shape(pen.body([(-w * 0.72, 3.1), (w * 0.72, 3.1), *hem]), base + BOT)
        for k in range(1, n):
            a = 1 - 2 * k / n
            pen.cv.line(pen.body([(a * w * 0.7, 3.2), (a * ww, 5.6 + (0.16 if k % 2 else 0))]))


def over_torso(who, pen):
    """A coat, a bare waist, a strap across the breast, a choker."""
    c, w, cv, body, base = who.costume, who.w, pen.cv, pen.body, who.ci * SLOTS
    if c.waist:
        cv.shape(body([(-w * 0.8, 2.55), (0, 2.75), (w * 0.8, 2.55), (w * 0.73, 3.25), (-w * 0.73, 3.25)]), base + SKIN)
        cv.shape(curve(body([(-0.1, 2.6), (-0.5, 2.45), (-0.45, 2.85), (0, 2.7), (0.45, 2.85), (0.5, 2.45), (0.1, 2.6)]), k=2), base + TOP)
    if c.coat:
        cv.shape(body([(-0.4, 1.15), (0.4, 1.15), (0.6, 2.4), (0.5, 3.9), (-0.5, 3.9), (-0.6, 2.4)]), base + TOP2)
        for k in range(3):
            cv.line(body([(0.02, 1.8 + 0.6 * k), (0.06, 1.82 + 0.6 * k)]))
        for s in (-1, 1):
            edge = [(s * 0.3, 1.1), (s * w * 0.72, 1.26), (s * w, 1.6), (s * w * 0.95, 3.2), (s * w * (1.15 + 0.3 * c.size), c.long),
                    (s * w * 0.5, c.long + 0.15), (s * 0.38, 3.4), (s * 0.5, 2.4)]  # fmt: skip
            cv.shape(body(edge), base + TOP)
            cv.shape(body([(s * 0.28, 1.05), (s * 0.85, 1.35), (s * 0.95, 1.8), (s * 0.7, 1.9), (s * 0.45, 2.6)]), base + TOP)
    if c.strap:
        s = 1 if c.side else -1
        cv.shape(body([(s * w * 0.75, 1.3), (s * (w * 0.75 - 0.25), 1.25), (-s * w * 0.75, 3.1), (-s * w * 0.7, 3.35)]), base + ACC)
    if c.choker:
        cv.shape(body([(-0.3, 0.92), (0.3, 0.92), (0.31, 1.1), (-0.31, 1.1)]), base + ACC)


def over_head(who, pen):
    """Bows at the sides, ears of a cat, locks of hair over shoulders and arms."""
    c, cv, head, base = who.costume, pen.cv, pen.head, who.ci * SLOTS
    if c.ears and who.hat in ("none", "band", "bow"):
        for s in (-1, 1):
            cv.shape(head([(s * 0.35, -1.1), (s * 0.85, -1.85 * c.size**0.3), (s * 1.05, -0.7)]), base + HAIR)
            cv.shape(head([(s * 0.5, -1.1), (s * 0.82, -1.6 * c.size**0.3), (s * 0.92, -0.8)]), base + SKIN)
    if c.bow and who.hat in ("none", "band"):
        for s in ((-1,), (1,), (-1, 1))[c.side]:
            x, y, z = s * 0.95, -0.85, 0.6 * c.size
            for a in (-1, 1):
                cv.shape(curve(head([(x, y), (x + a * z * 0.9, y - z * 1.1), (x + a * z * 1.2, y + z * 0.3)]), k=3), base + HAT)
            cv.shape(curve(head([(x, y), (x + s * z * 0.3, y + z * 1.6), (x + s * z * 0.9, y + z * 1.3)]), k=3), base + HAT)
            cv.shape(curve(head([(x - 0.16, y - 0.16), (x + 0.16, y - 0.16), (x + 0.16, y + 0.16), (x - 0.16, y + 0.16)]), k=2), base + HAT2)
    if c.locks and who.hair in ("long", "wavy", "twin") and who.hat != "veil":
        g, v = pen.g, who.vol
        for k in range(c.count):
            s, far = (-1 if k % 2 else 1), g.uniform(0.6, 1.0) * who.hl
            x0, x1, x2 = s * v * g.uniform(0.75, 1.0), s * v * g.uniform(0.9, 1.7), s * v * g.uniform(0.8, 2.0)
            wide = g.uniform(0.08, 0.22)
            cv.shape(curve(head([(x0 - wide, -0.2), (x0 + wide, -0.2), (x1 + wide, far * 0.5), (x2, far), (x1 - wide, far * 0.55)]), k=4), base + HAIR)
