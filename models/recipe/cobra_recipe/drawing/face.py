"""Neck, head and face."""

import cv2

from .canvas import WHITE, curve
from .ids import SKIN, HAIR, IRIS, MOUTH, ACC, SLOTS


def face(who, pen):
    """Neck, ears, head, eyes, mouth."""
    cv = pen.cv
    g = pen.g
    H = pen.head
    Bd = pen.body
    j = pen.jitter
    r = pen.r
    f = pen.f
    look = pen.look
    lw = pen.cv.lw
    base = who.ci * SLOTS
    hi = who.ci * SLOTS + HAIR
    sd = who.seed
    cv.shape(Bd([(-0.28, 0.7), (0.28, 0.7), (0.3, 1.3), (0, 1.45), (-0.3, 1.3)]), base + SKIN)
    if who.neckl:
        cv.shape(Bd([(-0.32, 1.05), (0.32, 1.05), (0.32, 1.22), (-0.32, 1.22)]), base + ACC)
    lx = look * 0.12
    for sg in (-1, 1):
        if who.ear:
            cv.shape(H([(sg * 0.75, -0.05), (sg * 1.5, -0.35), (sg * 0.78, 0.4)]), base + SKIN)
        else:
            cv.shape(
                curve(H([(sg * 0.78, -0.1), (sg * 0.98, -0.12), (sg * 0.95, 0.25), (sg * 0.78, 0.35)]), k=2),
                base + SKIN,
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
        base + SKIN,
    )
    if who.beard:
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
    es = who.eye
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
        cv.ellipse(ctr, rr, base + IRIS)
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
            base + MOUTH,
        )
    else:
        cv.line(curve(H([(mx - 0.15, 0.64), (mx, 0.68), (mx + 0.15, 0.63)]), False, 3))
    if r > 12:
        cv.line(H([(mx * 1.2 + 0.03, 0.36), (mx * 1.2 + 0.06, 0.42)]))
