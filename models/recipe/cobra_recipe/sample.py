"""The sample chapter of `npm run demo`: five line-art pages and three coloured references, from the generator with held-out seeds.

Cast, places, colours and poses come from the generator that draws the training pages; layout and lettering are scripted here,
so that the pages can be read. Deterministic: the same versions of numpy and OpenCV write the same bytes.
"""

import zipfile
from pathlib import Path

import cv2
import numpy as np
import torch

from . import paint
from .drawing.canvas import WHITE, Canvas, curve
from .drawing.character import Character
from .drawing.ids import PLACE0, PLACE_ELEMENTS, PLACE_KINDS, PLACE_SLOTS, SLOTS
from .drawing.page import shade
from .drawing.palette import characters, places
from .drawing.place import Place
from .pool import HELD_OUT

#: Pixels of a picture: about one megapixel.
HEIGHT, WIDTH = 1184, 832
LINE_PX = 3
#: Seeds of the three characters' builds and of their colours; held out, chosen by eye to differ clearly.
BUILDS, COLOURS = (1, 20, 21), (17, 0, 41)
#: Kinds of the places in order, and the seeds of their colours.
PLACES = (("sky", 14), ("forest", 17), ("room", 10), ("city", 18))

#: A picture is rows of panels (height share, panels); a panel is (width share, place, figures, balloons).
#: A figure is (character, x, y, half a head): shares of the panel's width and height, and of its shorter side. A balloon is (text, x, y).
A, B, C = range(3)
HILL, WOOD, ROOM, CITY = range(4)
REFERENCES = {
    "ref_a": [(0.6, [(1, HILL, [(A, 0.26, 0.34, 0.17), (B, 0.74, 0.34, 0.17)], [])]), (0.4, [(1, WOOD, [(C, 0.3, 0.3, 0.24), (A, 0.72, 0.34, 0.24)], [])])],
    "ref_b": [(0.5, [(1, ROOM, [(B, 0.26, 0.36, 0.19), (C, 0.74, 0.36, 0.19)], [])]), (0.5, [(1, CITY, [(A, 0.25, 0.34, 0.2), (C, 0.72, 0.36, 0.2)], [])])],
    "ref_c": [(1, [(1, WOOD, [(B, 0.18, 0.36, 0.11), (A, 0.5, 0.26, 0.11), (C, 0.82, 0.36, 0.11)], [])])],
}
PAGES = {
    "001": [
        (0.42, [(1, HILL, [(A, 0.3, 0.42, 0.17), (B, 0.62, 0.42, 0.17)], [("WHAT A DAY!", 0.82, 0.16)])]),
        (0.58, [(0.5, HILL, [(B, 0.5, 0.42, 0.25)], [("WHERE IS|THE CAPTAIN?", 0.46, 0.12)]), (0.5, HILL, [(A, 0.5, 0.46, 0.27)], [("IN THE|WOODS.", 0.68, 0.12)])]),
    ],
    "002": [
        (0.5, [(0.42, WOOD, [(C, 0.5, 0.4, 0.24)], [("HELLO!", 0.66, 0.11)]), (0.58, WOOD, [(A, 0.3, 0.4, 0.2), (C, 0.74, 0.4, 0.2)], [])]),
        (0.5, [(1, WOOD, [(B, 0.2, 0.44, 0.17), (C, 0.5, 0.4, 0.17), (A, 0.8, 0.44, 0.17)], [("FOLLOW ME!", 0.3, 0.12)])]),
    ],
    "003": [
        (0.36, [(1, HILL, [(C, 0.2, 0.44, 0.2), (B, 0.5, 0.44, 0.2), (A, 0.8, 0.44, 0.2)], [])]),
        (0.64, [(0.5, HILL, [(C, 0.48, 0.44, 0.3)], [("UP THE HILL!", 0.5, 0.09)]), (0.5, HILL, [(B, 0.5, 0.44, 0.22)], [("WAIT|FOR ME!", 0.66, 0.1)])]),
    ],
    "004": [
        (0.5, [(0.55, ROOM, [(B, 0.3, 0.42, 0.2), (A, 0.74, 0.42, 0.2)], []), (0.45, ROOM, [(C, 0.5, 0.44, 0.26)], [("TEA?", 0.72, 0.11)])]),
        (0.5, [(0.45, ROOM, [(A, 0.5, 0.44, 0.27)], [("YES,|PLEASE.", 0.28, 0.13)]), (0.55, ROOM, [(C, 0.28, 0.44, 0.19), (B, 0.72, 0.44, 0.19)], [])]),
    ],
    "005": [
        (0.58, [(1, CITY, [(A, 0.22, 0.42, 0.16), (B, 0.5, 0.44, 0.16), (C, 0.78, 0.42, 0.16)], [("GOOD BYE!", 0.3, 0.12)])]),
        (0.42, [(0.5, CITY, [(B, 0.5, 0.44, 0.27)], []), (0.5, CITY, [(A, 0.46, 0.46, 0.27)], [("THE END", 0.7, 0.12)])]),
    ],
}
COMIC_INFO = """<?xml version="1.0" encoding="utf-8"?>
<ComicInfo xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
  <Title>Tea on the Hill</Title>
  <Series>Tea on the Hill</Series>
  <Number>1</Number>
  <Summary>Three friends, a wood and a pot of tea. Drawn by the recipe of the embedded model (models/recipe).</Summary>
  <PageCount>8</PageCount>
</ComicInfo>
"""


def letter(cv: Canvas, text: str, x: float, y: float) -> None:
    """A balloon at (x, y) px with lines of text (separated by |), in OpenCV's stroke font; kept inside the panel."""
    lines, scale = text.split("|"), 0.75
    sizes = [cv2.getTextSize(line, cv2.FONT_HERSHEY_SIMPLEX, scale, 2)[0] for line in lines]
    a, b = max(w for w, _ in sizes) / 2 * 1.35 + 8, len(lines) * 17 * 1.4 + 14
    h, w = cv.ink.shape
    x, y = float(np.clip(x, a + 8, max(a + 8, w - a - 8))), float(np.clip(y, b + 8, h - b - 8))
    t = np.linspace(0, 2 * np.pi, 16, endpoint=False)
    tail = np.array([(x - 12, y + b * 0.7), (x + 14, y + b * 0.7), (x - 6, y + b * 1.5)])
    cv.shape(tail, WHITE)
    cv.shape(curve(np.stack([x + np.cos(t) * a, y + np.sin(t) * b], 1), k=4), WHITE)
    inner = np.array([(x - 10, y + b * 0.6), (x + 12, y + b * 0.6), (x + 8, y + b * 1.02), (x - 8, y + b * 1.02)])
    cv.fill(inner, WHITE)
    cv2.fillPoly(cv.ink, [inner.astype(np.int32)], 255)
    for k, (line, (tw, th)) in enumerate(zip(lines, sizes)):
        at = (int(x - tw / 2), int(y + th / 2 + (k - (len(lines) - 1) / 2) * 32))
        cv2.putText(cv.ink, line, at, cv2.FONT_HERSHEY_SIMPLEX, scale, cv.ic, 2, cv2.LINE_AA)


def picture(rows, cast: list[Character], scenes: list[Place], seed: int) -> Canvas:
    """One picture as scripted; poses and scenery by `seed`."""
    g = np.random.default_rng([HELD_OUT, seed])
    cv = Canvas(HEIGHT, WIDTH)
    cv.lw, cv.ic = LINE_PX, 16
    margin, top = 16, 16
    for share, panels in rows:
        height, left = (HEIGHT - 2 * 16 + 16) * share - 16, margin
        for width_share, place, figures, balloons in panels:
            width = (WIDTH - 2 * margin + 16) * width_share - 16
            panel = cv.sub(int(top), int(top + height), int(left), int(left + width))
            h, w = panel.ink.shape
            scenes[place].draw(panel, g, min(h, w))
            for character, x, y, r in figures:
                cast[character].draw(panel, x * w, y * h, r * min(h, w), g, flip=x > 0.5)
            for text, x, y in balloons:
                letter(panel, text, x * w, y * h)
            cv2.rectangle(panel.ink, (1, 1), (w - 2, h - 2), cv.ic, LINE_PX)
            left += width + 16
        top += height + 16
    shade(cv, g)
    return cv


def palette() -> np.ndarray:
    """Colours of all ids [1,256,3] uint8."""
    colours = np.full((1, 256, 3), 255, np.uint8)
    bank = characters(np.random.default_rng([HELD_OUT, 1]), 64)
    for c, seed in enumerate(COLOURS):
        colours[0, c * SLOTS : (c + 1) * SLOTS] = bank[seed]
    for b, (kind, seed) in enumerate(PLACES):
        at = PLACE0 + b * PLACE_SLOTS
        colours[0, at : at + PLACE_ELEMENTS] = places(np.random.default_rng([HELD_OUT, 2]), 64, kind)[seed][:PLACE_ELEMENTS]
    return colours


def scene(index: int, kind: str) -> Place:
    """Place number `index` of a kind: the first held-out seed that gives it."""
    for seed in range(1000):
        place = Place(np.random.default_rng([HELD_OUT, 3, index, seed]), index)
        if place.kind == kind:
            return place
    raise ValueError(f"no seed gives a place of kind {kind}; the kinds are {PLACE_KINDS}")


def chapter() -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Line art of the pages [H,W] and pictures of pages and references in colour [H,W,3], uint8, by name."""
    cast = [Character(np.random.default_rng([HELD_OUT + 5000 + seed]), c) for c, seed in enumerate(BUILDS)]
    scenes = [scene(b, kind) for b, (kind, _) in enumerate(PLACES)]
    colours, lines, painted = torch.from_numpy(palette()), {}, {}
    for number, (name, rows) in enumerate({**PAGES, **REFERENCES}.items()):
        planes = picture(rows, cast, scenes, number).planes()
        rgb = paint.paint(torch.from_numpy(planes)[None], colours, torch.ones(1, 3), torch.full((1, 3), 16.0))
        painted[name] = rgb[0].permute(1, 2, 0).round().byte().numpy()
        if name in PAGES:
            lines[name] = planes[2]
    return lines, painted


def write(archive: str, truth: str = "") -> None:
    """Write the chapter as a CBZ, and the coloured pages into the folder `truth` when one is given."""
    lines, painted = chapter()
    files = {f"{name}.png": cv2.imencode(".png", picture, [cv2.IMWRITE_PNG_COMPRESSION, 9])[1].tobytes() for name, picture in lines.items()}
    files["ComicInfo.xml"] = COMIC_INFO.encode()
    files |= {f"{name}.png": cv2.imencode(".png", painted[name][..., ::-1], [cv2.IMWRITE_PNG_COMPRESSION, 9])[1].tobytes() for name in REFERENCES}
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_STORED) as out:
        for name, content in files.items():
            out.writestr(zipfile.ZipInfo(name, (2000, 1, 1, 0, 0, 0)), content)
    if truth:
        Path(truth).mkdir(parents=True, exist_ok=True)
        for name in PAGES:
            cv2.imwrite(str(Path(truth) / f"{name}.png"), painted[name][..., ::-1])
    print(f"{archive}: {len(lines)} pages, {len(REFERENCES)} references, {Path(archive).stat().st_size} bytes", flush=True)
