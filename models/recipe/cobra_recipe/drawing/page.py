"""Pages: panels, balloons, a cast in places; and the references that introduce the cast."""

import cv2
import numpy as np
from .canvas import BALLOON, NEUTRAL, WHITE, Canvas, curve
from .character import Character
from .costume import Costume
from .ids import PLACE0, PLACE_KINDS
from .looks import dress
from .place import Place


FONTS = [cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_DUPLEX, cv2.FONT_HERSHEY_COMPLEX, cv2.FONT_HERSHEY_TRIPLEX]


def letters(cv, x, y, a, b):
    """Lines of random capitals in a balloon of half axes a, b. Draws from a generator of its own, so that a page is otherwise the same."""
    g = np.random.default_rng([int(abs(v) * 64) for v in (x, y, a, b)])
    font, n, thick = FONTS[g.integers(len(FONTS))], int(g.integers(1, 4)), int(g.choice([1, 2], p=[0.7, 0.3]))
    text = ["".join(g.choice(list("ABCDEFGHIJKLMNOPQRSTUVWXYZ     !?.,'"), int(g.integers(2, 13)))).strip() or "OH" for _ in range(n)]
    wide, high = max(cv2.getTextSize(t, font, 1, thick)[0][0] for t in text), 34 * n
    scale = min(1.5 * a / wide, 1.4 * b / high, 0.9) * g.uniform(0.75, 1)
    thick = thick if scale > 0.45 else 1
    for k, t in enumerate(text):
        (w, h), _ = cv2.getTextSize(t, font, scale, thick)
        cv2.putText(cv.ink, t, (int(x - w / 2), int(y + h / 2 + (k - (n - 1) / 2) * 34 * scale)), font, scale, cv.ic, thick, cv2.LINE_AA)


def balloon(cv, g, u):
    """A speech balloon with scribbles or letters; u is the panel's shorter side."""
    h, w = cv.ink.shape
    a, b = g.uniform(0.1, 0.22) * u, g.uniform(0.07, 0.14) * u
    x, y = g.uniform(a * 0.6, w - a * 0.6), g.uniform(b * 0.7, h * 0.45)
    n = 10
    t = np.linspace(0, 2 * np.pi, n, endpoint=False)
    p = curve(np.stack([x + np.cos(t) * a, y + np.sin(t) * b], 1), k=3)
    tx = x + g.uniform(-0.5, 0.5) * a
    cv.shape(
        np.array([(tx - a * 0.15, y + b * 0.8), (tx + a * 0.15, y + b * 0.8), (tx + g.uniform(-0.3, 0.3) * a, y + b * 1.7)]),
        WHITE,
        BALLOON,
    )
    cv.shape(p, WHITE, BALLOON)
    cv.fill(np.array([(tx - a * 0.15, y + b * 0.7), (tx + a * 0.15, y + b * 0.7), (tx, y + b * 1.0)]), WHITE, BALLOON)
    cv2.fillPoly(
        cv.ink,
        [(np.array([(tx - a * 0.12, y + b * 0.6), (tx + a * 0.12, y + b * 0.6), (tx, y + b * 1.05)]) * 16).astype(np.int32)],
        255,
        shift=4,
    )
    lettered = (int(x * 64) + int(y * 64)) % 5 < 3
    if lettered:
        letters(cv, x, y, a, b)
    for r in range(int(g.integers(1, 4))):
        yy = y - b * 0.4 + r * b * 0.4
        xx = x - a * 0.6
        while xx < x + a * 0.6:
            l = g.uniform(2, 5)
            ends = [(xx, yy + g.uniform(-1, 1)), (xx + l * 0.5, yy - 2), (xx + l, yy + g.uniform(-1, 1))]
            if not lettered:
                cv.line(ends)
            xx += l + 1.5


def layout(g, h, w, n):
    """n panels as (y0, y1, x0, x1), split again and again, with gutters."""
    m = int(0.015 * max(h, w)) + 1

    def split(r, n):
        if n <= 1:
            return [r]
        y0, y1, x0, x1 = r
        a = n // 2 if g.random() < 0.5 else n - n // 2
        t = g.uniform(0.38, 0.62)
        if (y1 - y0) > (x1 - x0) * g.uniform(0.7, 1.4):
            c = int(y0 + (y1 - y0) * t)
            return split((y0, c - m, x0, x1), a) + split((c + m, y1, x0, x1), n - a)
        c = int(x0 + (x1 - x0) * t)
        return split((y0, y1, x0, c - m), a) + split((y0, y1, c + m, x1), n - a)

    b = 0 if n == 1 and g.random() < 0.6 else m
    return split((b, h - b, b, w - b), n)


def picture(g, h, w, cast, places, npan, scale, must=None, bal=0.4, look="both", loud=1.0):
    """A page of npan panels: a place, one to three of the cast (those in `must` first), balloons with chance bal, `loud` times as large; look: see
    Canvas."""
    cv = Canvas(h, w)
    cv.look = look
    cv.lw = 1 if max(h, w) < 200 or g.random() < 0.75 else 2
    cv.ic = int(g.integers(5, 60))
    for y0, y1, x0, x1 in layout(g, h, w, npan):
        s = cv.sub(y0, y1, x0, x1)
        ph, pw = y1 - y0, x1 - x0
        u = min(ph, pw)
        if u < 12:
            continue
        places[g.integers(len(places))].draw(s, g, u)
        nc = int(g.choice([1, 2, 3], p=[0.5, 0.4, 0.1] if pw > ph * 0.7 else [0.75, 0.22, 0.03]))
        cs = list(g.permutation(len(cast))[:nc])
        if must:
            cs[0] = must.pop() if must else cs[0]
        kind = g.random()
        for k, ci in enumerate(dict.fromkeys(cs)):
            r = (
                u
                * (g.uniform(0.1, 0.15) if kind < 0.3 else g.uniform(0.15, 0.24) if kind < 0.75 else g.uniform(0.25, 0.42))
                / (1 + 0.15 * (nc - 1))
                * scale
            )
            x = pw * ((k + 0.5) / nc + g.uniform(-0.15, 0.15))
            y = ph * g.uniform(0.18, 0.5) if kind > 0.3 else ph * g.uniform(0.15, 0.35)
            tall = getattr(getattr(cast[ci], "costume", None), "tall", 1)
            if tall > 1.2 and int(y * 64) % 4:
                r, y = r / tall**0.6, y * 0.7
            cast[ci].draw(s, x, max(y, r * 0.8), max(r, 4), g, flip=g.random() < 0.5, lod=r > 8)
        if g.random() < bal:
            for _ in range(g.integers(1, 3)):
                balloon(s, g, u * loud)
        # A margin always has a frame: without one nothing in the line art says where it ends.
        if npan > 1 or g.random() < 0.3 or y0 > 0:
            cv2.rectangle(s.ink, (0, 0), (pw - 1, ph - 1), cv.ic, 1)
    return cv


def shade(cv, g):
    """Draw a cast shadow along one side of every part of a figure (three pictures of four)."""
    if g.random() >= 0.75:
        return
    ids, tone = cv.flat[..., 0], cv.flat[..., 1]
    h, w = ids.shape
    d = max(2, int(g.uniform(0.01, 0.035) * max(h, w)))
    dx = d if g.random() < 0.5 else -d
    dy = int(d * g.uniform(-0.3, 0.8))
    m = (np.roll(ids, (-dy, -dx), (0, 1)) != ids) & (ids < PLACE0) & (ids > 0) & (tone <= NEUTRAL)
    tone[m] = (tone[m] * g.uniform(0.7, 0.88)).astype(np.uint8)


def folds(cv, g):
    """Shadows of folds and strands inside the parts of figures, light places, and now and then lines along them."""
    ids, tone = cv.flat[..., 0], cv.flat[..., 1]
    h, w = ids.shape
    body = (ids > 0) & (ids < PLACE0) & (tone <= NEUTRAL)
    for darker in (True, False):
        if g.random() < 0.4:
            continue
        n = int(g.integers(8, 26))
        stretch = g.uniform(0.35, 1)
        field = cv2.resize(g.standard_normal((max(3, int(n * stretch)), n)).astype(np.float32), (w, h), interpolation=cv2.INTER_CUBIC)
        patch = (field + 0.3 * ((ids.astype(np.int32) * 37 % 11) / 11 - 0.5) > g.uniform(0.5, 1.1)) & body
        if darker:
            tone[patch] = (tone[patch] * g.uniform(0.6, 0.85)).astype(np.uint8)
        else:
            tone[patch & (tone == NEUTRAL)] = int(g.uniform(140, 170))
        if g.random() < 0.5:
            for c in cv2.findContours(patch.astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)[0]:
                if len(c) > 12:
                    a = int(g.integers(0, len(c)))
                    cv2.polylines(cv.ink, [np.roll(c, -a, 0)[: int(len(c) * g.uniform(0.15, 0.6))]], False, cv.ic, 1, cv2.LINE_AA)


def cast_of(g, rich=False, seed=0):
    """The cast that a fresh generator begins with: one to five characters. `rich`: in costumes by `seed`."""
    nc = int(g.choice([1, 2, 3, 4, 5], p=[0.2, 0.25, 0.25, 0.2, 0.1]))
    return [Character(g, c, Costume(seed * 8 + c) if rich else None) for c in range(nc)]


def traits(seed, height, width):
    """Hair, top and hat of the cast of `geometry` with these arguments: [8, 3] uint8, 255 for characters that are not there."""
    out = np.full((8, 3), 255, np.uint8)
    for who in cast_of(np.random.default_rng([seed, height, width])):
        out[who.ci] = who.traits()
    return out


def geometry(seed, height, width, references=6, full=False, rich=False):
    """One training geometry, a pure function of its arguments.

    References are half the page's size, as the model takes them, or the page's size when `full`. `rich`: costumes, folds, blank
    backgrounds (as character sheets have), and pages of one figure; without it the drawing of a seed is what it was before there were these.
    Returns a dict: page [3,H,W] and references [references,3,h,w], uint8, planes id, tone, ink;
    kinds [8] uint8 index into PLACE_KINDS of each place.
    """
    g, more, pens = (np.random.default_rng([seed, height, width, *n]) for n in ((), (7,), (11,)))
    cast = cast_of(g, rich, seed)
    nc = len(cast)
    places = [Place(g, b) for b in range(int(g.integers(1, 4)))]
    bare = Place(more, 0)
    bare.kind = "blank"
    # Where references have bare backgrounds the page has one too, mostly: nothing else tells bare from plain.
    sheet = rich and more.random() < 0.3
    scenes = lambda of_sheet, else_: [bare] if rich and more.random() < (of_sheet if sheet else else_) else places  # noqa: E731
    big = max(height, width) > 300
    panels = int(g.choice([1, 2, 3, 4, 5], p=[0.2, 0.25, 0.25, 0.2, 0.1] if big else [0.45, 0.3, 0.15, 0.1, 0]))
    if rich and more.random() < (0.7 if sheet else 0.2):
        panels = 1
    page = picture(g, height, width, cast, scenes(0.9, 0.02), panels, more.uniform(1, 1.3) if rich else 1.0)
    shade(page, g)
    if rich:
        folds(page, more)
        dress(page, pens)
    refs = []
    must = list(g.permutation(nc))
    for k in range(references):
        r = picture(
            g,
            height if full else height // 2,
            width if full else width // 2,
            cast,
            scenes(0.8, 0.12),
            int(g.choice([1, 2, 3, 4], p=[0.55, 0.25, 0.12, 0.08])),
            g.uniform(1, 1.7),
            must=must,
            bal=0.25,
        )
        shade(r, g)
        if rich:
            folds(r, more)
            dress(r, pens)
        refs.append(r.planes())
    kinds = np.zeros(8, np.uint8)
    kinds[: len(places)] = [PLACE_KINDS.index(p.kind) for p in places]
    return dict(page=page.planes(), references=np.stack(refs), kinds=kinds)
