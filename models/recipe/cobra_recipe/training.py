"""What all trainings share: optimizers, schedule by time, checkpoints that resume, the log of runs."""

import json
import os
import time
from pathlib import Path

import torch

from .config import CONFIGS, Config

RUNS = Path(__file__).resolve().parents[1] / "RUNS.md"


#: AdamW's share of the learning rate: the heads see large features and become restless at Muon's.
ADAM = 0.35


class Muon(torch.optim.Optimizer):
    """Muon (Jordan et al. 2024) for matrices and for convolutions, whose kernels it sees as matrices; steps have AdamW's size."""

    def __init__(self, params, lr: float, momentum: float = 0.95, weight_decay: float = 0.05):
        super().__init__(params, dict(lr=lr, momentum=momentum, weight_decay=weight_decay))

    @torch.no_grad()
    def step(self) -> None:
        for group in self.param_groups:
            params = [p for p in group["params"] if p.grad is not None]
            if not params:
                continue
            m, grads = group["momentum"], [p.grad for p in params]
            held = [self.state[p].setdefault("momentum", torch.zeros_like(p.grad)) for p in params]
            torch._foreach_lerp_(held, grads, 1 - m)
            moves = torch._foreach_lerp(grads, held, m)
            torch._foreach_mul_(params, 1 - group["lr"] * group["weight_decay"])
            # Matrices of one shape go together: a GPU would wait for many small products.
            alike: dict[tuple[int, int], list[int]] = {}
            for i, p in enumerate(params):
                alike.setdefault((p.shape[0], p[0].numel()), []).append(i)
            for shape, at in alike.items():
                turned = orthogonal(torch.stack([moves[i].flatten(1) for i in at]))
                for i, u in zip(at, turned.unbind()):
                    params[i].add_(u.reshape(params[i].shape), alpha=-group["lr"] * 0.2 * max(shape) ** 0.5)


def orthogonal(g: torch.Tensor, steps: int = 3) -> torch.Tensor:
    """The nearest matrices [N,r,c] with singular values near 1, by Newton-Schulz."""
    x = g.mT if g.shape[1] > g.shape[2] else g
    x = x / (x.norm(dim=(1, 2), keepdim=True) + 1e-7)
    if half_is_fast(g.device.type):
        x = x.bfloat16()
    for _ in range(steps):
        a = x @ x.mT
        x = 3.4445 * x + (-4.7750 * a + 2.0315 * a @ a) @ x
    return (x.mT if g.shape[1] > g.shape[2] else x).float()


def optimizers(net: torch.nn.Module, rate: float) -> list[torch.optim.Optimizer]:
    """Muon for the blocks' matrices and the large convolutions, AdamW for the rest."""
    mats = [p for n, p in net.named_parameters() if p.ndim in (2, 4) and min(p.shape[0], p[0].numel()) > 24 and "fixed" not in n]
    ids = {id(p) for p in mats}
    rest = [p for p in net.parameters() if id(p) not in ids and p.requires_grad]
    return [torch.optim.AdamW(rest, rate * ADAM, betas=(0.9, 0.98), weight_decay=0.01), Muon(mats, rate)]


def set_rate(opts: list[torch.optim.Optimizer], rate: float) -> None:
    """Learning rates of what `optimizers` gave."""
    for o in opts:
        for group in o.param_groups:
            group["lr"] = rate if isinstance(o, Muon) else rate * ADAM


def factor(progress: float, step: int, warm: int = 60, hold: float = 0.25, low: float = 0.03) -> float:
    """Learning rate factor: warm-up, constant, linear to `low`. progress 0..1."""
    return min(1.0, (step + 1) / warm) * (1.0 if progress < hold else max(low, (1 - progress) / (1 - hold)))


def half_is_fast(device: str) -> bool:
    """Whether bfloat16 pays: on processors without instructions for it, it is six times slower than float32."""
    return device != "cpu" or torch.cpu._is_avx512_bf16_supported()


class Run:
    """Time, steps, running means, checkpoint file. `spent` seconds carry over when a run resumes."""

    def __init__(self, path: str, minutes: float, every_s: float = 60):
        self.path, self.limit_s, self.every_s = Path(path), minutes * 60, every_s
        self.spent, self.step, self.samples = 0.0, 0, 0
        self.mean: dict[str, float] = {}
        self.saved = self.tick = time.time()

    def state(self) -> dict:
        return dict(spent=self.spent, step=self.step, samples=self.samples)

    def load(self, state: dict) -> None:
        self.spent, self.step, self.samples = state["spent"], state["step"], state["samples"]

    @property
    def going(self) -> bool:
        """Whether to go on: time is left in the schedule, and in this call (RECIPE_DEADLINE, seconds since 1970)."""
        return self.progress < 1 and time.time() < float(os.environ.get("RECIPE_DEADLINE", "inf"))

    @property
    def progress(self) -> float:
        return min(1.0, self.spent / self.limit_s)

    def advance(self, samples: int, weight: float = 0.02, **values: float) -> None:
        """Count a step; values join the running means with `weight`."""
        now = time.time()
        self.spent += now - self.tick
        self.tick = now
        self.step += 1
        self.samples += samples
        for k, v in values.items():
            self.mean[k] = self.mean.get(k, v) * (1 - weight) + weight * v

    def pause(self) -> None:
        """Do not count the time since the last step (evaluation, saving)."""
        self.tick = time.time()

    def keep(self, store, data) -> None:
        """After a step: print now and then; when a checkpoint is due, store it and take new data, without counting the time."""
        if self.step % 25 == 0:
            print(self.line(), flush=True)
        if self.due():
            store()
            if data is not None:
                data.refresh()
            self.pause()

    def line(self) -> str:
        return f"{self.spent:.0f}s step {self.step} n {self.samples} " + " ".join(f"{k} {v:.3f}" for k, v in self.mean.items())

    def due(self) -> bool:
        """Whether a checkpoint is due."""
        if time.time() - self.saved < self.every_s:
            return False
        self.saved = time.time()
        return True


def save(path: Path, **content) -> None:
    """Write a checkpoint whole or not at all."""
    part = path.with_suffix(".part")
    torch.save(content, part)
    part.replace(path)


def config_of(checkpoint: dict) -> Config:
    return Config(**checkpoint["config"])


def config(name: str) -> Config:
    return CONFIGS[name]


def log_run(title: str, **figures) -> None:
    """Append a run to the text log that is kept in git (trials with the tiny config are not)."""
    if figures.get("config") == "tiny":
        return
    stamp = time.strftime("%Y-%m-%d %H:%M", time.gmtime())
    text = ", ".join(f"{k} {v:.4g}" if isinstance(v, float) else f"{k} {v}" for k, v in figures.items())
    with RUNS.open("a") as f:
        f.write(f"- {stamp} **{title}**: {text}\n")


def dump(value: dict) -> str:
    return json.dumps(value, sort_keys=True)
