"""Run a model package with ONNX Runtime as the engine does: line extraction, retrieval, references, one step, decoding."""

import json
import time
from pathlib import Path

import cv2
import numpy as np
from PIL import Image


def to_unit(x: np.ndarray) -> np.ndarray:
    """RGB [H,W,3] uint8 -> [1,3,H,W] in -1..1."""
    return (x.astype(np.float32) / 255 * 2 - 1).transpose(2, 0, 1)[None]


def resize(x: np.ndarray, width: int, height: int) -> np.ndarray:
    """Bicubic, as PIL."""
    return x if x.shape[:2] == (height, width) else np.asarray(Image.fromarray(x).resize((width, height), Image.BICUBIC))


def quadrant_crops(x: np.ndarray) -> list[np.ndarray]:
    """The four 3/4 crops in quadrant order."""
    h, w = x.shape[0] // 4, x.shape[1] // 4
    return [x[y : y + 3 * h, z : z + 3 * w] for y, z in ((0, 0), (0, w), (h, 0), (h, w))]


def fit_reference(x: np.ndarray, width: int, height: int) -> np.ndarray:
    """A reference at the page's size: stretched when its aspect is off by less than 15 %, else its centre."""
    h, w = x.shape[:2]
    aspect, target = w / h, width / height
    if abs(aspect - target) / target >= 0.15:
        cw, ch = (max(1, int(h * target)), h) if aspect > target else (w, max(1, int(w / target)))
        y, z = (h - ch) // 2, (w - cw) // 2
        x = x[y : y + ch, z : z + cw]
    return resize(np.ascontiguousarray(x), width, height)


def region(line: np.ndarray, x: int, y: int) -> np.ndarray:
    """The region that lines bound around a place: line uint8 [H,W] -> bool [H,W]. A stand-in for the engine's: gaps of two pixels are closed."""
    open_ = cv2.erode((line > 140).astype(np.uint8), np.ones((3, 3), np.uint8))
    near = np.argwhere(open_[max(0, y - 8) : y + 8, max(0, x - 8) : x + 8])
    if not len(near):
        return np.zeros(line.shape, bool)
    at = near[np.abs(near - 8).sum(1).argmin()] + [max(0, y - 8), max(0, x - 8)]
    _, parts = cv2.connectedComponents(open_, connectivity=4)
    grown = (parts == parts[at[0], at[1]]).astype(np.uint8)
    return (cv2.dilate(grown, np.ones((3, 3), np.uint8)) > 0) & (line > 100)


class Package:
    """An opened package. `times` holds the seconds of each stage of the last page."""

    def __init__(self, folder: str, threads: int = 1):
        import onnxruntime as ort

        self.manifest = json.loads((Path(folder) / "manifest.json").read_text())
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3
        names = {**self.manifest["graphs"]["shared"], **self.manifest["graphs"]["styles"]["line"]}
        self.graph = {k: ort.InferenceSession(str(Path(folder) / v), options, providers=["CPUExecutionProvider"]) for k, v in names.items()}
        self.times: dict[str, float] = {}

    def run(self, name: str, **inputs: np.ndarray) -> np.ndarray:
        start = time.perf_counter()
        out = self.graph[name].run(None, inputs)[0]
        self.times[name] = self.times.get(name, 0) + time.perf_counter() - start
        return out

    def bucket(self, width: int, height: int) -> tuple[int, int]:
        """The bucket nearest in aspect ratio, (width, height)."""
        return tuple(min(self.manifest["buckets"], key=lambda b: abs(width / height - b[0] / b[1])))

    def embed(self, pictures: list[np.ndarray]) -> np.ndarray:
        """Embeddings of RGB pictures."""
        e = self.manifest["imageEncoder"]
        size, pixels = e["imageSize"], []
        for x in pictures:
            h, w = x.shape[:2]
            long = int(size * max(h, w) / min(h, w))
            x = resize(np.ascontiguousarray(x), *((size, long) if w <= h else (long, size)))
            y, z = (x.shape[0] - size) // 2, (x.shape[1] - size) // 2
            pixels.append((x[y : y + size, z : z + size].astype(np.float32) / 255 - e["mean"]) / e["std"])
        return self.run("image_encoder", pixels=np.stack(pixels).transpose(0, 3, 1, 2).astype(np.float32))

    def encode(self, pictures: np.ndarray) -> np.ndarray:
        """Latents of [N,3,H,W]."""
        n, _, h, w = pictures.shape
        c = self.manifest["latent"]["channels"]
        return self.run("vae_encoder", image=pictures, noise=np.zeros((n, c, h // 8, w // 8), np.float32))

    def retrieve(self, page: np.ndarray, references: list[np.ndarray], top_k: int) -> list[tuple[int, np.ndarray]]:
        """(quadrant, patch at the page's size or 3/4 of it) for every place, best first within a quadrant."""
        patches = [p for r in references for p in (r, *quadrant_crops(r))]
        if not patches:
            return []
        if self.manifest.get("references") == "whole" and len(references) <= 4 * top_k:
            return [(i % 4, r) for i, r in enumerate(references)]
        unit = lambda e: e / np.maximum(np.linalg.norm(e, axis=1, keepdims=True), 1e-8)  # noqa: E731
        similarity = unit(self.embed(quadrant_crops(page))) @ unit(self.embed(patches)).T
        return [(q, patches[i]) for q in range(4) for i in np.argsort(-similarity[q], kind="stable")[:top_k]]

    def colour(self, page: np.ndarray, references: list[np.ndarray], top_k: int = 3, hints=(), shadow: bool = False) -> dict[str, np.ndarray]:
        """A page RGB uint8 -> line, plain and guided pictures (uint8) at the bucket's size.

        hints: (x, y, (r, g, b)) in bucket pixels; shadow: the style `line + shadow`.
        """
        self.times = {}
        width, height = self.bucket(page.shape[1], page.shape[0])
        page = resize(page, width, height)
        gray = np.asarray(Image.fromarray(page).convert("L")).astype(np.float32)[None, None]
        line = self.run("line_extractor", gray=gray).clip(0, 255).astype(np.uint8)[0, 0]
        if shadow:
            line = np.where(gray[0, 0] <= 74, 18, line)
            line = np.where((line > 155) & (gray[0, 0] > 74) & (gray[0, 0] < 145), 155, line).astype(np.uint8)
        line3 = np.repeat(line[..., None], 3, 2)
        hint, mask = line3.copy(), np.zeros((height, width), np.uint8)
        for x, y, rgb in hints:
            s = np.s_[max(0, y - 8) : y + 8, max(0, x - 8) : x + 8]
            s = region(line, x, y) if self.manifest.get("hints") == "regions" else s
            hint[s], mask[s] = rgb, 255
        chosen = self.retrieve(page, [fit_reference(r, width, height) for r in references], top_k)
        m = self.manifest
        layers, d, c = m["referenceKv"]["layers"], m["referenceKv"]["width"], m["latent"]["channels"]
        h, w = height // 8, width // 8
        resolution = np.array([[height, 2 * width]], np.float32)
        kv = np.zeros((0, layers, 2, h * w // 16, d), np.float32)
        if chosen:
            latent = self.encode(np.concatenate([to_unit(resize(np.ascontiguousarray(p), width // 2, height // 2)) for _, p in chosen]))
            kv = self.run("reference_encoder", latent=latent, quadrant=np.array([q for q, _ in chosen], np.int64), resolution=np.repeat(resolution, len(chosen), 0))
        latents = self.encode(np.concatenate([to_unit(line3), to_unit(hint)]))
        cells = np.asarray(Image.fromarray(mask).resize((w, h), Image.BICUBIC)).astype(np.float32)[None, None] / 255
        clean = self.run(
            "denoiser", latent=np.random.default_rng(0).standard_normal((1, c, h, w)).astype(np.float32), line_latent=latents[:1], hint_latent=latents[1:],
            hint_mask=cells, timestep=np.array([999], np.float32), resolution=resolution, reference_kv=kv[None],
        )  # fmt: skip
        plain = self.run("vae_decoder", latent=clean).clip(-1, 1)
        guided = self.run("guided_upsampler", color=plain, line=to_unit(line3), noise=np.zeros((1, c, h, w), np.float32)).clip(-1, 1)
        picture = lambda x: ((x[0].transpose(1, 2, 0) + 1) * 127.5).round().astype(np.uint8)  # noqa: E731
        return dict(line=line, hint=hint, plain=picture(plain), guided=picture(guided))
