"""Figures and montages of a package: held-out drawn pages, real pages, hints, white, time; beside the trivial baselines."""

import json
from pathlib import Path

import cv2
import numpy as np
import torch
from PIL import Image

from . import paint
from .colour import cie76, counted
from .drawing.canvas import BALLOON
from .drawing.ids import CAST_IDS, SLOTS
from .drawing.page import geometry
from .drawing.palette import Palettes
from .package import Package, fit_reference, resize
from .pool import HELD_OUT
from .product import Product
from .training import log_run

#: Sizes (height, width) of drawn evaluation pages.
SIZES = [(512, 384), (448, 448), (544, 384), (384, 512)]
SEED = HELD_OUT + 50_000_000


def drawn_page(seed: int, references: int = 3, full: bool = True) -> dict:
    """A held-out page: colour, ink page and references as uint8 pictures, ids [H,W]."""
    h, w = SIZES[seed % len(SIZES)]
    g = geometry(seed, h, w, references, full)
    palette = torch.from_numpy(Palettes(seed, 64).draw(g["kinds"][None]))
    ink, one = torch.tensor([[25.0, 18.0, 22.0]]), torch.ones(1, 3)
    picture = lambda p: paint.paint(torch.from_numpy(p)[None], palette, one, ink)[0].permute(1, 2, 0).round().byte().numpy()  # noqa: E731
    return dict(painted(g, picture), palette=palette[0].numpy())


def painted(g: dict, picture) -> dict:
    """A geometry as pictures: `picture` paints planes."""
    page, references = g["page"], g["references"]
    return dict(
        colour=picture(page), ink=np.repeat(page[2][..., None], 3, 2), references=[picture(r) for r in references], ids=page[0],
        shown=np.flatnonzero(np.bincount(references[:, 0].ravel(), minlength=256) > 100), balloon=(page[0] == 0) & (page[1] == BALLOON),
    )  # fmt: skip


def error(a: np.ndarray, truth: np.ndarray, line: np.ndarray) -> float:
    """Mean CIE76 over pixels that are neither ink nor white."""
    t = lambda x: torch.from_numpy(np.ascontiguousarray(x)).float().permute(2, 0, 1)  # noqa: E731
    on = counted(t(truth), torch.from_numpy(np.ascontiguousarray(line)).float()[None])
    return float(cie76(t(a), t(truth))[on].mean())


def baselines(truth: np.ndarray, line: np.ndarray, references: list[np.ndarray]) -> dict[str, float]:
    """The line art itself, the reference's pixel at the same place (mean over references), the references' mean colour."""
    h, w = truth.shape[:2]
    fitted = [fit_reference(r, w, h) for r in references]
    return dict(
        gray=error(np.repeat(line[..., None], 3, 2), truth, line), same_place=float(np.mean([error(r, truth, line) for r in fitted])),
        mean_colour=error(np.broadcast_to(mean_colour(references, w, h), truth.shape), truth, line),
    )  # fmt: skip


def mean_colour(references: list[np.ndarray], width: int, height: int) -> np.ndarray:
    """The references' mean colour, white left out."""
    pixels = np.concatenate([fit_reference(r, width, height).reshape(-1, 3) for r in references])
    return pixels[pixels.min(1) < 235].mean(0).astype(np.uint8)


def worse(a: np.ndarray, truth: np.ndarray, line: np.ndarray, references: list[np.ndarray]) -> float:
    """Share of counted pixels that are further from the truth than the references' mean colour is."""
    t = lambda x: torch.from_numpy(np.ascontiguousarray(x)).float().permute(2, 0, 1)  # noqa: E731
    on = counted(t(truth), torch.from_numpy(np.ascontiguousarray(line)).float()[None])
    flat = np.broadcast_to(mean_colour(references, truth.shape[1], truth.shape[0]), truth.shape)
    return float((cie76(t(a), t(truth)) > cie76(t(flat), t(truth)))[on].float().mean())


def strip(pictures: list[np.ndarray], references: list[np.ndarray], height: int) -> np.ndarray:
    """One montage row: references in a column, then the pictures, all of one height."""
    fit = lambda x, h: np.asarray(Image.fromarray(x).resize((max(1, x.shape[1] * h // x.shape[0]), h), Image.LANCZOS))  # noqa: E731
    small = [fit(r, height // 2 - 1) for r in references[:4]]
    width = max(s.shape[1] for s in small)
    small = [np.pad(s, ((0, 0), (0, width - s.shape[1]), (0, 0)), constant_values=128) for s in small]
    while len(small) < 4:
        small.append(np.full_like(small[0], 128))
    gap = np.full((height - 2 * (height // 2 - 1), width, 3), 128, np.uint8)
    columns = [np.concatenate([small[i], gap, small[i + 1]], 0) for i in (0, 2)]
    return np.concatenate([*columns, *[fit(p, height) for p in pictures]], 1)


def montage(rows: list[np.ndarray], path: Path) -> None:
    """Rows under one another."""
    width = max(r.shape[1] for r in rows)
    rows = [np.pad(r, ((0, 4), (0, width - r.shape[1]), (0, 0)), constant_values=90) for r in rows]
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.concatenate(rows, 0)).save(path)


def rgb3(line: np.ndarray) -> np.ndarray:
    return np.repeat(line[..., None], 3, 2)


def gutters(d: dict) -> np.ndarray:
    """A drawn page's margin with its gutters [H,W] bool: the white that has the page's corners (a cloud that the page's edge cuts is none)."""
    _, parts = cv2.connectedComponents((d["ids"] == 0).astype(np.uint8), connectivity=4)
    corners = [x for x in (parts[0, 0], parts[0, -1], parts[-1, 0], parts[-1, -1]) if x > 0]
    return np.isin(parts, corners) if len(corners) == 4 else np.zeros(parts.shape, bool)


def paper_off(picture: np.ndarray, d: dict, where: np.ndarray) -> list[float]:
    """How far `where` [H,W] (white in the truth) is from white away from ink, 0..255 (the darkest channel's mean); empty for a page without."""
    paper = where & (d["ids"] == 0) & (cv2.erode(d["ink"][..., 0], np.ones((3, 3), np.uint8)) > 250)
    return [float((255 - picture.astype(float)).max(-1)[paper].mean())] if paper.sum() > 50 else []


def alone(package: Package, d: dict, top_k: int, hints=()) -> dict[str, np.ndarray]:
    """The package's own pictures of a drawn page, at the page's size; hints in the page's pixels."""
    h, w = d["ids"].shape
    width, height = package.bucket(w, h)
    r = package.colour(d["ink"], d["references"], top_k, [(x * width // w, y * height // h, c) for x, y, c in hints])
    return {k: np.array(Image.fromarray(v).resize((w, h), Image.BICUBIC)) if v.shape[:2] != (h, w) else v for k, v in r.items()}


def drawn(package: Package, product: Product | None, count: int, out: Path, top_k: int) -> dict[str, float]:
    """Drawn pages: errors, white, and montages (one of pages with three and more characters)."""
    scores, pages, white = [], [], []
    for i in range(count):
        d = drawn_page(SEED + i)
        r = alone(package, d, top_k)
        scores.append(
            dict(plain=error(r["plain"], d["colour"], r["line"]), guided=error(r["guided"], d["colour"], r["line"]), **baselines(d["colour"], r["line"], d["references"]))
        )
        white += paper_off(r["guided"], d, d["ids"] == 0)
        if product:
            product.add(d["ink"], d["references"])
        pages.append((d, r))
    result = {k: float(np.mean([s[k] for s in scores])) for k in scores[0]} | dict(white=float(np.mean(white)))
    pictures = [r["guided"] for _, r in pages]
    if product:
        pictures, _ = product.run()
        result["product"] = float(np.mean([error(p, d["colour"], r["line"]) for p, (d, r) in zip(pictures, pages)]))
        for name, where in (("balloon", lambda d: d["balloon"]), ("gutter", gutters), ("white", lambda d: d["ids"] == 0)):
            off = [x for p, (d, _) in zip(pictures, pages) for x in paper_off(p, d, where(d))]
            result[f"product_{name}"] = float(np.mean(off))
            result[f"product_{name}_within_3"] = float(np.mean([x <= 3 for x in off]))
    row = lambda i: strip([rgb3(pages[i][1]["line"]), pages[i][1]["guided"], pictures[i], pages[i][0]["colour"]], pages[i][0]["references"], 256)  # noqa: E731
    several = [i for i, (d, _) in enumerate(pages) if len(np.unique(d["ids"][(d["ids"] > 0) & (d["ids"] < CAST_IDS)] // SLOTS)) >= 3]
    montage([row(i) for i in range(min(8, count))], out / "drawn.png")
    if several:
        montage([row(i) for i in several[:7]], out / "several-characters.png")
    return result


def line_versions(gray: np.ndarray) -> dict[str, np.ndarray]:
    """Line art of a gray page [H,W], extracted in three ways: as in training (XDoG), by division as in training, and by a local threshold, which
    the weights up to version 0.4.4 have never seen."""
    x = torch.from_numpy(gray.astype(np.float32))[None, None]
    byte = lambda t: rgb3(t[0, 0].numpy().clip(0, 255).astype(np.uint8))  # noqa: E731
    threshold = cv2.adaptiveThreshold(cv2.GaussianBlur(gray, (3, 3), 0), 255, cv2.ADAPTIVE_THRESH_MEAN_C, cv2.THRESH_BINARY, 15, 7)
    return dict(line=byte(paint.xdog(x)), divided=byte(paint.divide(x, 7, 2.0)), threshold=rgb3(threshold))


def real(package: Package, product: Product | None, folder: Path, out: Path, top_k: int) -> list[dict]:
    """Real coloured pages with references, as gray page and as line page."""
    results, rows, seen = [], [], []
    for d in sorted(p for p in folder.iterdir() if (p / "input.png").exists()):
        read = lambda f: np.asarray(Image.open(f).convert("RGB"))  # noqa: E731
        full, references = read(d / "input.png"), [read(f) for f in sorted(d.glob("ref*"))]
        gray = rgb3(np.asarray(Image.fromarray(full).convert("L")))
        for kind, page in dict(gray=gray, **line_versions(gray[..., 0])).items():
            r = package.colour(page, references, top_k, shadow=d.name.startswith("shadow"))
            truth = resize(full, r["line"].shape[1], r["line"].shape[0])
            # The same pixels count for both kinds: those of the extracted lines of the gray page.
            ink = paint.xdog(torch.from_numpy(np.array(Image.fromarray(truth).convert("L"), np.float32))[None, None])[0, 0].numpy()
            results.append(dict(page=d.name, kind=kind, plain=error(r["plain"], truth, ink), guided=error(r["guided"], truth, ink), **baselines(truth, ink, references)))
            if product:
                product.add(page, references, style="line + shadow" if d.name.startswith("shadow") else "line")
            seen.append((page, r, truth, ink, references))
    pictures = [r["guided"] for _, r, *_ in seen]
    if product:
        pictures = [resize(p, t.shape[1], t.shape[0]) for p, (_, _, t, *_) in zip(product.run()[0], seen)]
        for one, p, (_, _, truth, ink, references) in zip(results, pictures, seen):
            one |= dict(product=error(p, truth, ink), worse=worse(p, truth, ink, references))
    for p, (page, r, truth, _, references) in zip(pictures, seen):
        rows.append(strip([resize(page, truth.shape[1], truth.shape[0]), rgb3(r["line"]), r["guided"], p, truth], references, 320))
    montage(rows, out / "real.png")
    return results


def hints(package: Package, product: Product | None, count: int, out: Path, top_k: int) -> dict[str, float]:
    """The largest region of a figure that lines bound is repainted and gets one stroke: error inside it without and with the hint."""
    before, after, seen, g = [], [], [], np.random.default_rng(5)
    for i in range(count):
        d = drawn_page(SEED + 1_000_000 + i)
        _, parts, stats, _ = cv2.connectedComponentsWithStats((d["ink"][..., 0] > 140).astype(np.uint8), connectivity=4)
        figure = np.bincount(parts[(d["ids"] > 0) & (d["ids"] < 112)], minlength=len(stats))
        figure = np.where(figure > 0.9 * stats[:, 4], figure, 0)
        figure[0] = 0
        if figure.max() < 800:
            continue
        inside = parts == figure.argmax()
        depth = cv2.distanceTransform(np.pad(inside, 1).astype(np.uint8), cv2.DIST_L2, 3)[1:-1, 1:-1]
        y, x = np.unravel_index(depth.argmax(), depth.shape)
        colour = g.integers(0, 235, 3).astype(np.uint8)
        truth = d["colour"].copy()
        truth[inside] = colour
        a, b = alone(package, d, top_k), alone(package, d, top_k, [(int(x), int(y), colour)])
        near = np.where(inside, a["line"], 0).astype(np.uint8)
        if (near > 120).sum() < 100:
            continue
        before.append(error(a["guided"], truth, near))
        after.append(error(b["guided"], truth, near))
        if product:
            product.add(d["ink"], d["references"], [(x, y, colour)])
        seen.append((a, b, truth, near, d))
    pictures = [b["guided"] for _, b, *_ in seen]
    result = dict(without=float(np.mean(before)), with_hint=float(np.mean(after)), pages=len(before))
    if product:
        pictures, _ = product.run()
        result["product"] = float(np.mean([error(p, truth, near) for p, (_, _, truth, near, _) in zip(pictures, seen)]))
    montage([strip([a["guided"], b["hint"], b["guided"], p, truth], d["references"], 256) for p, (a, b, truth, _, d) in list(zip(pictures, seen))[:6]], out / "hints.png")
    return result


def speed(package_folder: str, top_k: int, threads: int = 2) -> dict[str, float]:
    """Seconds of each graph for a page with 3 references (best of 3 runs)."""
    package, best = Package(package_folder, threads), {}
    d = drawn_page(SEED)
    for _ in range(3):
        package.colour(d["ink"], d["references"], top_k)
        best = {k: min(v, best.get(k, 1e9)) for k, v in package.times.items()}
    return best


def evaluate(package_folder: str, out: str, count: int = 200, pages: str = "", top_k: int = 3, log: bool = True, threads: int = 1, product: bool = False) -> dict:
    """All of it; prints a table, writes montages and figures.json to `out`, appends to the log of runs. `product`: also as users get it."""
    folder = Path(out)
    package = Package(package_folder, threads)
    node = lambda: Product(package_folder) if product else None  # noqa: E731
    figures: dict = dict(drawn=drawn(package, node(), count, folder, top_k))
    f = figures["drawn"]
    print(f"drawn ({count})", " ".join(f"{k} {v:.2f}" for k, v in f.items()), flush=True)
    figures["hints"] = hints(package, node(), max(8, count // 8), folder, top_k)
    print("hints", figures["hints"], flush=True)
    if pages and Path(pages).is_dir():
        figures["real"] = real(package, node(), Path(pages), folder, top_k)
        for r in figures["real"]:
            print(r["page"], r["kind"], " ".join(f"{k} {v:.2f}" for k, v in r.items() if isinstance(v, float)), flush=True)
        figures["real_guided"] = float(np.mean([r.get("product", r["guided"]) for r in figures["real"]]))
    figures["speed_s"] = speed(package_folder, top_k)
    print("speed", {k: round(v, 3) for k, v in figures["speed_s"].items()}, flush=True)
    (folder / "figures.json").write_text(json.dumps(figures, indent=1) + "\n")
    if log:
        log_run(
            "evaluation",
            pages=count,
            top_k=top_k,
            **f,
            hint_before=figures["hints"]["without"],
            hint_after=figures["hints"]["with_hint"],
            real=figures.get("real_guided", float("nan")),
        )
    return figures
