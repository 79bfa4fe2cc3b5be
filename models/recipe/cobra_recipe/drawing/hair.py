"""Hair behind the head and in front of it."""

import math

import numpy as np

from .canvas import HIGHLIGHT, curve
from .ids import HAIR, ACC, HAT, SLOTS


def back(who, pen):
    """Hair, or a veil, behind the figure."""
    cv = pen.cv
    g = pen.g
    H = pen.head
    j = pen.jitter
    lod = pen.lod
    base = who.ci * SLOTS
    h = who.hair
    hi = who.ci * SLOTS + HAIR
    v = who.vol
    sd = who.seed
    w = who.w
    if who.hat != "veil":
        if h in ("long", "wavy"):
            L = who.hl
            w = who.hw
            n = 5
            pts = [(-v, -0.2), (-w - j(), L * 0.4), (-w * 1.05 + j(), L * 0.8)]
            for k in range(n):
                pts += [
                    (-w + 2 * w * k / n + w / n * 0.4, L * (0.95 + 0.15 * sd[k]) + j(0.1)),
                    (-w + 2 * w * (k + 1) / n, L * (0.82 + 0.05 * sd[k + 5])),
                ]
            pts += [
                (w * 1.05 + j(), L * 0.75),
                (w + j(), L * 0.4),
                (v, -0.2),
                (v * 0.7, -1),
                (0, -1.25),
                (-v * 0.7, -1),
            ]
            if h == "wavy":
                pts = [(a + 0.12 * math.sin(b * 4), b) for a, b in pts]
            cv.shape(curve(H(pts), k=3), hi)
            if lod:
                for k in range(3):
                    a = w * (sd[k] * 2 - 1) * 0.8
                    cv.line(curve(H([(a, 0.8), (a * 1.1 + 0.1, L * 0.5), (a * 0.95, L * 0.85)]), False, 4))
        elif h == "bob":
            cv.shape(
                curve(
                    H(
                        [
                            (-v, -0.2),
                            (-v * 1.08, 0.6),
                            (-v * 0.95, 1.25 + j()),
                            (-0.5, 1.1),
                            (0, 1.2),
                            (0.5, 1.1),
                            (v * 0.95, 1.25 + j()),
                            (v * 1.08, 0.6),
                            (v, -0.2),
                            (0.8, -1),
                            (0, -1.25),
                            (-0.8, -1),
                        ]
                    ),
                    k=3,
                ),
                hi,
            )
        elif h == "twin":
            for sg in (-1, 1):
                L = who.hl * 0.7
                dx = g.uniform(0.3, 1.1)
                cv.shape(
                    curve(
                        H(
                            [
                                (sg * 0.8, -0.7),
                                (sg * (1.3 + dx * 0.4), -0.5),
                                (sg * (1.5 + dx), L * 0.35),
                                (sg * (1.6 + dx * 0.9), L * 0.8),
                                (sg * (1.2 + dx * 0.8), L),
                                (sg * (1.15 + dx * 0.5), L * 0.6),
                                (sg * 1.0, 0.2),
                            ]
                        ),
                        k=4,
                    ),
                    hi,
                )
                if lod:
                    cv.line(
                        curve(
                            H(
                                [
                                    (sg * 1.1, -0.4),
                                    (sg * (1.3 + dx * 0.7), L * 0.4),
                                    (sg * (1.4 + dx * 0.8), L * 0.85),
                                ]
                            ),
                            False,
                            4,
                        )
                    )
                cv.shape(
                    curve(H([(sg * 0.8, -0.85), (sg * 1.1, -0.75), (sg * 1.05, -0.45), (sg * 0.8, -0.5)]), k=2),
                    base + ACC,
                )
        elif h == "pony":
            sg = 1 if sd[0] > 0.5 else -1
            L = who.hl * 0.7
            cv.shape(
                curve(
                    H(
                        [
                            (sg * 0.3, -1),
                            (sg * 1.1, -1.3),
                            (sg * 1.9, -0.6),
                            (sg * 2.1, L * 0.6),
                            (sg * (1.7 + j(0.1)), L),
                            (sg * 1.5, L * 0.5),
                            (sg * 1.2, -0.3),
                        ]
                    ),
                    k=4,
                ),
                hi,
            )
            if lod:
                cv.line(curve(H([(sg * 1, -0.9), (sg * 1.6, -0.2), (sg * 1.8, L * 0.7)]), False, 4))
        if h in ("short", "spiky", "pony", "twin"):
            cv.shape(
                curve(
                    H(
                        [
                            (-v, -0.2),
                            (-v * 0.95, 0.45),
                            (-0.5, 0.6),
                            (0.5, 0.6),
                            (v * 0.95, 0.45),
                            (v, -0.2),
                            (0.8, -1),
                            (0, -1.22),
                            (-0.8, -1),
                        ]
                    ),
                    k=3,
                ),
                hi,
            )
    else:
        cv.shape(
            curve(
                H(
                    [
                        (-1.3, -0.2),
                        (-1.7, 1.2),
                        (-2.0, 3.2),
                        (0, 3.4),
                        (2.0, 3.2),
                        (1.7, 1.2),
                        (1.3, -0.2),
                        (0.8, -1.15),
                        (0, -1.4),
                        (-0.8, -1.15),
                    ]
                ),
                k=3,
            ),
            base + HAT,
        )


def front(who, pen):
    """Bangs, spikes and a highlight."""
    cv = pen.cv
    H = pen.head
    j = pen.jitter
    r = pen.r
    look = pen.look
    lod = pen.lod
    h = who.hair
    hi = who.ci * SLOTS + HAIR
    v = who.vol
    sd = who.seed
    if h != "bald" and who.hat != "veil":
        n = who.nb
        pts = [
            (-v * 0.98, 0.3 + 0.5 * sd[13]),
            (-v * 1.02, -0.3),
            (-0.85, -0.95),
            (-0.3, -1.28),
            (0.3, -1.28),
            (0.85, -0.95),
            (v * 1.02, -0.3),
            (v * 0.98, 0.3 + 0.5 * sd[14]),
        ]
        top = []
        xs = np.linspace(0.8, -0.8, 2 * n + 1)
        for k in range(1, 2 * n):
            yy = who.bl + who.blj * sd[15 + k % 12] if k % 2 else -0.62 + 0.1 * sd[3 + k % 9]
            top.append((xs[k] + look * 0.08, yy + j(0.02)))
        P = np.concatenate([curve(H(pts), False, 3), H([(0.78, -0.1)] + top + [(-0.78, -0.1)])])
        cv.shape(P, hi)
        if lod:
            for k in range(min(n, 4)):
                a = -0.6 + 1.2 * k / max(n - 1, 1)
                cv.line(curve(H([(a * 0.5, -1.15), (a * 0.9, -0.85), (a, -0.6)]), False, 3))
        if h == "spiky":
            m = who.sp
            ang = np.linspace(math.pi * 0.95, math.pi * 2.05, 2 * m + 1)
            rad = np.where(np.arange(2 * m + 1) % 2 == 1, 1.35 + 0.35 * np.resize(sd, 2 * m + 1), 1.08)
            P = np.stack([np.cos(ang) * rad, np.sin(ang) * rad - 0.1], 1)
            P = np.concatenate([P, [(0.75, -0.55), (0, -0.75), (-0.75, -0.55)]])
            cv.shape(H(P), hi)
        if r > 9 and sd[20] > 0.5:
            cv.fill(
                curve(H([(-0.7, -0.85), (0, -1.02), (0.7, -0.85), (0.6, -0.72), (0, -0.9), (-0.6, -0.72)]), k=2),
                hi,
                HIGHLIGHT,
            )
