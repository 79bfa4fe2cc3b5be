"""Writes peer_cases.json and peer_cases.bin: small random pictures and what Pillow and OpenCV make of them.

Made with Pillow 12.3.0, OpenCV 5.0.0 and numpy. Run again only to add cases: python make_peer_cases.py <folder>.
"""
import json
import random
import sys

import cv2
import numpy as np
from PIL import Image

rng = np.random.default_rng(11)
random.seed(11)
FILTERS = {"nearest": Image.NEAREST, "box": Image.BOX, "bicubic": Image.BICUBIC, "lanczos": Image.LANCZOS}
MODES = {1: "L", 3: "RGB", 4: "CMYK"}
blobs: list[bytes] = []
cases: list[dict] = []


def put(array):
    data = np.ascontiguousarray(array).tobytes()
    start = sum(map(len, blobs))
    blobs.append(data)
    return [start, len(data)]


def picture(w, h, c):
    kind = random.randrange(3)
    if kind == 0:
        return rng.integers(0, 256, (h, w, c), dtype=np.uint8)
    if kind == 1:
        return (rng.random((h, w, c)) < 0.5).astype(np.uint8) * 255
    y, x = np.mgrid[0:h, 0:w]
    return np.stack([127 + 127 * np.sin(x / 7 * (k + 1) + y / 5) for k in range(c)], -1).astype(np.uint8)


def pil(array):
    c = array.shape[2]
    return Image.fromarray(array[:, :, 0] if c == 1 else array, MODES[c])


def add(op, array, **more):
    cases.append({"op": op, "width": array.shape[1], "height": array.shape[0], "channels": array.shape[2], "in": put(array), **more})


def size(low, high):
    return random.randint(low, high)


for i in range(48):
    w, h, c = size(1, 40), size(1, 40), random.choice([1, 3, 4])
    a = picture(w, h, c)
    name = list(FILTERS)[i % 4]
    to = [w if random.random() < 0.15 else size(1, 40), h if random.random() < 0.15 else size(1, 40)]
    box = None
    if i % 3 == 1:
        x0, y0 = random.uniform(0, w * 0.6), random.uniform(0, h * 0.6)
        box = [x0, y0, random.uniform(x0 + 0.05, w), random.uniform(y0 + 0.05, h)]
    add("resize", a, to=to, filter=name, box=box, out=put(np.array(pil(a).resize(to, FILTERS[name], box=box))))
tall = picture(2, 450, 3)
add("resize", tall, to=[3, 40], filter="bicubic", box=None, out=put(np.array(pil(tall).resize((3, 40), Image.BICUBIC))))
for factors in [(2, 2), (3, 1), (1, 4), (5, 7), (50, 3)]:
    a = picture(size(5, 40), size(5, 40), random.choice([1, 3, 4]))
    add("reduce", a, factors=factors, out=put(np.array(pil(a).reduce(factors))))
for w, h, c, box in [(97, 61, 3, (16, 16)), (61, 97, 1, (20, 9)), (40, 40, 3, (13, 64)), (33, 7, 4, (5, 5)), (9, 9, 1, (64, 64)), (64, 1, 3, (7, 7))]:
    a = picture(w, h, c)
    for name in ["lanczos", "nearest"]:
        small = pil(a)
        small.thumbnail(box, FILTERS[name])
        add("thumbnail", a, box=box, filter=name, to=small.size, out=put(np.array(small)))
for low, high in [(0, 0), (50, 100), (178, 255), (300, 700), (200, 100), (10, 900)]:
    a = picture(size(1, 60), size(1, 60), 1)
    add("canny", a, low=low, high=high, out=put(cv2.Canny(a[:, :, 0], low, high)))
for i in range(6):
    a = picture(size(1, 40), size(1, 40), 3)
    saturation = float(np.mean(cv2.cvtColor(a, cv2.COLOR_RGB2HSV)[:, :, 1]) / 255)
    add("figures", a, saturation=saturation, colors=len(np.unique(a.reshape(-1, 3), axis=0)), median=float(np.median(np.array(pil(a).convert("L")))))
for _ in range(8):
    picture(9, 8, 3)  # of cases that are gone; without these draws all later pictures would change
a = rng.integers(0, 256, (40, 40, 4), dtype=np.uint8)
premultiplied = Image.fromarray(a, "RGBA").convert("RGBa")
add("premultiply", a, out=put(np.array(premultiplied)))
small = premultiplied.resize((30, 30), Image.LANCZOS)
add("unpremultiply", np.array(small), out=put(np.array(small.convert("RGBA"))))
add("cmykToRgb", a, out=put(np.array(Image.fromarray(a, "CMYK").convert("RGB"))))

folder = sys.argv[1]
with open(f"{folder}/peer_cases.bin", "wb") as file:
    file.write(b"".join(blobs))
with open(f"{folder}/peer_cases.json", "w") as file:
    file.write("[\n" + ",\n".join(json.dumps(case) for case in cases) + "\n]\n")
