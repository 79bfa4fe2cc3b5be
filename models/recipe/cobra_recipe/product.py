"""Pages coloured by the product itself (Node, `engine.mjs`): with the page's own ink, regions filled, hints grown, as users get them."""

import json
import subprocess
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

SCRIPT = Path(__file__).resolve().parents[1] / "engine.mjs"


class Product:
    """Collects pages, colours them in one call of Node (`run`). The product must be built (`npm run build`)."""

    def __init__(self, package: str):
        self.package, self.folder, self.jobs = Path(package).resolve(), Path(tempfile.mkdtemp(prefix="product-")), []

    def add(self, page: np.ndarray, references: list[np.ndarray], hints=(), style: str = "line", repeat: int = 1) -> None:
        """A page RGB uint8 with references; hints (x, y, (r, g, b)) in the page's pixels; with `repeat` the last time counts."""
        n = len(self.jobs)

        def write(name: str, x: np.ndarray) -> str:
            path = self.folder / f"{n:04d}-{name}.png"
            Image.fromarray(x).save(path, compress_level=1)
            return str(path)

        self.jobs.append(dict(
            page=write("page", page), references=[write(f"ref{i}", r) for i, r in enumerate(references)], out=str(self.folder / f"{n:04d}-out.png"),
            hints=[[int(x), int(y), [int(c) for c in colour]] for x, y, colour in hints], style=style, repeat=repeat,
        ))  # fmt: skip

    def run(self) -> tuple[list[np.ndarray], list[dict]]:
        """Pictures, and for each page wallMs and stageMs."""
        (self.folder / "jobs.json").write_text(json.dumps(self.jobs))
        done = subprocess.run(["node", str(SCRIPT), str(self.folder / "jobs.json"), str(self.package)], capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(f"the product failed (is it built? npm run build): {done.stderr[-2000:]}")
        times = [json.loads(line) for line in done.stdout.splitlines()]
        return [np.asarray(Image.open(j["out"]).convert("RGB")) for j in self.jobs], times
