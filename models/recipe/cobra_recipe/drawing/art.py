"""Figures from other people's drawings: sprites (`sprites.py`), placed as the recipe's own characters are."""

from pathlib import Path

import cv2
import numpy as np

from . import body
from .character import Character, Pen
from .costume import Costume, over_legs
from .ids import ACC, BOT, HAT, HAT2, IRIS, MOUTH, PROP, PROP2, SHOE, SLOTS, TOP2

CLEAR = 255
#: Slots for parts of unknown meaning: first those that a body under the head does not use.
FREE = [IRIS, MOUTH, HAT, HAT2, PROP, PROP2, ACC, TOP2, BOT, SHOE, 1, 2, 5]
#: Ids of parts that only the second hand's drawing of a figure has.
APART, APARTS = 184, 14
#: Share of the recipe's own characters in a mixed cast, and of figures that a second hand draws, too.
OWN, SECOND = 0.3, 0.3
#: Sources of heads without shoulders, and of all heads.
BARE = ["adventurer", "bigEars", "bigSmile", "dylan", "lorelei"]
HEADS = [*BARE, "micah", "miniavs", "personas", "openPeeps", "toonHead"]


class Sprites:
    """One source's sprites: planes [n,3,S,S] (slot, tone, ink), and by group its pictures, colours and meanings."""

    def __init__(self, folder: str, name: str):
        self.name = name
        self.planes = np.load(Path(folder) / f"{name}.npy", mmap_mode="r")
        with np.load(Path(folder) / f"{name}.npz") as data:
            self.colours, self.meaning, group = data["colours"], data["meaning"], data["group"]
        self.members = [np.flatnonzero(group == i) for i in range(len(self.colours))]


def library(folder: str, held_out: bool = False) -> list[Sprites]:
    """The sprites that are trained on, or those that never are."""
    apart = {"openPeeps", "toonHead", "people"}
    names = sorted(p.stem for p in Path(folder).glob("*.npy"))
    return [Sprites(folder, n) for n in names if (n in apart) == held_out]


def paste(cv, planes, ids, x: float, y: float, size: float, turn: float, flip: bool, wide: float) -> None:
    """A sprite [3,S,S] on a canvas, its middle at (x, y), `size` px high; ids [256] says what its labels become."""
    s = planes.shape[-1]
    k = size / s
    c, d = np.cos(turn) * k, np.sin(turn) * k
    m = np.array([[c * wide * (-1 if flip else 1), -d, 0], [d * wide * (-1 if flip else 1), c, 0]], np.float32)
    m[:, 2] = np.array([x, y]) - m[:, :2] @ [s / 2, s / 2]
    h, w = cv.ink.shape
    reach = size * 0.75 * max(wide, 1)
    x0, x1 = int(max(0, x - reach)), int(min(w, x + reach))
    y0, y1 = int(max(0, y - reach)), int(min(h, y + reach))
    if x1 - x0 < 2 or y1 - y0 < 2:
        return
    m[:, 2] -= (x0, y0)
    warp = lambda p, how, edge: cv2.warpAffine(p, m, (x1 - x0, y1 - y0), flags=how, borderValue=edge)  # noqa: E731
    labels = warp(planes[0], cv2.INTER_NEAREST, CLEAR)
    inside = labels != CLEAR
    flat, ink = cv.flat[y0:y1, x0:x1], cv.ink[y0:y1, x0:x1]
    flat[..., 0][inside] = ids[labels[inside]]
    flat[..., 1][inside] = warp(planes[1], cv2.INTER_NEAREST, 128)[inside]
    ink[inside] = 255
    strokes = warp(planes[2], cv2.INTER_LINEAR, 255).astype(np.float32) / 255
    if cv.lw > 1 or size < 0.7 * s:
        strokes = cv2.erode(strokes, np.ones((2, 2), np.uint8))
    has = (strokes < 0.5).sum() > 0.02 * inside.sum()
    alpha = strokes if cv.look != "borders" else np.ones_like(strokes)
    if cv.look != "strokes" or not has:
        edge = np.zeros(labels.shape, np.uint8)
        seen = ids[labels].astype(np.int16)
        seen[~inside] = -1
        edge[:, 1:] |= (seen[:, 1:] != seen[:, :-1]).astype(np.uint8)
        edge[1:] |= (seen[1:] != seen[:-1]).astype(np.uint8)
        if cv.lw > 1:
            edge = cv2.dilate(edge, np.ones((2, 2), np.uint8))
        line = 1 - np.minimum(cv2.GaussianBlur(edge.astype(np.float32), (3, 3), 0.6) * 1.5, 1)
        alpha = np.minimum(alpha, line)
    np.minimum(ink, (cv.ic + (255 - cv.ic) * alpha).astype(np.uint8), out=ink)


class ArtFigure:
    """Number ci of a cast, drawn from one group; heads may get a body of the recipe's and be drawn by a second hand.

    `white` is the share of figures whose white parts are paper; of the others they are parts like any other.
    """

    def __init__(self, g, ci: int, sprites: list[Sprites], seed: int, white: float = 0.6):
        # Heads, things in two hands, single drawings.
        kind_of = lambda s: 0 if s.name in HEADS else 1 if s.name == "emoji" else 2  # noqa: E731
        kinds = [[s for s in sprites if kind_of(s) == k] for k in range(3)]
        p = np.array([0.5, 0.25, 0.25]) * [len(k) > 0 for k in kinds]
        kind = int(g.choice(3, p=p / p.sum()))
        self.ci, self.head = ci, kind == 0
        source = kinds[kind][g.integers(len(kinds[kind]))]
        self.source, self.group = source, int(g.integers(len(source.members)))
        self.own = Character(g, ci, Costume(seed * 8 + ci) if g.random() < 0.5 else None)
        self.bodied = self.head and source.name in BARE and g.random() < 0.6
        self.second = None
        if self.head and g.random() < SECOND:
            other = kinds[0][g.integers(len(kinds[0]))]
            self.second = (other, int(g.integers(len(other.members)))) if g.random() < 0.6 else "own"
        self.size = 3.3 if self.head else float(g.uniform(2.8, 4.6))
        self.white = g.random() < white
        self.wide = float(np.exp(g.normal(0, 0.06)))

    def slots(self, source: Sprites, group: int, apart: bool = False) -> np.ndarray:
        """What a group's labels become: ids [256]. `apart`: unknown parts get ids of their own."""
        ids, meaning, colours = np.zeros(256, np.uint8), source.meaning[group], source.colours[group]
        known = {int(m) for m in meaning if m != 255}
        free = [s for s in FREE if s not in known]
        n = 0
        for slot in range(1, SLOTS):
            if meaning[slot] != 255:
                ids[slot] = self.ci * SLOTS + meaning[slot]
            elif self.white and colours[slot].min() > 235:
                ids[slot] = 0
            elif n < len(free):
                ids[slot] = APART + n % APARTS if apart else self.ci * SLOTS + free[n]
                n += 1
        return ids

    def tell(self, colours: np.ndarray, natural: np.ndarray, classes: np.ndarray) -> None:
        """Write what the ids are: colours where `natural` is 1 + the figure's number, classes (255: unknown)."""
        if not self.bodied and self.second != "own":
            classes[self.ci * SLOTS + 1 : (self.ci + 1) * SLOTS] = 255
        pairs = [(self.source, self.group, False)]
        if self.second not in (None, "own"):
            pairs.append((*self.second, True))
        for source, group, apart in pairs:
            for slot, ident in enumerate(self.slots(source, group, apart)[:SLOTS]):
                if ident == 0:
                    continue
                classes[ident] = source.meaning[group][slot]
                if source.meaning[group][slot] == 255:
                    colours[ident], natural[ident] = source.colours[group][slot], 1 + self.ci

    def traits(self):
        """Unknown."""
        return [255, 255, 255]

    def draw(self, cv, x, y, r, g, flip=False, lod=True):
        """As `Character.draw`."""
        source, group, apart = self.source, self.group, False
        if self.second is not None and g.random() < 0.5:
            if self.second == "own":
                self.own.draw(cv, x, y, r, g, flip, lod)
                return
            source, group = self.second
            apart = True
        if self.bodied:
            pen = Pen(cv, g, x, y + 0.15 * r, r, flip, lod, self.own.costume.tall)
            body.legs(self.own, pen)
            over_legs(self.own, pen)
            body.torso(self.own, pen)
        members = source.members[group]
        planes = source.planes[members[g.integers(len(members))]]
        size = self.size * r * g.uniform(0.85, 1.2)
        turn = g.normal(0, 0.08 if self.head else 0.2)
        paste(cv, np.ascontiguousarray(planes), self.slots(source, group, apart), x, y, size, turn, flip, self.wide)
