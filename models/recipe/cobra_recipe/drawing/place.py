"""Places: what is behind the figures. Up to eight places share the ids from PLACE0 on."""

import math
import numpy as np
from .canvas import NEUTRAL, WHITE, curve
from .ids import PLACE0, PLACE_KINDS, PLACE_SLOTS


class Place:
    """Number b of a page's places: its kind, horizon and gradient."""

    def __init__(s, g, b):
        s.i = PLACE0 + b * PLACE_SLOTS
        s.kind = PLACE_KINDS[g.choice(7, p=[0.18, 0.17, 0.17, 0.16, 0.14, 0.1, 0.08])]  # never "blank": who draws decides on that
        s.grad = g.uniform(0, 0.35)
        s.hz = g.uniform(0.45, 0.8)

    def draw(s, cv, g, u):
        """Fill a panel; u is its shorter side in px."""
        h, w = cv.ink.shape
        i = s.i
        k = s.kind
        cv.ink[:] = 255
        if k == "blank":
            cv.flat[..., 0], cv.flat[..., 1] = WHITE, NEUTRAL
            return
        t = np.linspace(0, 1, h)[:, None]
        cv.flat[..., 0] = i + (4 if k == "room" else 0)
        cv.flat[..., 1] = (128 * (1 - 0.5 * s.grad * t) if k == "night" else 128 + 127 * s.grad * t).astype(np.uint8)
        y = h * (s.hz + g.uniform(-0.15, 0.15))
        R = lambda a, b: g.uniform(a, b)
        if k in ("sky", "forest", "night"):
            for _ in range(g.integers(0, 4)):
                cx, cy, sz = R(0, w), R(0, y * 0.8), R(0.06, 0.18) * u
                n = 7
                a = np.linspace(0, 2 * np.pi, n, endpoint=False)
                p = np.stack(
                    [
                        cx + np.cos(a) * sz * 2 * g.uniform(0.7, 1.2, n),
                        cy + np.sin(a) * sz * 0.7 * g.uniform(0.7, 1.2, n),
                    ],
                    1,
                )
                cv.shape(curve(p, k=3), *((i, 128 + 30) if k == "night" else (WHITE, NEUTRAL)))
            yy = y + np.array([R(-0.06, 0.06) * u for _ in range(4)])
            top = curve(np.stack([np.linspace(-5, w + 5, 4), yy], 1), False, 4)
            cv.shape(np.concatenate([top, [(w + 5, h + 5), (-5, h + 5)]]), i + 1)
            for _ in range(g.integers(2, 9)):
                a, b = R(0, w), R(y, h + 1)
                n = cv.lw  # tufts grow with the line
                cv.line([(a - 3 * n, b), (a - n, b - 5 * n), (a + n, b), (a + 3 * n, b - 4 * n), (a + 4 * n, b)])
            if k == "forest":
                for _ in range(g.integers(2, 6)):
                    x = R(-0.1, 1.1) * w
                    b = y + R(0, 0.1) * u
                    sz = R(0.12, 0.3) * u
                    cv.shape(
                        np.array(
                            [
                                (x - sz * 0.15, b),
                                (x - sz * 0.1, b - sz * 1.2),
                                (x + sz * 0.1, b - sz * 1.2),
                                (x + sz * 0.15, b),
                            ]
                        ),
                        i + 3,
                    )
                    n = 9
                    a = np.linspace(0, 2 * np.pi, n, endpoint=False)
                    rr = sz * g.uniform(0.75, 1.15, n)
                    cv.shape(curve(np.stack([x + np.cos(a) * rr, b - sz * 1.7 + np.sin(a) * rr], 1), k=3), i + 2)
                    for _ in range(3):
                        a, c = x + R(-0.6, 0.6) * sz, b - sz * R(1.2, 2.2)
                        cv.line(curve([(a - 3 * cv.lw, c), (a, c - 2 * cv.lw), (a + 3 * cv.lw, c)], False, 3))
        elif k == "city":
            cv.fill(np.array([(-5, y), (w + 5, y), (w + 5, h + 5), (-5, h + 5)]), i + 1)
            x = -R(0, 0.2) * u
            q = 0
            while x < w:
                bw = R(0.15, 0.4) * u
                tp = y - R(0.2, 0.7) * u
                ii = (i + 2, i + 3)[q % 2]
                q += 1
                cv.shape(np.array([(x, tp), (x + bw, tp), (x + bw, y + 2), (x, y + 2)]), ii)
                st = bw / 3
                for a in range(2):
                    yy = tp + st * 0.5
                    while yy < y - st * 0.6:
                        cv.shape(
                            np.array(
                                [
                                    (x + st * (0.4 + a * 1.3), yy),
                                    (x + st * (1.2 + a * 1.3), yy),
                                    (x + st * (1.2 + a * 1.3), yy + st * 0.8),
                                    (x + st * (0.4 + a * 1.3), yy + st * 0.8),
                                ]
                            ),
                            i + 5,
                        )
                        yy += st * 1.4
                x += bw + R(0, 0.05) * u
            cv.line([(0, y), (w, y)])
            cv.line([(w * R(0.2, 0.8), y), (w * R(0, 1), h)])
        elif k == "room":
            cv.shape(np.array([(-5, y), (w + 5, y), (w + 5, h + 5), (-5, h + 5)]), i + 1)
            for _ in range(g.integers(1, 3)):
                x, yy, ww, hh = R(0, 0.8) * w, R(0.02, 0.3) * h, R(0.15, 0.35) * u, R(0.2, 0.4) * u
                cv.shape(np.array([(x, yy), (x + ww, yy), (x + ww, yy + hh), (x, yy + hh)]), i + 2)
                cv.shape(
                    np.array(
                        [
                            (x + ww * 0.12, yy + hh * 0.1),
                            (x + ww * 0.88, yy + hh * 0.1),
                            (x + ww * 0.88, yy + hh * 0.9),
                            (x + ww * 0.12, yy + hh * 0.9),
                        ]
                    ),
                    i + 3,
                )
                cv.line([(x + ww / 2, yy), (x + ww / 2, yy + hh)])
            for q in range(g.integers(0, 6)):
                a = w * q / 5
                cv.line([(a, y), (a + (a - w / 2) * 0.6, h)])
        elif k == "speed":
            cx, cy = R(0.2, 0.8) * w, R(0.2, 0.8) * h
            for a in g.uniform(0, 6.28, 24):
                r0, r1 = R(0.3, 0.5) * u, u * 1.5
                cv.line([(cx + math.cos(a) * r0, cy + math.sin(a) * r0), (cx + math.cos(a) * r1, cy + math.sin(a) * r1)])
