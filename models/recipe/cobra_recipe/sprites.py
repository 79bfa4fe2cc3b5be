"""Sprites: other people's drawings taken apart into part numbers, tones and ink, so that they can be coloured anew.

`art/render.mjs` renders vector art to pictures; here colours become parts (pictures of one group share theirs: what is
like-coloured is the same part), thin dark shapes become ink, and what is lighter or darker than its part becomes tone.
"""

import json
from pathlib import Path

import cv2
import numpy as np

from .drawing.ids import HAIR, SKIN, SLOTS, TOP

#: Edge of a sprite, as `render.mjs` renders them.
SIZE = 224
#: Colours nearer than this (CIE76) are one part.
NEAR = 13.0
#: Slots of a character that parts with known meaning take; the others follow in this order.
MEANING = {"skin": SKIN, "hair": HAIR, "cloth": TOP}
#: The meaning of a part that is not known, and a label for what is transparent.
UNKNOWN = CLEAR = 255


def lab(rgb: np.ndarray) -> np.ndarray:
    """uint8 [...,3] -> CIE L*a*b* float32."""
    flat = np.ascontiguousarray(rgb.reshape(-1, 1, 3)).astype(np.float32) / 255
    return cv2.cvtColor(flat, cv2.COLOR_RGB2LAB).reshape(*rgb.shape[:-1], 3)


def palette_of(pixels: np.ndarray, fixed: list[np.ndarray], most: int) -> np.ndarray:
    """The colours [n,3] that pixels [m,3] fall into: `fixed` first, then the most frequent that differ enough."""
    key = (pixels >> 3).astype(np.int32) @ np.array([1024, 32, 1])
    kinds, first, count = np.unique(key, return_index=True, return_counts=True)
    found = list(fixed)
    for i in np.argsort(-count):
        if len(found) >= most or count[i] < 0.003 * len(pixels):
            break
        colour = pixels[first[i]]
        if not found or np.linalg.norm(lab(np.stack(found)) - lab(colour[None]), axis=1).min() > NEAR:
            found.append(colour)
    return np.stack(found) if found else np.zeros((1, 3), np.uint8)


def thin(mask: np.ndarray) -> np.ndarray:
    """The parts of a mask that are lines."""
    body = cv2.dilate(cv2.erode(mask, np.ones((9, 9), np.uint8)), np.ones((13, 13), np.uint8))
    return mask & (1 - body)


def nearest(labels: np.ndarray, holes: np.ndarray) -> np.ndarray:
    """Labels with `holes` filled by the nearest label."""
    if not holes.any() or holes.all():
        return labels
    _, near = cv2.distanceTransformWithLabels(holes.astype(np.uint8), cv2.DIST_L2, 3, labelType=cv2.DIST_LABEL_PIXEL)
    table = np.zeros(near.max() + 1, labels.dtype)
    table[near[~holes]] = labels[~holes]
    return table[near]


def smooth(labels: np.ndarray, count: int) -> np.ndarray:
    """The label that is most frequent around a place; CLEAR stays a label."""
    values = [*range(count), CLEAR]
    share = np.stack([cv2.GaussianBlur((labels == v).astype(np.float32), (5, 5), 1.1) for v in values])
    return np.array(values, np.uint8)[share.argmax(0)]


def take_apart(pictures: np.ndarray, colours: dict | None):
    """A group's pictures [n,S,S,4] -> labels (slots or CLEAR), tones, ink [n,S,S], colours, meanings [SLOTS]."""
    solid = pictures[..., 3] > 128
    fixed = {k: np.array([int(c[i : i + 2], 16) for i in (0, 2, 4)], np.uint8) for k, c in (colours or {}).items()}
    pal = palette_of(pictures[solid][:, :3], list(fixed.values()), SLOTS - 1)
    taken = [MEANING[k] for k in fixed]
    slots = np.array([*taken, *[s for s in range(1, SLOTS) if s not in taken]][: len(pal)], np.uint8)
    own, meaning = np.full((SLOTS, 3), 255, np.uint8), np.full(SLOTS, UNKNOWN, np.uint8)
    own[slots] = pal
    meaning[taken] = taken
    light = lab(pal)
    out = []
    for picture, inside in zip(pictures, solid):
        seen = lab(picture[..., :3])
        labels = np.linalg.norm(seen[:, :, None] - light, axis=-1).argmin(-1).astype(np.uint8)
        dark = (seen[..., 0] < 32) & (np.linalg.norm(seen[..., 1:], axis=-1) < 40) & inside
        lines = thin(dark.astype(np.uint8)) > 0
        ink = cv2.GaussianBlur(np.where(lines, 0, 255).astype(np.uint8), (3, 3), 0)
        near_line = (cv2.dilate(lines.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0) & inside
        labels = np.where(inside, nearest(labels, near_line | ~inside), CLEAR)
        labels = smooth(labels, len(pal))
        base = light[np.where(labels == CLEAR, 0, labels), 0]
        ratio = np.clip((seen[..., 0] + 8) / (base + 8), 0.45, 1.35)
        ratio = cv2.GaussianBlur(np.where(near_line | (labels == CLEAR), 1, ratio).astype(np.float32), (5, 5), 0)
        tone = np.where(ratio < 1, 128 * ratio, 128 + 127 * (ratio - 1) * 1.2)
        tone = np.where(np.abs(ratio - 1) < 0.05, 128, tone)
        out.append((np.where(labels == CLEAR, CLEAR, slots[np.where(labels == CLEAR, 0, labels)]), tone, ink))
    return *(np.stack(x).astype(np.uint8) for x in zip(*out)), own, meaning


def write(folder: str, sources: Path) -> None:
    """Take apart every source that `render.mjs` rendered into `folder`: NAME.npy [n,3,S,S] and NAME.npz beside it."""
    for source in json.loads(sources.read_text()):
        rendered, target = Path(folder) / f"{source['name']}.rgba", Path(folder) / f"{source['name']}.npy"
        if target.exists() or not rendered.exists():
            continue
        index = json.loads(rendered.with_suffix(".json").read_text())
        pictures = np.memmap(rendered, np.uint8, "r", shape=(len(index), SIZE, SIZE, 4))
        groups: dict[int, list[int]] = {}
        for i, entry in enumerate(index):
            groups.setdefault(entry["group"], []).append(i)
        planes, of, own, meanings = [], [], [], []
        for members in groups.values():
            several = np.stack([pictures[i] for i in members])
            if (several[..., 3] > 128).mean() < 0.04:
                continue
            labels, tone, ink, colours, meaning = take_apart(several, index[members[0]].get("colours"))
            planes.append(np.stack([labels, tone, ink], 1))
            of += [len(own)] * len(members)
            own.append(colours)
            meanings.append(meaning)
        np.save(target, np.concatenate(planes))
        np.savez(target.with_suffix(".npz"), group=of, colours=np.stack(own), meaning=np.stack(meanings))
        print(f"{source['name']}: {len(of)} pictures of {len(own)} things", flush=True)
