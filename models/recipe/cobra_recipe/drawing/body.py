"""Legs, arms, torso and clothes."""

import math

import numpy as np

from .canvas import curve
from .costume import over_torso
from .ids import SKIN, TOP, TOP2, ACC, BOT, SHOE, SLOTS


def legs(who, pen):
    """Legs with trousers, shorts, skirt or robe, when they are on the page."""
    cv = pen.cv
    g = pen.g
    Bd = pen.body
    j = pen.jitter
    r = pen.r
    y = pen.y
    base = who.ci * SLOTS
    sd = who.seed
    w = who.w
    vis = pen.cv.flat.shape[0]
    hy = 4.0
    # legs
    if y + 3.6 * r < vis:
        spread = g.uniform(0.1, 0.6)
        for sg in (-1, 1):
            kx = sg * (w * 0.45 + spread * 0.4)
            fx = sg * (w * 0.45 + spread) + j(0.2)
            leg = [
                (sg * w * 0.85, hy - 0.3),
                (kx + sg * 0.42, 5.6),
                (fx + sg * 0.32, 7.4),
                (fx - sg * 0.28, 7.4),
                (kx - sg * 0.38, 5.6),
                (sg * 0.05, hy),
            ]
            if who.bot == "pants":
                cv.shape(Bd(leg), base + BOT)
            else:
                cv.shape(Bd(leg), base + SKIN)
            if who.bot == "shorts":
                cv.shape(
                    Bd([(sg * w * 0.88, hy - 0.3), (kx + sg * 0.5, 5.2), (kx - sg * 0.42, 5.2), (sg * 0.02, hy)]),
                    base + BOT,
                )
            cv.shape(
                curve(Bd([(fx - 0.35, 7.2), (fx + 0.35, 7.2), (fx + sg * 0.5, 7.75), (fx - sg * 0.4, 7.8)]), k=3),
                base + SHOE,
            )
        if who.bot == "pants":
            cv.line(Bd([(0, hy), (0, 5)]))
        if who.bot == "skirt" or who.top in ("dress", "robe"):
            pi = base + TOP if who.top in ("dress", "robe") else base + BOT
            L = 7.3 if who.top == "robe" else g.uniform(5.2, 6.0)
            ww = w * (1.35 + 0.3 * sd[9])
            cv.shape(
                Bd(
                    [
                        (-w * 0.72, 3.1),
                        (w * 0.72, 3.1),
                        (ww + j(0.1), L),
                        (ww * 0.5, L + 0.15),
                        (0, L),
                        (-ww * 0.5, L + 0.15),
                        (-ww + j(0.1), L),
                    ]
                ),
                pi,
            )
            for k in range(4):
                a = -0.75 + 0.5 * k
                cv.line(Bd([(a * w * 0.6, 3.6), (a * ww, L)]))
            if who.top == "robe" or sd[10] > 0.6:
                cv.shape(Bd([(-ww * 0.98, L - 0.45), (ww * 0.98, L - 0.45), (ww, L), (-ww, L)]), base + TOP2)
        elif y + 4 * r < vis:
            cv.shape(Bd([(-w * 0.8, 3.2), (w * 0.8, 3.2), (w * 0.9, 4.3), (0, 4.6), (-w * 0.9, 4.3)]), base + BOT)


def _arm(who, pen, sg):
    """One arm; returns where the hand is. Side is -1 or 1."""
    cv = pen.cv
    g = pen.g
    Bd = pen.body
    lod = pen.lod
    base = who.ci * SLOTS
    w = who.w
    sx, sy = sg * (w - 0.15), 1.65
    a = g.uniform(-0.3, 0.5) + math.pi / 2 if g.random() < 0.6 else g.uniform(-0.9, 1.4)
    b = a - g.uniform(-0.2, 1.6)
    e = np.array(
        [
            sx + sg * abs(math.cos(a)) * 1.3 if math.cos(a) < 0 else sx + sg * math.cos(a) * 1.3,
            sy + math.sin(a) * 1.4,
        ]
    )
    hd = e + np.array([sg * math.cos(b) * 1.2, math.sin(b) * 1.3])

    def limb(p, q, w0, w1):
        d = (q - p) / (np.linalg.norm(q - p) + 1e-6)
        n = np.array([-d[1], d[0]])
        return [p + n * w0, q + n * w1, q + d * w1 * 0.3, q - n * w1, p - n * w0]

    p = np.array([sx, sy])
    cv.shape(Bd(limb(e, hd, 0.3, 0.24)), base + SKIN)
    cv.shape(
        curve(Bd(hd + np.array([(-0.28, -0.2), (0.2, -0.28), (0.34, 0.1), (0.05, 0.36), (-0.3, 0.2)])), k=3),
        base + SKIN,
    )
    if who.sleeve == "long":
        ii = base + TOP2 if who.top == "armor" else base + TOP
        cv.shape(Bd(limb(e, hd - (hd - e) * 0.15, 0.4, 0.8 + 0.3 * who.costume.size if who.costume.wide else 0.65 if who.top == "robe" else 0.38)), ii)
    cv.shape(Bd(limb(p, e, 0.45, 0.42)), base + SKIN if who.sleeve == "none" else base + TOP)
    if lod and who.sleeve != "none":
        cv.line(Bd([e + (-0.2, -0.1), e + (0.15, 0.05)]))
    return hd


def torso(who, pen):
    """Torso, top and arms; returns the hands."""
    cv = pen.cv
    g = pen.g
    Bd = pen.body
    j = pen.jitter
    r = pen.r
    y = pen.y
    lod = pen.lod
    base = who.ci * SLOTS
    sd = who.seed
    w = who.w
    vis = pen.cv.flat.shape[0]
    arms = []
    if y + 1.2 * r < vis:
        front = g.random() < 0.5
        if not front:
            arms = [_arm(who, pen, -1), _arm(who, pen, 1)]
        # torso
        tor = [
            (-0.35, 1.15),
            (-w * 0.7, 1.28),
            (-w, 1.6),
            (-w * 0.95, 2.2),
            (-w * 0.72, 3.2),
            (-w * 0.85, 4.1),
            (0, 4.2),
            (w * 0.85, 4.1),
            (w * 0.72, 3.2),
            (w * 0.95, 2.2),
            (w, 1.6),
            (w * 0.7, 1.28),
            (0.35, 1.15),
        ]
        cv.shape(curve(Bd(tor), k=3), base + TOP)
        t = who.top
        if t == "jacket":
            cv.shape(Bd([(-0.3, 1.15), (0.3, 1.15), (0.5, 2.2), (0.42, 4.15), (-0.42, 4.15), (-0.5, 2.2)]), base + TOP2)
            for sg in (-1, 1):
                cv.shape(Bd([(sg * 0.3, 1.1), (sg * 0.85, 1.4), (sg * 0.6, 2.3), (sg * 0.35, 1.9)]), base + TOP)
        elif t == "stripe":
            for k in range(3):
                y0 = 1.7 + k * 0.8
                cv.shape(Bd([(-w * 0.9, y0), (w * 0.9, y0), (w * 0.86, y0 + 0.4), (-w * 0.86, y0 + 0.4)]), base + TOP2)
        elif t == "sailor":
            cv.shape(
                Bd(
                    [
                        (-0.35, 1.12),
                        (0, 2.2),
                        (0.35, 1.12),
                        (w * 0.8, 1.35),
                        (w * 0.75, 1.9),
                        (0, 2.7),
                        (-w * 0.75, 1.9),
                        (-w * 0.8, 1.35),
                    ]
                ),
                base + TOP2,
            )
            cv.shape(Bd([(0, 2.3), (-0.6, 2.1), (-0.7, 2.9), (0, 2.55), (0.7, 2.9), (0.6, 2.1)]), base + ACC)
        elif t == "hoodie":
            cv.shape(
                curve(
                    Bd([(-0.9, 1.3), (-0.5, 1.75), (0, 1.95), (0.5, 1.75), (0.9, 1.3), (0.4, 1.0), (-0.4, 1.0)]),
                    k=3,
                ),
                base + TOP,
            )
            cv.shape(Bd([(-0.7, 3.0), (0.7, 3.0), (0.9, 3.8), (-0.9, 3.8)]), base + TOP)
            cv.line(Bd([(-0.15, 1.9), (-0.2, 2.6)]))
            cv.line(Bd([(0.15, 1.9), (0.2, 2.6)]))
        elif t == "armor":
            cv.shape(
                curve(Bd([(-0.9, 1.5), (0.9, 1.5), (0.95, 2.4), (0.5, 3.0), (-0.5, 3.0), (-0.95, 2.4)]), k=3),
                base + TOP2,
            )
            cv.line(Bd([(0, 1.5), (0, 3)]))
            for sg in (-1, 1):
                cv.shape(
                    curve(
                        Bd(
                            [
                                (sg * w * 0.6, 1.2),
                                (sg * (w + 0.25), 1.4),
                                (sg * (w + 0.3), 2.0),
                                (sg * w * 0.7, 1.8),
                            ]
                        ),
                        k=3,
                    ),
                    base + ACC,
                )
        elif t in ("dress", "robe"):
            cv.shape(Bd([(-0.35, 1.15), (0.35, 1.15), (0.25, 1.8), (0, 2.0), (-0.25, 1.8)]), base + TOP2)
            if sd[11] > 0.5:
                for k in range(3):
                    cv.shape(
                        curve(Bd(np.array([(-0.1, 0), (0, -0.1), (0.1, 0), (0, 0.1)]) + (0, 2.3 + k * 0.45)), k=2),
                        base + ACC,
                    )
        else:
            cv.shape(curve(Bd([(-0.45, 1.12), (0, 1.6), (0.45, 1.12)]), k=3), base + TOP2)
        if who.belt and y + 3.2 * r < vis:
            cv.shape(Bd([(-w * 0.76, 3.1), (w * 0.76, 3.1), (w * 0.78, 3.45), (-w * 0.78, 3.45)]), base + ACC)
        over_torso(who, pen)
        if lod:
            for k in range(3):
                a = g.uniform(-0.8, 0.8) * w
                yy = g.uniform(1.9, 3.6)
                cv.line(Bd([(a, yy), (a * 0.8 + j(0.1), yy + g.uniform(0.3, 0.6))]))
        if front:
            arms = [_arm(who, pen, -1), _arm(who, pen, 1)]
    return arms
