"""One short training by the clock, on a GPU that is lent for minutes: `python -m cobra_recipe.sprint`.

Warm start, a schedule over MINUTES whatever else slows it, checkpoints of the mean weights as it goes, and no step that ends the run: what fails is
logged and tried in a simpler way.
"""

import argparse
import math
import os
import sys
import time
import traceback
from dataclasses import asdict, replace
from pathlib import Path

import torch

from . import exported, processor, train_transformer
from .config import CONFIGS, Config
from .feed import Feed
from .grow import grown
from .network import Colorizer
from .training import Run, half_is_fast, optimizers, save, set_rate

#: Seconds between log lines and between checkpoints; steps between looks at the figures, which wait for the GPU.
LOG_S, SAVE_S, LOOK = 20, 40, 20
#: Seconds between checkpoints on a processor; all are kept there.
SAVE_CPU_S = 240
#: Share of this GPU's memory that the run may take.
MEMORY = 0.6
#: What a checkpoint's config is called: its shape without the settings for a GPU.
SHAPES = {"warm-gpu": "cpu", "deep-gpu": "deep"}
#: Seconds after which threads take turns in the interpreter: batches are made in one, and each call of it would make the training wait.
TURN_S = 0.0003
#: Share of the schedule at the full rate, after steps at less.
HOLD, WARM = 0.38, 40


def rate_at(progress: float, step: int, warm: int = WARM, hold: float = HOLD, low: float = 0.005) -> float:
    """Share of the learning rate: warm-up by steps, constant, then down to `low`, slowly at the end. progress 0..1."""
    fall = (1 - progress) / (1 - hold)
    return min(1.0, (step + 1) / warm) * (1.0 if progress < hold else max(low, 0.5 * fall + 0.5 * fall**2))


class Processors:
    """Batches made by several processes, if the GPU cannot."""

    def __init__(self, cfg: Config, pool: str, seed: int, count: int = 6):
        os.environ.pop("RECIPE_AS_ON_GPU", None)
        small = replace(cfg, batch=min(cfg.batch, 24), chunks=24)
        self.feeds, self.turn = [Feed(small, pool, seed + i, "cpu") for i in range(count)], 0

    def next(self):
        self.turn = (self.turn + 1) % len(self.feeds)
        return self.feeds[self.turn].next()


class Sprint:
    def __init__(
        self, cfg: Config, pool: str, out: str, minutes: float, init: str, device: str, rate: float, seed: int,
        pages: int = 1, hold: float = HOLD, warm: int = WARM, as_exported: bool = False,
    ):  # fmt: skip
        self.cfg, self.pool, self.out, self.device, self.seed = cfg, pool, Path(out), device, seed
        self.out.mkdir(parents=True, exist_ok=True)
        self.rate, self.fast, self.start = rate, half_is_fast(device), time.time()
        self.limit_s = minutes * 60
        torch.manual_seed(seed)
        self.net, self.mean = Colorizer(cfg), Colorizer(cfg)
        given = torch.load(init, map_location="cpu", weights_only=False)["net"] if init else {}
        if given:
            self.net.load_state_dict(grown(self.net, given))
        self.say(f"start: {init or 'nothing'}, {sum(p.numel() for p in self.net.parameters()) / 1e6:.2f} M parameters")
        self.net = self.net.to(device).to(memory_format=torch.channels_last)
        self.mean = self.mean.to(device).to(memory_format=torch.channels_last)
        self.mean.load_state_dict(self.net.state_dict())
        self.safe = {k: v.clone() for k, v in self.mean.state_dict().items()}
        self.opts = optimizers(self.net, rate)
        self.run, self.turn, self.faults, self.first, self.trouble = Run(str(out), minutes), 0, 0, None, 0
        self.on_processors, self.hold, self.warm = False, hold, warm
        #: A step has at least so many pages, of several batches if need be; figures and pages of the step that is being gathered.
        self.pages, self.gathered, self.count = pages, [], 0
        # The optimizers' memory goes with the weights that it was made for.
        before = self.out / "state.pt"
        if device == "cpu" and before.exists():
            state = torch.load(before, map_location="cpu", weights_only=False)
            self.net.load_state_dict(state["raw"])
            self.mean.load_state_dict(state["mean"])
            self.safe = {k: v.clone() for k, v in state["mean"].items()}
            for o, held in zip(self.opts, state["optimizers"]):
                o.load_state_dict(held)
            self.turn = state["turn"]
            self.say(f"goes on from {before.name}")
        self.loss_of = exported.loss_of if as_exported else processor.loss_of if device == "cpu" else train_transformer.loss_of

    def say(self, text: str) -> None:
        line = f"{time.time() - self.start:6.1f}s {text}"
        print(line, flush=True)
        with (self.out / "log.txt").open("a") as f:
            f.write(line + "\n")

    @property
    def progress(self) -> float:
        return min(1.0, (time.time() - self.start) / self.limit_s)

    def step(self, batch) -> dict | None:
        """Take a batch in; gives the figures when that made a step."""
        k = rate_at(self.progress, self.run.step, self.warm, self.hold)
        set_rate(self.opts, self.rate * k)
        aux = 1.0 if self.progress < 0.5 else 1.0 - 1.2 * (self.progress - 0.5)
        loss, parts = self.loss_of(self.net, batch.to(self.device), aux, fast=self.fast)
        n = len(batch.line)
        (loss * n).backward()
        self.gathered.append(dict(parts, loss=loss.detach()))
        self.count += n
        if self.count < self.pages:
            return None
        for p in self.net.parameters():
            if p.grad is not None:
                p.grad.div_(self.count)
        norm = torch.nn.utils.clip_grad_norm_(self.net.parameters(), 1.0)
        for o in self.opts:
            o.step()
            o.zero_grad(set_to_none=True)
        with torch.no_grad():
            d = min(self.cfg.ema, (1 + self.run.step) / (10 + self.run.step))
            torch._foreach_lerp_(list(self.mean.parameters()), list(self.net.parameters()), 1 - d)
        figures = {k: torch.stack([torch.as_tensor(x[k]).float() for x in self.gathered]).mean() for k in self.gathered[0]}
        self.gathered, self.count = [], 0
        return dict(figures, norm=norm)

    def look(self, parts: dict) -> None:
        """Take the figures in; where they are no numbers, or far worse than at first, go back to weights that were good."""
        values = dict(zip(parts, torch.stack([v.float() for v in parts.values()]).tolist()))
        l1 = self.run.mean.get("l1", values["l1"])
        self.first = self.first or (l1 if self.run.step >= 100 else None)
        if not all(math.isfinite(v) for v in values.values()) or (self.first and self.device != "cpu" and l1 > 1.7 * self.first):
            self.trouble += 1
            self.rate *= 0.5
            self.say(f"TROUBLE {self.trouble} at step {self.run.step}: {values}; back, rate {self.rate:.2g}")
            for net in (self.net, self.mean):
                net.load_state_dict(self.safe)
            self.opts, self.run.mean = optimizers(self.net, self.rate), {}
            return
        for k, v in values.items():
            self.run.mean[k] = self.run.mean.get(k, v) * 0.85 + 0.15 * v
        if self.run.step % (5 * LOOK) == 0:
            self.safe = {k: v.clone() for k, v in self.mean.state_dict().items()}

    def store(self, name: str = "") -> None:
        name = name or f"slim-{self.turn}"
        self.turn = self.turn + 1 if self.device == "cpu" else 1 - self.turn
        net = {k: v.detach().float().cpu().contiguous().clone() for k, v in self.mean.state_dict().items()}
        info = dict(step=self.run.step, samples=self.run.samples, seconds=time.time() - self.start, progress=self.progress, figures=self.run.mean)
        if not all(bool(v.isfinite().all()) for v in net.values()):
            self.say(f"{name}: not finite, not written")
            return
        if self.device == "cpu":
            held = [o.state_dict() for o in self.opts]
            save(self.out / "state.pt", raw=self.net.state_dict(), mean=self.mean.state_dict(), optimizers=held, turn=self.turn)
        save(self.out / f"{name}.pt", net=net, config=asdict(replace(self.cfg, name=SHAPES[self.cfg.name])), sprint=info)
        self.say(f"wrote {name}.pt, step {self.run.step}")

    def fault(self, feed, error: BaseException):
        """After an error: less at a time where memory ran out, otherwise batches made in line after the second; gives the feed to go on with."""
        self.faults += 1
        self.say(f"FAULT {self.faults}: {type(error).__name__}: {str(error)[:300]}")
        if self.faults <= 4:
            (self.out / f"fault-{self.faults}.txt").write_text("".join(traceback.format_exception(error)))
        if self.faults > 12:
            raise error
        if "out of memory" in str(error).lower() or isinstance(error, getattr(torch, "OutOfMemoryError", MemoryError)):
            self.cfg = replace(self.cfg, batch=max(2, self.cfg.batch // 2))
            self.say(f"batch {self.cfg.batch}")
        elif self.faults == 2:
            os.environ["RECIPE_INLINE"] = "1"
            self.say("batches are made in line from now on")
        elif self.faults == 3:
            self.fast = False
            self.say("float32 from now on")
        elif self.faults == 4 and not self.on_processors:
            self.on_processors = True
            self.say("processors make the batches from now on")
            return self.feed()
        for o in self.opts:
            o.zero_grad(set_to_none=True)
        self.gathered, self.count = [], 0
        if self.device != "cpu":
            torch.cuda.empty_cache()
        if isinstance(feed, Feed) and "making batches" not in str(error) and self.faults not in (2,) and "memory" not in str(error):
            return feed
        return self.feed()

    def feed(self):
        if self.on_processors:
            os.environ.pop("RECIPE_INLINE", None)
            return Processors(self.cfg, self.pool, self.seed + 1000 * self.faults)
        return Feed(self.cfg, self.pool, self.seed + 1000 * self.faults, self.device)

    def go(self) -> None:
        feed, shown, saved, looked = None, time.time(), time.time(), {}
        waited = worked = 0.0
        while self.progress < 1:
            try:
                feed = feed or self.feed()
                t = time.time()
                batch = feed.next()
                waited += time.time() - t
                t = time.thread_time()
                parts = self.step(batch)
                worked += time.thread_time() - t
                self.run.samples += len(batch.line)
                if parts is None:
                    continue
                self.run.step += 1
                if self.run.step <= 3 or self.run.step % LOOK == 0:
                    self.look(parts)
                if self.run.step in (1, 10) or time.time() - shown > LOG_S:
                    shown = time.time()
                    spent = shown - self.start
                    memory = f"{torch.cuda.max_memory_allocated() / 2**30:.1f} GiB " if self.device != "cpu" else ""
                    chunks = len(list(Path(self.pool).glob("[0-9]*.npz")))
                    figures = " ".join(f"{k} {v:.3f}" for k, v in self.run.mean.items())
                    rate = self.rate * rate_at(self.progress, self.run.step, self.warm, self.hold)
                    self.say(f"step {self.run.step} pages {self.run.samples} ({self.run.samples / spent:.0f}/s, waited {waited:.0f}s, own processor {worked:.0f}s) {memory}chunks {chunks} rate {rate:.2g} {figures}")
                if time.time() - saved > (SAVE_S if self.device != "cpu" else SAVE_CPU_S):
                    saved = time.time()
                    self.store()
            except (Exception, KeyboardInterrupt) as error:
                if isinstance(error, KeyboardInterrupt):
                    self.say("interrupted")
                    break
                feed = self.fault(feed, error)
        self.store("last")
        self.say("DONE")


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--config", default="warm-gpu", choices=list(SHAPES))
    p.add_argument("--pool", required=True)
    p.add_argument("--out", required=True)
    p.add_argument("--init", default="")
    p.add_argument("--minutes", type=float, default=4.0)
    p.add_argument("--device", default="cuda")
    p.add_argument("--batch", type=int)
    p.add_argument("--rate", type=float)
    p.add_argument("--ema", type=float)
    p.add_argument("--references", type=int)
    p.add_argument("--chunks", type=int, help="chunks of the pool kept in memory")
    p.add_argument("--pages", type=int, default=1, help="pages of a step at least, of several batches if need be")
    p.add_argument("--hold", type=float, default=HOLD, help="share of the time at the full rate; then it falls to nothing")
    p.add_argument("--warm", type=int, default=WARM, help="steps in which the rate rises")
    p.add_argument("--lines", action="store_true", help="more pages of traced lines, most at the second look's size")
    p.add_argument("--exported", action="store_true", help="train on what the exported network does (on a processor)")
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--threads", type=int, default=3)
    a = p.parse_args()
    if a.exported and a.device != "cpu":
        p.error("--exported is for --device cpu")
    torch.set_num_threads(a.threads)
    cfg = CONFIGS[a.config]
    cfg = replace(cfg, batch=a.batch or cfg.batch, ema=a.ema or cfg.ema, chunks=a.chunks or cfg.chunks, references=a.references or cfg.references, lines=a.lines)
    sys.setswitchinterval(TURN_S)
    if a.device != "cpu":
        # Convolutions of pages (line extraction) stay exact; the network's are in half precision anyway.
        torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = True, False
        try:
            torch.cuda.set_per_process_memory_fraction(MEMORY)
        except Exception as error:
            print(error)
    sprint = Sprint(cfg, a.pool, a.out, a.minutes, a.init, a.device, a.rate or cfg.learning_rate, a.seed, a.pages, a.hold, a.warm, a.exported)
    try:
        sprint.go()
    except BaseException:
        sprint.say("ENDED by an error:\n" + traceback.format_exc())
        sprint.store("last")
        raise
    # Threads that make batches would keep the process alive.
    os._exit(0)


if __name__ == "__main__":
    main()
