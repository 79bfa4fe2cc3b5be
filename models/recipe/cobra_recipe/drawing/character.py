"""Characters: parts drawn in their own ids, a fixed build per character, a new pose in every drawing."""

import math
import cv2
import numpy as np
from .canvas import HIGHLIGHT, WHITE, curve
from .ids import *


class Character:
    def __init__(s, g, ci):
        s.ci = ci
        s.hair = g.choice(
            ["short", "bob", "long", "twin", "pony", "spiky", "bald", "wavy"],
            p=[0.17, 0.14, 0.2, 0.1, 0.1, 0.16, 0.04, 0.09],
        )
        s.nb = int(g.integers(2, 8))
        s.bl = g.uniform(-0.45, 0.15)
        s.blj = g.uniform(0.05, 0.35)
        s.hl = g.uniform(1.6, 4.2)
        s.hw = g.uniform(1.2, 1.7)
        s.vol = g.uniform(1.12, 1.35)
        s.sp = int(g.integers(7, 14))
        s.seed = g.random(32)
        s.top = g.choice(["tee", "jacket", "dress", "robe", "sailor", "hoodie", "armor", "stripe"])
        s.sleeve = g.choice(["short", "long", "none"], p=[0.3, 0.6, 0.1])
        s.bot = g.choice(["pants", "skirt", "shorts"])
        s.w = g.uniform(1.15, 1.75)
        s.hat = g.choice(
            ["none", "witch", "cap", "bow", "band", "veil", "hood"], p=[0.55, 0.09, 0.08, 0.1, 0.06, 0.06, 0.06]
        )
        s.prop = g.choice(["none", "staff", "book", "sword", "ball", "bag"], p=[0.5, 0.12, 0.1, 0.12, 0.08, 0.08])
        s.belt = g.random() < 0.35
        s.beard = g.random() < 0.07
        s.ear = g.random() < 0.15
        s.eye = g.uniform(0.8, 1.2)
        s.neckl = g.random() < 0.2

    def draw(s, cv, x, y, r, g, flip=False, lod=True):
        I = s.ci * SLOTS
        th = g.normal(0, 0.1)
        ct, st = math.cos(th), math.sin(th)
        f = -1 if flip else 1
        look = g.uniform(-0.8, 0.8)
        lw = cv.lw
        Rm = np.array([[ct, st], [-st, ct]]) * r
        off = np.array([x, y], float)

        def H(p):
            p = np.asarray(p, float) * (f, 1)
            return p @ Rm + off  # head space (tilted)

        bth = th * 0.3 + g.normal(0, 0.05)
        Rb = np.array([[math.cos(bth), math.sin(bth)], [-math.sin(bth), math.cos(bth)]]) * r

        def Bd(p):
            p = np.asarray(p, float) * (f, 1)
            return p @ Rb + off  # body space

        j = lambda a=0.06: g.normal(0, a)
        h = s.hair
        hi = I + HAIR
        v = s.vol
        sd = s.seed
        # back hair
        if s.hat != "veil":
            if h in ("long", "wavy"):
                L = s.hl
                w = s.hw
                n = 5
                pts = [(-v, -0.2), (-w - j(), L * 0.4), (-w * 1.05 + j(), L * 0.8)]
                for k in range(n):
                    t = (k + 0.5) / n
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
                    L = s.hl * 0.7
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
                        I + ACC,
                    )
            elif h == "pony":
                sg = 1 if sd[0] > 0.5 else -1
                L = s.hl * 0.7
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
                I + HAT,
            )
        # legs
        w = s.w
        vis = cv.flat.shape[0]
        hy = 4.0
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
                if s.bot == "pants":
                    cv.shape(Bd(leg), I + BOT)
                else:
                    cv.shape(Bd(leg), I + SKIN)
                if s.bot == "shorts":
                    cv.shape(
                        Bd([(sg * w * 0.88, hy - 0.3), (kx + sg * 0.5, 5.2), (kx - sg * 0.42, 5.2), (sg * 0.02, hy)]),
                        I + BOT,
                    )
                cv.shape(
                    curve(Bd([(fx - 0.35, 7.2), (fx + 0.35, 7.2), (fx + sg * 0.5, 7.75), (fx - sg * 0.4, 7.8)]), k=3),
                    I + SHOE,
                )
            if s.bot == "pants":
                cv.line(Bd([(0, hy), (0, 5)]))
            if s.bot == "skirt" or s.top in ("dress", "robe"):
                pi = I + TOP if s.top in ("dress", "robe") else I + BOT
                L = 7.3 if s.top == "robe" else g.uniform(5.2, 6.0)
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
                if s.top == "robe" or sd[10] > 0.6:
                    cv.shape(Bd([(-ww * 0.98, L - 0.45), (ww * 0.98, L - 0.45), (ww, L), (-ww, L)]), I + TOP2)
            elif y + 4 * r < vis:
                cv.shape(Bd([(-w * 0.8, 3.2), (w * 0.8, 3.2), (w * 0.9, 4.3), (0, 4.6), (-w * 0.9, 4.3)]), I + BOT)

        # arms behind/front
        def arm(sg):
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
            cv.shape(Bd(limb(e, hd, 0.3, 0.24)), I + SKIN)
            cv.shape(
                curve(Bd(hd + np.array([(-0.28, -0.2), (0.2, -0.28), (0.34, 0.1), (0.05, 0.36), (-0.3, 0.2)])), k=3),
                I + SKIN,
            )
            if s.sleeve == "long":
                ii = I + TOP2 if s.top == "armor" else I + TOP
                cv.shape(Bd(limb(e, hd - (hd - e) * 0.15, 0.4, 0.38 if s.top != "robe" else 0.65)), ii)
            cv.shape(Bd(limb(p, e, 0.45, 0.42)), I + SKIN if s.sleeve == "none" else I + TOP)
            if lod and s.sleeve != "none":
                cv.line(Bd([e + (-0.2, -0.1), e + (0.15, 0.05)]))
            return hd

        arms = []
        order = [-1, 1]
        if y + 1.2 * r < vis:
            front = g.random() < 0.5
            if not front:
                arms = [arm(-1), arm(1)]
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
            cv.shape(curve(Bd(tor), k=3), I + TOP)
            t = s.top
            if t == "jacket":
                cv.shape(
                    Bd([(-0.3, 1.15), (0.3, 1.15), (0.5, 2.2), (0.42, 4.15), (-0.42, 4.15), (-0.5, 2.2)]), I + TOP2
                )
                for sg in (-1, 1):
                    cv.shape(Bd([(sg * 0.3, 1.1), (sg * 0.85, 1.4), (sg * 0.6, 2.3), (sg * 0.35, 1.9)]), I + TOP)
            elif t == "stripe":
                for k in range(3):
                    y0 = 1.7 + k * 0.8
                    cv.shape(Bd([(-w * 0.9, y0), (w * 0.9, y0), (w * 0.86, y0 + 0.4), (-w * 0.86, y0 + 0.4)]), I + TOP2)
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
                    I + TOP2,
                )
                cv.shape(Bd([(0, 2.3), (-0.6, 2.1), (-0.7, 2.9), (0, 2.55), (0.7, 2.9), (0.6, 2.1)]), I + ACC)
            elif t == "hoodie":
                cv.shape(
                    curve(
                        Bd([(-0.9, 1.3), (-0.5, 1.75), (0, 1.95), (0.5, 1.75), (0.9, 1.3), (0.4, 1.0), (-0.4, 1.0)]),
                        k=3,
                    ),
                    I + TOP,
                )
                cv.shape(Bd([(-0.7, 3.0), (0.7, 3.0), (0.9, 3.8), (-0.9, 3.8)]), I + TOP)
                cv.line(Bd([(-0.15, 1.9), (-0.2, 2.6)]))
                cv.line(Bd([(0.15, 1.9), (0.2, 2.6)]))
            elif t == "armor":
                cv.shape(
                    curve(Bd([(-0.9, 1.5), (0.9, 1.5), (0.95, 2.4), (0.5, 3.0), (-0.5, 3.0), (-0.95, 2.4)]), k=3),
                    I + TOP2,
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
                        I + ACC,
                    )
            elif t in ("dress", "robe"):
                cv.shape(Bd([(-0.35, 1.15), (0.35, 1.15), (0.25, 1.8), (0, 2.0), (-0.25, 1.8)]), I + TOP2)
                if sd[11] > 0.5:
                    for k in range(3):
                        cv.shape(
                            curve(Bd(np.array([(-0.1, 0), (0, -0.1), (0.1, 0), (0, 0.1)]) + (0, 2.3 + k * 0.45)), k=2),
                            I + ACC,
                        )
            else:
                cv.shape(curve(Bd([(-0.45, 1.12), (0, 1.6), (0.45, 1.12)]), k=3), I + TOP2)
            if s.belt and y + 3.2 * r < vis:
                cv.shape(Bd([(-w * 0.76, 3.1), (w * 0.76, 3.1), (w * 0.78, 3.45), (-w * 0.78, 3.45)]), I + ACC)
            if lod:
                for k in range(3):
                    a = g.uniform(-0.8, 0.8) * w
                    yy = g.uniform(1.9, 3.6)
                    cv.line(Bd([(a, yy), (a * 0.8 + j(0.1), yy + g.uniform(0.3, 0.6))]))
            if front:
                arms = [arm(-1), arm(1)]
        # neck + face
        cv.shape(Bd([(-0.28, 0.7), (0.28, 0.7), (0.3, 1.3), (0, 1.45), (-0.3, 1.3)]), I + SKIN)
        if s.neckl:
            cv.shape(Bd([(-0.32, 1.05), (0.32, 1.05), (0.32, 1.22), (-0.32, 1.22)]), I + ACC)
        lx = look * 0.12
        for sg in (-1, 1):
            if s.ear:
                cv.shape(H([(sg * 0.75, -0.05), (sg * 1.5, -0.35), (sg * 0.78, 0.4)]), I + SKIN)
            else:
                cv.shape(
                    curve(H([(sg * 0.78, -0.1), (sg * 0.98, -0.12), (sg * 0.95, 0.25), (sg * 0.78, 0.35)]), k=2),
                    I + SKIN,
                )
        cv.shape(
            curve(
                H(
                    [
                        (-0.82, -0.3),
                        (-0.78, 0.25),
                        (-0.42 + lx, 0.82),
                        (lx * 1.6, 1.06),
                        (0.42 + lx, 0.82),
                        (0.78, 0.25),
                        (0.82, -0.3),
                        (0.5, -0.95),
                        (0, -1.08),
                        (-0.5, -0.95),
                    ]
                ),
                k=4,
            ),
            I + SKIN,
        )
        if s.beard:
            cv.shape(
                curve(
                    H(
                        [
                            (-0.8, 0.1),
                            (-0.72, 0.6),
                            (0, 1.5 + 0.3 * sd[12]),
                            (0.72, 0.6),
                            (0.8, 0.1),
                            (0.4, 0.55),
                            (0, 0.45),
                            (-0.4, 0.55),
                        ]
                    ),
                    k=3,
                ),
                hi,
            )
        ex = 0.38
        es = s.eye
        blink = g.random() < 0.12
        for sg in (-1, 1):
            cx = sg * ex + look * 0.22
            cy = 0.12
            ew = 0.2 * es * (1 - 0.25 * max(0, sg * look))
            eh = 0.24 * es
            if blink or r < 7:
                cv.line(H([(cx - ew, cy), (cx, cy + 0.06), (cx + ew, cy)]), lw)
                continue
            a = H([(cx, cy)])[0]
            cv.ellipse((int(a[0] * 16), int(a[1] * 16)), (int(ew * r * 16), int(eh * r * 16)), WHITE)
            rr = (max(int(ew * 0.68 * r * 16), 12), max(int(eh * 0.9 * r * 16), 14))
            ctr = (int((a[0] + look * f * 0.04 * r) * 16), int((a[1] + 0.02 * r) * 16))
            cv.ellipse(ctr, rr, I + IRIS)
            cv2.ellipse(cv.ink, ctr, rr, 0, 0, 360, cv.ic + 40, 1 if r > 14 else 1, cv2.LINE_AA, 4)
            if r > 10:
                cv2.ellipse(cv.ink, ctr, (rr[0] // 2, rr[1] // 2), 0, 0, 360, cv.ic, -1, cv2.LINE_AA, 4)
            cv.line(
                curve(
                    H(
                        [
                            (cx - ew * 1.1, cy - 0.05),
                            (cx - ew * 0.3, cy - eh * 1.05),
                            (cx + ew * 0.5, cy - eh),
                            (cx + ew * 1.15, cy - 0.02),
                        ]
                    ),
                    False,
                    3,
                ),
                lw + (1 if r > 16 else 0),
            )
            cv.line(H([(cx - ew, cy - 0.42 + j(0.03)), (cx + ew, cy - 0.44 + j(0.05))]))
        mx = look * 0.22
        mo = g.random()
        if mo < 0.45 and r > 8:
            cv.shape(
                curve(H([(mx - 0.2, 0.58), (mx, 0.55), (mx + 0.2, 0.58), (mx + 0.1, 0.78), (mx - 0.1, 0.78)]), k=2),
                I + MOUTH,
            )
        else:
            cv.line(curve(H([(mx - 0.15, 0.64), (mx, 0.68), (mx + 0.15, 0.63)]), False, 3))
        if r > 12:
            cv.line(H([(mx * 1.2 + 0.03, 0.36), (mx * 1.2 + 0.06, 0.42)]))
        # bangs
        if h != "bald" and s.hat != "veil":
            n = s.nb
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
                yy = s.bl + s.blj * sd[15 + k % 12] if k % 2 else -0.62 + 0.1 * sd[3 + k % 9]
                top.append((xs[k] + look * 0.08, yy + j(0.02)))
            P = np.concatenate([curve(H(pts), False, 3), H([(0.78, -0.1)] + top + [(-0.78, -0.1)])])
            cv.shape(P, hi)
            if lod:
                for k in range(min(n, 4)):
                    a = -0.6 + 1.2 * k / max(n - 1, 1)
                    cv.line(curve(H([(a * 0.5, -1.15), (a * 0.9, -0.85), (a, -0.6)]), False, 3))
            if h == "spiky":
                m = s.sp
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
        # hat
        if s.hat == "witch":
            bend = g.uniform(-0.8, 0.8)
            cv.shape(
                curve(
                    H(
                        [
                            (-0.85, -0.9),
                            (-0.6, -1.7),
                            (bend * 0.5 - 0.15, -2.5),
                            (bend + 0.1, -2.9),
                            (bend * 0.6 + 0.25, -2.4),
                            (0.65, -1.7),
                            (0.85, -0.9),
                        ]
                    ),
                    k=3,
                ),
                I + HAT,
            )
            cv.shape(H([(-0.85, -1.05), (0.85, -1.05), (0.78, -1.35), (-0.78, -1.35)]), I + HAT2)
            cv.shape(
                curve(H([(-1.9, -0.75), (-0.9, -1.05), (0.9, -1.05), (1.9, -0.75), (0.8, -0.62), (-0.8, -0.62)]), k=3),
                I + HAT,
            )
        elif s.hat == "cap":
            cv.shape(
                curve(H([(-1.1, -0.55), (-0.95, -1.2), (0, -1.5), (0.95, -1.2), (1.1, -0.55), (0, -0.75)]), k=3),
                I + HAT,
            )
            cv.shape(curve(H([(-0.2, -0.75), (0.9, -0.75), (1.7, -0.5), (1.0, -0.45), (0.3, -0.55)]), k=3), I + HAT2)
        elif s.hat == "bow":
            for cx in ((-0.75,), (-0.75, 0.75))[int(sd[21] > 0.5)]:
                for sg in (-1, 1):
                    cv.shape(curve(H([(cx, -1.05), (cx + sg * 0.55, -1.45), (cx + sg * 0.65, -0.8)]), k=3), I + HAT)
                cv.shape(
                    curve(H([(cx - 0.12, -1.15), (cx + 0.12, -1.15), (cx + 0.12, -0.93), (cx - 0.12, -0.93)]), k=2),
                    I + HAT2,
                )
        elif s.hat == "band":
            cv.shape(H([(-1.05, -0.55), (0, -0.78), (1.05, -0.55), (1.02, -0.8), (0, -1.05), (-1.02, -0.8)]), I + HAT)
        elif s.hat == "veil":
            cv.shape(
                curve(
                    H(
                        [
                            (-1.15, 0.5),
                            (-1.2, -0.4),
                            (-0.8, -1.2),
                            (0, -1.45),
                            (0.8, -1.2),
                            (1.2, -0.4),
                            (1.15, 0.5),
                            (0.8, 0.2),
                            (0.6, -0.55),
                            (0, -0.75),
                            (-0.6, -0.55),
                            (-0.8, 0.2),
                        ]
                    ),
                    k=3,
                ),
                I + HAT,
            )
            cv.shape(
                curve(
                    H(
                        [
                            (-0.85, 0.1),
                            (-0.68, -0.65),
                            (0, -0.95),
                            (0.68, -0.65),
                            (0.85, 0.1),
                            (0.58, -0.45),
                            (0, -0.68),
                            (-0.58, -0.45),
                        ]
                    ),
                    k=3,
                ),
                I + HAT2,
            )
        elif s.hat == "hood":
            cv.shape(
                curve(
                    H(
                        [
                            (-1.2, 0.9),
                            (-1.35, -0.2),
                            (-0.95, -1.15),
                            (0, -1.55),
                            (0.95, -1.15),
                            (1.35, -0.2),
                            (1.2, 0.9),
                            (0.95, 0.3),
                            (0.85, -0.5),
                            (0, -0.9),
                            (-0.85, -0.5),
                            (-0.95, 0.3),
                        ]
                    ),
                    k=3,
                ),
                I + HAT,
            )
        # prop
        if arms and s.prop != "none":
            hd = arms[0]
            p = s.prop
            i1, i2 = I + PROP, I + PROP2
            hx, hyy = hd
            if p == "staff":
                cv.shape(
                    Bd([(hx - 0.1, hyy - 2.6), (hx + 0.1, hyy - 2.6), (hx + 0.15, hyy + 2.5), (hx - 0.05, hyy + 2.5)]),
                    i1,
                )
                cv.shape(curve(Bd(np.array([(-0.4, 0), (0, -0.45), (0.4, 0), (0, 0.4)]) + (hx, hyy - 2.8)), k=3), i2)
            elif p == "sword":
                cv.shape(
                    Bd([(hx - 0.12, hyy - 0.3), (hx + 0.12, hyy - 0.3), (hx + 0.5, hyy - 3.3), (hx + 0.2, hyy - 3.2)]),
                    i1,
                )
                cv.shape(
                    Bd(
                        [(hx - 0.45, hyy - 0.4), (hx + 0.45, hyy - 0.3), (hx + 0.43, hyy - 0.1), (hx - 0.45, hyy - 0.2)]
                    ),
                    i2,
                )
                cv.shape(Bd([(hx - 0.1, hyy - 0.2), (hx + 0.1, hyy - 0.2), (hx, hyy + 0.5), (hx - 0.2, hyy + 0.5)]), i2)
            elif p == "book":
                cv.shape(
                    Bd(
                        [
                            (hx - 0.8, hyy - 0.5),
                            (hx, hyy - 0.3),
                            (hx + 0.8, hyy - 0.5),
                            (hx + 0.8, hyy + 0.5),
                            (hx, hyy + 0.7),
                            (hx - 0.8, hyy + 0.5),
                        ]
                    ),
                    i1,
                )
                cv.line(Bd([(hx, hyy - 0.3), (hx, hyy + 0.7)]))
                cv.shape(
                    Bd([(hx - 0.4, hyy - 0.1), (hx - 0.15, hyy - 0.05), (hx - 0.15, hyy + 0.3), (hx - 0.4, hyy + 0.2)]),
                    i2,
                )
            elif p == "ball":
                cv.shape(
                    curve(
                        Bd(
                            np.array(
                                [
                                    (-0.6, 0),
                                    (-0.4, -0.45),
                                    (0, -0.6),
                                    (0.4, -0.45),
                                    (0.6, 0),
                                    (0.4, 0.45),
                                    (0, 0.6),
                                    (-0.4, 0.45),
                                ]
                            )
                            + (hx, hyy - 0.5)
                        ),
                        k=2,
                    ),
                    i1,
                )
                cv.line(Bd([(hx - 0.5, hyy - 0.5), (hx + 0.5, hyy - 0.4)]))
            else:
                cv.shape(
                    Bd([(hx - 0.7, hyy + 0.1), (hx + 0.7, hyy + 0.1), (hx + 0.8, hyy + 1.2), (hx - 0.8, hyy + 1.2)]), i1
                )
                cv.shape(
                    Bd([(hx - 0.7, hyy + 0.1), (hx + 0.7, hyy + 0.1), (hx + 0.5, hyy + 0.5), (hx - 0.5, hyy + 0.5)]), i2
                )
