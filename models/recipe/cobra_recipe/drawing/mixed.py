"""Pages whose cast other people have drawn, alone or beside the recipe's own characters."""

import numpy as np

from .art import OWN, ArtFigure, Sprites
from .character import Character
from .costume import Costume
from .ids import CLASS_OF_ID, PLACE_KINDS
from .looks import dress
from .page import folds, picture, shade
from .place import Place

#: How pages are outlined, and how often.
LOOKS, LOOK_P = ["borders", "strokes", "both"], [0.35, 0.35, 0.3]


def geometry(
    seed: int,
    height: int,
    width: int,
    sprites: list[Sprites],
    references=6,
    full=False,
    own=OWN,
    close=0.0,
    balloons=0.35,
    white=0.6,
    loud=False,
    near=False,
) -> dict:
    """As `page.geometry`, and what each id is: colours where natural is a figure's number, classes, traits.

    `own` is the share of the recipe's characters, `close` that of close-ups: one panel, figures up to twice as large.
    `balloons` is the chance of a panel to have some, `white` that of a figure's white parts to be paper; `loud`: some
    balloons are larger than the recipe's. `near`: references are close-ups as often as pages are.
    """
    g, pens = np.random.default_rng([seed, height, width, 23]), np.random.default_rng([seed, height, width, 29])
    count = int(g.choice([1, 2, 3, 4], p=[0.3, 0.3, 0.25, 0.15]))

    def make(c: int):
        if g.random() < own:
            return Character(g, c, Costume(seed * 8 + c) if g.random() < 0.6 else None)
        return ArtFigure(g, c, sprites, seed, white)

    cast = [make(c) for c in range(count)]
    places = [Place(g, b) for b in range(int(g.integers(1, 3)))]
    bare = Place(g, 0)
    bare.kind = "blank"
    sheet = g.random() < 0.4
    scenes = lambda p: [bare] if g.random() < p else places  # noqa: E731
    panels = 1 if g.random() < 0.5 else int(g.choice([1, 2, 3, 4], p=[0.2, 0.35, 0.3, 0.15]))

    voice = pens.uniform(0.8, 1.8) if loud else 1.0

    def drawn(h, w, panels, scale, must, balloons, bare_share):
        where = scenes(bare_share)
        look = str(g.choice(LOOKS, p=LOOK_P))
        p = picture(g, h, w, cast, where, panels, scale, must, balloons, look, voice)
        if g.random() < 0.6:
            shade(p, g)
        if g.random() < 0.3:
            folds(p, g)
        if g.random() < 0.6:
            dress(p, pens)
        return p.planes()

    scale = g.uniform(1, 1.5)
    if close and pens.random() < close:
        panels, scale = 1, pens.uniform(1.5, 2.6)
    page = drawn(height, width, panels, scale, None, balloons, 0.9 if sheet else 0.05)
    must, refs = list(g.permutation(count)), []
    for _ in range(references):
        size = (height, width) if full else (height // 2, width // 2)
        number, scale = int(g.choice([1, 2, 3], p=[0.65, 0.25, 0.1])), g.uniform(1, 1.7)
        if near and pens.random() < close:
            number, scale = 1, pens.uniform(1.4, 2.2)
        refs.append(drawn(*size, number, scale, must, 0.2, 0.8 if sheet else 0.15))
    kinds = np.zeros(8, np.uint8)
    kinds[: len(places)] = [PLACE_KINDS.index(p.kind) for p in places]
    colours, natural, classes = np.full((256, 3), 255, np.uint8), np.zeros(256, np.uint8), CLASS_OF_ID.copy()
    traits = np.full((8, 3), 255, np.uint8)
    for who in cast:
        traits[who.ci] = who.traits()
        if isinstance(who, ArtFigure):
            who.tell(colours, natural, classes)
    known = dict(colours=colours, natural=natural, classes=classes, traits=traits)
    return dict(page=page, references=np.stack(refs), kinds=kinds, **known)
