"""Geometries from the pool to batches, ahead of the training: in another process for a CPU, in a thread for a GPU."""

import os
import queue
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
import torch.multiprocessing as mp

from .config import Config
from .data import Batch, Maker
from .pool import PLAIN, PLAIN_EVERY

#: Reference counts in training and how often (drawn per step; the config's maximum clips them).
COUNTS, COUNT_P = [0, 1, 2, 3, 4, 6, 8, 12], [0.02, 0.12, 0.2, 0.25, 0.2, 0.13, 0.04, 0.04]
#: Pairs of page and reference cells in a batch, for each page of the config's batch, at most: memory grows with them.
PAIRS = 2_400_000
#: What a chunk holds, in order.
KEYS = ("page", "references", "kinds", "traits", "colours", "natural", "classes")


class Pool:
    """Chunks of geometries as tensors on `device`, at most `limit`; `refresh` takes in chunks written since.

    With `follow` a thread does that all the time, beginning as soon as the first chunk is there.
    """

    def __init__(self, folder: str, limit: int, seed: int, device: str = "cpu", follow: bool = False):
        self.folder, self.limit, self.device, self.follow = Path(folder), limit, device, follow
        self.rng = np.random.default_rng([seed, 1])
        self.names: set[str] = set()
        self.chunks: list[dict[str, torch.Tensor]] = []
        self.refresh(1 if follow else min(limit, 8))
        if follow:
            threading.Thread(target=self._follow, daemon=True).start()

    def _follow(self) -> None:
        while True:
            try:
                found = self._load(8)
            except Exception as error:  # a chunk that cannot be read costs that chunk
                print(f"pool: {error!r}", flush=True)
                found = 0
            if not found:
                time.sleep(1)

    def refresh(self, most: int = 2) -> None:
        """Load up to `most` new chunks; the oldest leave when the limit is reached. Does nothing for a pool that follows."""
        if not (self.follow and self.chunks):
            self._load(most)

    def _load(self, most: int) -> int:
        new = [p for p in sorted(self.folder.glob("[0-9]*.npz")) if p.name not in self.names][:most]

        def read(path: Path) -> dict[str, torch.Tensor]:
            self.names.add(path.name)
            with np.load(path) as data:
                chunk = {k: torch.from_numpy(data[k]).to(self.device if k in ("page", "references") else "cpu") for k in data.files}
            return chunk

        with ThreadPoolExecutor(4 if self.follow else 1) as pool:
            loaded = list(pool.map(read, new))
        self.chunks = (self.chunks + loaded)[-self.limit :]
        return len(new)

    def take(self, n: int, references: int = 0) -> tuple[torch.Tensor, ...]:
        """Geometries of one size: page [n,3,H,W], references [n,K,3,H/2,W/2], kinds [n,8], traits [n,8,3], colours [n,256,3], natural and classes [n,256].

        n is for 256x256 pages; larger pages come fewer, and so do those with many `references` (`PAIRS`).
        """
        chunks = self.chunks
        first = chunks[self.rng.integers(len(chunks))]
        shape = first["page"].shape
        cells = shape[2] * shape[3] // 64
        n = max(1, min(round(n * 1024 / cells), n * PAIRS // (cells * (cells * references // 4 + 2))))
        like = [c for c in chunks if c["page"].shape == shape]
        parts, left = [], n
        while left > 0:
            c = first if not parts else like[self.rng.integers(len(like))]
            size = len(c["page"])
            plain = np.arange(size) % PLAIN_EVERY == 0
            weight = np.where(plain, PLAIN / plain.sum(), (1 - PLAIN) / (~plain).sum())
            i = torch.from_numpy(self.rng.choice(size, min(left, size, 16 if n > 16 else left), replace=False, p=weight))
            there = i.pin_memory().to(self.device, non_blocking=True) if self.device != "cpu" else i
            parts.append([c[k][there if c[k].is_cuda else i] for k in KEYS])
            left -= len(i)
        return tuple(torch.cat(x) for x in zip(*parts))


def batches(cfg: Config, pool: str, seed: int, device: str, **options):
    """Endless batches of pages, each batch with its own number of references."""
    data, maker = Pool(pool, cfg.chunks, seed, device, follow=device.startswith("cuda")), Maker(seed, device, cfg.lines)
    refreshed = time.time()
    while True:
        if time.time() - refreshed > 15:
            data.refresh(1)
            refreshed = time.time()
        count = min(int(data.rng.choice(COUNTS, p=COUNT_P)), cfg.references)
        page, refs, kinds, cast, colours, natural, classes = data.take(cfg.batch, count)
        batch = maker.make(page, refs, kinds, count, known=(colours.numpy(), natural.numpy()), **options)
        batch.traits, batch.classes = maker._put(cast.numpy()).long(), maker._put(classes.numpy())
        yield batch


def _work(out, cfg: Config, pool: str, seed: int, parent: int) -> None:
    os.nice(5)
    torch.set_num_threads(1)
    for batch in batches(cfg, pool, seed, "cpu"):
        batch = batch.ahead()
        while True:
            # A training that was killed leaves a full queue behind; do not wait for it for ever.
            if os.getppid() != parent:
                out.cancel_join_thread()
                return
            try:
                out.put(batch, timeout=5)
                break
            except queue.Full:
                continue


class Feed:
    """Batches on `device`, made ahead of time; what fails in making them is raised by `next`. With RECIPE_INLINE no process is started and the
    training waits for each batch: for a processor that has other work."""

    def __init__(self, cfg: Config, pool: str, seed: int, device: str):
        self.fault: BaseException | None = None
        self.inline = batches(cfg, pool, seed, device) if os.environ.get("RECIPE_INLINE") else None
        if self.inline:
            return
        if device == "cpu" and not os.environ.get("RECIPE_AS_ON_GPU"):
            context = mp.get_context("spawn")
            self.queue = context.Queue(6)
            self.worker = context.Process(target=_work, args=(self.queue, cfg, pool, seed, os.getpid()), daemon=True)
            self.worker.start()
        else:
            self.queue, self.worker = queue.Queue(3), None
            threading.Thread(target=self._thread, args=(cfg, pool, seed, device), daemon=True).start()

    def _thread(self, *args) -> None:
        # A stream of its own: what is made here does not wait for the training's work, nor that for the copies here.
        try:
            if not args[-1].startswith("cuda"):
                for batch in batches(*args):
                    self.queue.put((batch, None))
                return
            stream = torch.cuda.Stream()
            with torch.cuda.stream(stream):
                for batch in batches(*args):
                    self.queue.put((batch, stream.record_event()))
        except BaseException as fault:  # handed on by next()
            self.fault = fault
            self.queue.put(None)

    def next(self) -> Batch:
        """The next batch."""
        if self.inline:
            return next(self.inline)
        while True:
            try:
                batch = self.queue.get(timeout=60)
            except queue.Empty:
                if self.worker is not None and not self.worker.is_alive():
                    raise RuntimeError("the process that makes batches has ended; its error stands above") from None
                continue
            if batch is None:
                raise RuntimeError("making batches failed") from self.fault
            if isinstance(batch, Batch):
                return batch
            batch, made = batch
            if made is not None:
                torch.cuda.current_stream().wait_event(made)
                for x in vars(batch).values():
                    if isinstance(x, torch.Tensor):
                        x.record_stream(torch.cuda.current_stream())
            return batch
