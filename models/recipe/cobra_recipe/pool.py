"""The pool of geometries: chunks of drawings of one size, written by any number of processes, each chunk a pure function of its name."""

import os
import time
from pathlib import Path

import numpy as np

from .drawing.art import library
from .drawing.ids import CLASS_OF_ID
from .drawing.mixed import geometry as mixed
from .drawing.page import geometry, traits

#: Page sizes (height, width) of training chunks and how often each comes, in a cycle by chunk number.
SIZES = [(256, 256), (256, 256), (320, 256), (256, 256), (256, 320), (384, 288), (256, 256), (352, 352)]
PER_CHUNK = 64
#: References of a geometry; each is half a page's size.
REFERENCES = 4
#: One geometry in so many is drawn plainly, as the held-out ones of the evaluation are; the others with all that `rich` adds. Of what is
#: trained on the share PLAIN is plain.
PLAIN_EVERY, PLAIN = 3, 0.5
HELD_OUT = 900_000_000
#: Share of pages with mixed casts that are close-ups.
CLOSE = 0.5
#: The same with `draw(large=True)`: a third of the chunks in sizes that packages run at, fewer geometries each.
LARGE_SIZES = [(256, 256), (448, 448), (256, 256), (384, 288), (320, 256), (512, 384), (256, 320), (352, 352)]
LARGE_PX, PER_LARGE_CHUNK = 120_000, 32
#: With `draw(large=True)`, in a cycle by chunk number: the recipe's own cast; own cast with most pages close-ups; casts with other people's figures.
OWN_CAST, OWN_CLOSE, OTHERS = range(3)
LARGE_KINDS = [OWN_CAST, OWN_CLOSE, OTHERS, OWN_CAST, OTHERS, OWN_CLOSE, OTHERS]

#: With `draw(looks=True)`, for training at both looks of `scales.py`: sizes of the close look, in multiples of 96, and what is drawn.
LOOK_SIZES = [(384, 384), (480, 384), (384, 480), (384, 288), (480, 288)]
LOOK_KINDS = [OWN_CLOSE, OWN_CAST, OTHERS, OWN_CLOSE]
PER_LOOK_CHUNK = 32


def plain(seed: int, height: int, width: int, rich: bool) -> dict[str, np.ndarray]:
    """A geometry of the recipe's own cast, with what the pool holds beside the drawing (see `mixed.geometry`)."""
    nothing = dict(colours=np.full((256, 3), 255, np.uint8), natural=np.zeros(256, np.uint8), classes=CLASS_OF_ID)
    return geometry(seed, height, width, REFERENCES, rich=rich) | nothing | dict(traits=traits(seed, height, width))


def draw_chunk(folder: Path, index: int, per_chunk: int = PER_CHUNK, sprites=None) -> Path:
    """Draw chunk `index` unless it is there; its seeds are index*per_chunk and on. Written whole or not at all. With `sprites` two chunks of
    three are of mixed casts."""
    path = folder / f"{index:06d}.npz"
    if path.exists():
        return path
    height, width = SIZES[index % len(SIZES)]
    seeds = range(index * per_chunk, (index + 1) * per_chunk)
    if sprites and index % 3:
        items = [mixed(s, height, width, sprites, REFERENCES, close=CLOSE) for s in seeds]
    else:
        items = [plain(s, height, width, i % PLAIN_EVERY > 0) for i, s in enumerate(seeds)]
    part = folder / f".{index:06d}.{os.getpid()}.npz"
    np.savez_compressed(part, **{k: np.stack([x[k] for x in items]) for k in items[0]})
    part.rename(path)
    return path


def draw_large(folder: Path, index: int, sprites) -> Path:
    """As `draw_chunk`, in LARGE_SIZES and LARGE_KINDS: more close-ups, balloons and white clothes."""
    path = folder / f"{index:06d}.npz"
    if path.exists():
        return path
    height, width = LARGE_SIZES[index % len(LARGE_SIZES)]
    count = PER_CHUNK if height * width < LARGE_PX else PER_LARGE_CHUNK
    kind = LARGE_KINDS[index % len(LARGE_KINDS)]
    items = []
    for i in range(count):
        seed = index * PER_CHUNK + i
        if kind == OWN_CAST or not sprites:
            items.append(plain(seed, height, width, i % PLAIN_EVERY > 0))
        else:
            own, close = (1.0, 0.75) if kind == OWN_CLOSE else (0.3, CLOSE)
            items.append(
                mixed(
                    seed, height, width, sprites, REFERENCES, own=own, close=close, balloons=0.65, white=0.35, loud=True
                )
            )
    part = folder / f".{index:06d}.{os.getpid()}.npz"
    np.savez_compressed(part, **{k: np.stack([x[k] for x in items]) for k in items[0]})
    part.rename(path)
    return path


def draw_looks(folder: Path, index: int, sprites) -> Path:
    """As `draw_chunk`, in LOOK_SIZES and LOOK_KINDS: close-ups on pages and in references, so that irises have cells of their own."""
    path = folder / f"{index:06d}.npz"
    if path.exists():
        return path
    height, width = LOOK_SIZES[index % len(LOOK_SIZES)]
    kind = LOOK_KINDS[index % len(LOOK_KINDS)]
    items = []
    for i in range(PER_LOOK_CHUNK):
        seed = index * PER_CHUNK + i
        if kind == OWN_CAST or not sprites:
            items.append(plain(seed, height, width, i % PLAIN_EVERY > 0))
        else:
            own = 1.0 if kind == OWN_CLOSE else 0.3
            more = dict(own=own, close=0.75, balloons=0.5, white=0.35, loud=True, near=True)
            items.append(mixed(seed, height, width, sprites, REFERENCES, **more))
    part = folder / f".{index:06d}.{os.getpid()}.npz"
    np.savez_compressed(part, **{k: np.stack([x[k] for x in items]) for k in items[0]})
    part.rename(path)
    return path


def draw(
    folder: str, first: int, count: int, stride: int = 1, minutes: float = 1e9, art: str = "", large: bool = False, looks: bool = False
) -> None:
    """Draw chunks first, first+stride, … (count of them) or as many as the minutes allow; art: folder of sprites; large, looks: see
    `draw_large`, `draw_looks`."""
    sprites = library(art) if art else None
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    start = time.time()
    for n in range(count):
        if time.time() - start > minutes * 60:
            break
        if looks:
            draw_looks(target, first + n * stride, sprites)
        elif large:
            draw_large(target, first + n * stride, sprites)
        else:
            draw_chunk(target, first + n * stride, sprites=sprites)
    print(f"pool: {len(list(target.glob('[0-9]*.npz')))} chunks of {PER_CHUNK}, {time.time() - start:.0f} s", flush=True)
