"""Hats and what hands hold."""

import numpy as np

from .canvas import curve
from .ids import HAT, HAT2, PROP, PROP2, SLOTS


def hat(who, pen):
    """Headwear in front of the hair."""
    cv = pen.cv
    g = pen.g
    H = pen.head
    base = who.ci * SLOTS
    sd = who.seed
    if who.hat == "witch":
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
            base + HAT,
        )
        cv.shape(H([(-0.85, -1.05), (0.85, -1.05), (0.78, -1.35), (-0.78, -1.35)]), base + HAT2)
        cv.shape(
            curve(H([(-1.9, -0.75), (-0.9, -1.05), (0.9, -1.05), (1.9, -0.75), (0.8, -0.62), (-0.8, -0.62)]), k=3),
            base + HAT,
        )
    elif who.hat == "cap":
        cv.shape(
            curve(H([(-1.1, -0.55), (-0.95, -1.2), (0, -1.5), (0.95, -1.2), (1.1, -0.55), (0, -0.75)]), k=3),
            base + HAT,
        )
        cv.shape(curve(H([(-0.2, -0.75), (0.9, -0.75), (1.7, -0.5), (1.0, -0.45), (0.3, -0.55)]), k=3), base + HAT2)
    elif who.hat == "bow":
        for cx in ((-0.75,), (-0.75, 0.75))[int(sd[21] > 0.5)]:
            for sg in (-1, 1):
                cv.shape(curve(H([(cx, -1.05), (cx + sg * 0.55, -1.45), (cx + sg * 0.65, -0.8)]), k=3), base + HAT)
            cv.shape(
                curve(H([(cx - 0.12, -1.15), (cx + 0.12, -1.15), (cx + 0.12, -0.93), (cx - 0.12, -0.93)]), k=2),
                base + HAT2,
            )
    elif who.hat == "band":
        cv.shape(H([(-1.05, -0.55), (0, -0.78), (1.05, -0.55), (1.02, -0.8), (0, -1.05), (-1.02, -0.8)]), base + HAT)
    elif who.hat == "veil":
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
            base + HAT,
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
            base + HAT2,
        )
    elif who.hat == "hood":
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
            base + HAT,
        )


def prop(who, pen, arms):
    """The thing in the first hand."""
    cv = pen.cv
    Bd = pen.body
    base = who.ci * SLOTS
    if arms and who.prop != "none":
        hd = arms[0]
        p = who.prop
        i1, i2 = base + PROP, base + PROP2
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
                Bd([(hx - 0.45, hyy - 0.4), (hx + 0.45, hyy - 0.3), (hx + 0.43, hyy - 0.1), (hx - 0.45, hyy - 0.2)]),
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
            cv.shape(Bd([(hx - 0.7, hyy + 0.1), (hx + 0.7, hyy + 0.1), (hx + 0.8, hyy + 1.2), (hx - 0.8, hyy + 1.2)]), i1)
            cv.shape(Bd([(hx - 0.7, hyy + 0.1), (hx + 0.7, hyy + 0.1), (hx + 0.5, hyy + 0.5), (hx - 0.5, hyy + 0.5)]), i2)
