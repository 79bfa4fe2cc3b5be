"""Train the colouring network on painted geometries."""

from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from .colour import cie76, counted
from .config import Config
from .data import Batch, Feed, Maker, Pool
from .drawing.ids import CLASS_OF_ID
from .pool import HELD_OUT
from .drawing.page import geometry
from .training import Run, factor, log_run, optimizers, save
from .transformer import Colorizer, pack, unpack
from .vae import VAE

#: Reference counts in training and how often (drawn per step; the config's maximum clips them).
COUNTS, COUNT_P = [0, 1, 2, 3, 4, 6, 8, 12], [0.02, 0.1, 0.18, 0.25, 0.2, 0.13, 0.06, 0.06]


def load_vae(path: str, cfg: Config, device: str) -> VAE:
    vae = VAE(cfg.vae4, cfg.vae8, cfg.latent)
    state = torch.load(path, map_location="cpu")
    vae.load_state_dict(state.get("net", state))
    return vae.eval().requires_grad_(False).to(device).to(memory_format=torch.channels_last)


@torch.no_grad()
def encode(vae: VAE, x: torch.Tensor, most: int = 64) -> torch.Tensor:
    """Scaled latents."""
    return torch.cat([vae.encode(x[i : i + most]) for i in range(0, len(x), most)]) * vae.scale


def latents(vae: VAE, batch: Batch):
    """Latents of page, line, hint and references [B,R,z,h/2,w/2]; only hinted pages are encoded twice."""
    b, r = batch.references.shape[:2]
    z, line = encode(vae, batch.colour), encode(vae, batch.line)
    hint, hinted = line.clone(), batch.hinted.any(1)
    if hinted.any():
        hint[hinted] = encode(vae, batch.hint[hinted])
    refs = encode(vae, batch.references.flatten(0, 1)).unflatten(0, (b, r)) if r else line.new_zeros(b, 0, line.shape[1], line.shape[2] // 2, line.shape[3] // 2)
    return z, line, hint, refs


def spots_of(mask: torch.Tensor, most: int = 48):
    """mask [B,1,h,w] -> cell numbers [B,M] of hinted cells and which are real [B,M]."""
    flat = mask.flatten(1)
    m = min(most, int((flat >= 0.5).sum(1).max()))
    value, index = flat.topk(m, 1) if m else (flat[:, :0], flat[:, :0].long())
    return index, value >= 0.5


def match_loss(p, page_id, ref_id, spots, spot_on, hinted):
    """-log of the copying weight on cells of the same region. p [B,Q,1+M+K]; hinted regions must point at their strokes;
    a region that no reference shows must point at the null key. Returns (loss, share of cells with most weight right)."""
    b, q, _ = p.shape
    page = page_id.flatten(1)
    own = page.gather(1, spots)
    ids = unpack(pack(ref_id.flatten(0, 1)[:, None].float())).reshape(b, -1).long() if ref_id.shape[1] else page[:, :0]
    is_hinted = hinted.gather(1, page)[:, :, None]
    hit_ref = (page[:, :, None] == ids[:, None]) & ~is_hinted
    hit_own = (page[:, :, None] == own[:, None]) & spot_on[:, None] & is_hinted
    hit = torch.cat([hit_own, hit_ref], 2)
    null = ~hit.any(2, keepdim=True) | (page == 0)[:, :, None]
    mass = p.masked_fill(~torch.cat([null, hit], 2), 0).sum(-1)
    weight = torch.where(page > 0, 1.0, 0.3)
    loss = -((mass + 1e-4).log() * weight).sum() / weight.sum()
    found = (page > 0) & hit.any(2)
    return loss, (((mass > 0.5) & found).sum() / found.sum().clamp(min=1)).detach()


def class_loss(logits: torch.Tensor, ids: torch.Tensor, table: torch.Tensor) -> torch.Tensor:
    """Part classes of a token's four cells. logits [N,T,4C], ids [N,h,w]."""
    target = unpack(pack(ids[:, None].float())).reshape(-1).long()
    return F.cross_entropy(unpack(logits).flatten(0, 1).float(), table[target])


def subset(batch: Batch, encoded, count: int, rng: np.random.Generator):
    """The same pages with `count` of their references, in new quadrants: encoding is a third of a step's work on a CPU, so it serves twice."""
    pick = rng.permutation(batch.references.shape[1])[:count]
    z, line, hint, refs = encoded
    quadrant = torch.from_numpy(rng.integers(0, 4, (len(z), len(pick)))).to(z.device)
    part = replace(batch, references=batch.references[:, pick], reference_id=batch.reference_id[:, pick], quadrant=quadrant)
    return part, (z, line, hint, refs[:, pick])


def loss_of(net: Colorizer, batch: Batch, encoded, vae: VAE, table: torch.Tensor, aux: float):
    """The whole loss and its parts; `encoded` are the batch's latents."""
    z, line, hint, refs = encoded
    b, r = refs.shape[:2]
    mask = F.avg_pool2d(batch.mask, 8)
    spots, on = spots_of(mask)
    if r:
        kv, segr = net.encode_references(refs.flatten(0, 1), batch.quadrant.flatten(), segment=True)
        kv = kv.unflatten(0, (b, r))
    else:
        kv = net.no_references(line)
    y, p, seg = net.train_step(line, hint, mask, kv, spots, on)
    y, p = y.float(), p.float()
    w = torch.where(batch.page_id > 0, 1.0, 0.6)[:, None]
    l1 = ((y - z).abs() * w).mean()
    block = ((vae.lin(y / vae.scale) - vae.lin(z / vae.scale)).abs() * w).mean()
    match, hit = match_loss(p, batch.page_id, batch.reference_id, spots, on, batch.hinted)
    part = class_loss(seg, batch.page_id, table)
    if r:
        part = part + 0.5 * class_loss(segr, batch.reference_id.flatten(0, 1), table)
    loss = l1 + 1.5 * block + aux * (match + 0.4 * part)
    return loss, dict(l1=l1.item(), block=block.item(), match=match.item(), hit=hit.item(), part=part.item())


def warm_start(net: Colorizer, path: str) -> list[str]:
    """Take what fits from a checkpoint of this recipe, or from the prototype's; returns names that stay fresh."""
    state = torch.load(path, map_location="cpu")
    old = state["net"] if "net" in state else state
    if "ada.lin.weight" in old:
        old = _from_prototype(old, net)
        for stem in (net.page_stem, net.ref_stem):
            torch.nn.init.zeros_(stem.tok.weight)
            torch.nn.init.zeros_(stem.tok.bias)
    own = net.state_dict()
    fits = {k: v for k, v in old.items() if k in own and own[k].shape == v.shape}
    net.load_state_dict(fits, strict=False)
    return sorted(set(own) - set(fits))


def _from_prototype(old: dict, net: Colorizer) -> dict:
    """Fold the prototype's AdaLN (constant at its only size and step) into tables."""
    silu = F.silu

    def embed(prefix: str, t: float):
        freq = torch.exp(-np.log(10000) * torch.arange(64).float() / 64)
        wave = lambda x: torch.cat([(x * freq).cos(), (x * freq).sin()])  # noqa: E731
        mlp = lambda n, x: F.linear(
            silu(F.linear(wave(x), old[f"{prefix}.{n}.0.weight"], old[f"{prefix}.{n}.0.bias"])), old[f"{prefix}.{n}.2.weight"], old[f"{prefix}.{n}.2.bias"]
        )  # noqa: E731
        e = mlp("t", t) + torch.cat([mlp("r", 256.0), mlp("r", 512.0), mlp("a", 0.5)])
        return F.linear(silu(e), old[f"{prefix}.lin.weight"], old[f"{prefix}.lin.bias"]).reshape(6, -1), e

    page, e = embed("ada", 999.0)
    ref, _ = embed("ada", 0.0)
    control, _ = embed("cada", 999.0)
    new = {k.replace(".sst", ".page"): v for k, v in old.items()}
    for k, v in old.items():
        if k.endswith(".sst"):
            new[k.replace(".sst", ".page")] = v + (control if k.startswith("c") else page)
            if not k.startswith("c"):
                new[k.replace(".sst", ".ref")] = v + ref
    for head in ("hseg", "hsegr"):
        for part in ("weight", "bias"):
            x = old[f"{head}.{part}"]
            new[f"{head}.{part}"] = x.reshape(4, -1, *x.shape[1:]).transpose(0, 1).reshape(x.shape)
    new["table"] = old["fsst"] + e[None]
    return new


class Validation:
    """Held-out geometries with fixed colours and references: CIE76 of the plain decode."""

    def __init__(self, vae: VAE, device: str, count: int = 48):
        maker = Maker(HELD_OUT, device)
        self.batches = []
        for n, (h, w) in enumerate([(256, 256), (384, 288), (352, 352)]):
            items = [geometry(HELD_OUT + 1000 * n + i, h, w) for i in range(count // 3)]
            page, refs, kinds = (torch.from_numpy(np.stack([x[k] for x in items])) for k in ("page", "references", "kinds"))
            b = maker.make(page, refs, kinds, 6, hints=0.0, kind=n % 3)
            _, line, _, ref = latents(vae, b)
            self.batches.append((b, line, ref))
        self.vae = vae

    @torch.no_grad()
    def __call__(self, net: Colorizer) -> float:
        scores = []
        for b, line, ref in self.batches:
            for s in range(0, len(line), 8):
                k = slice(s, s + 8)
                kv = net.encode_references(ref[k].flatten(0, 1), b.quadrant[k].flatten()).unflatten(0, ref[k].shape[:2])
                y = net(line[k], line[k], torch.zeros_like(line[k][:, :1]), kv)
                rgb = (self.vae.decode(y / self.vae.scale).clamp(-1, 1) + 1) * 127.5
                truth, ink = (b.colour[k] + 1) * 127.5, (b.line[k][:, :1] + 1) * 127.5
                on, e = counted(truth, ink), cie76(rgb, truth)
                scores += [(e[i][on[i]].mean().item()) for i in range(len(e)) if on[i].any()]
        return float(np.mean(scores))


def train(cfg: Config, pool: str, vae_path: str, out: str, minutes: float, seed: int = 0, device: str = "cpu", init: str = "", evaluate_every_s: float = 240) -> None:
    """Train until `minutes` are spent in all; resumes from `out` when it is there."""
    torch.manual_seed(seed)
    torch.set_flush_denormal(True)
    vae = load_vae(vae_path, cfg, device)
    net, mean = Colorizer(cfg).to(device), Colorizer(cfg).to(device)
    run, path = Run(out, minutes), Path(out)
    opts = optimizers(net, cfg.learning_rate)
    if path.exists():
        state = torch.load(path, map_location="cpu")
        net.load_state_dict(state["raw"])
        mean.load_state_dict(state["net"])
        for o, s in zip(opts, state["optimizers"]):
            o.load_state_dict(s)
        run.load(state["run"])
    else:
        if init:
            print("fresh:", len(warm_start(net, init)), "of", len(net.state_dict()), flush=True)
        mean.load_state_dict(net.state_dict())
    print(f"{sum(p.numel() for p in net.parameters()) / 1e6:.2f} M parameters", flush=True)
    cuda = device.startswith("cuda")
    data, maker = Pool(pool, cfg.chunks, seed + run.step, device, follow=cuda), Maker(seed + run.step, device)
    table = torch.from_numpy(CLASS_OF_ID.astype(np.int64)).to(device)
    check, last_check = Validation(vae, device), run.spent

    def draw_count() -> int:
        return min(int(data.rng.choice(COUNTS, p=COUNT_P)), cfg.references)

    def make() -> Batch:
        return maker.make(*data.take(cfg.batch), max(draw_count() for _ in range(cfg.replay)))

    ready: list = []

    feed = Feed(make, 3 if cuda else 0)
    run.pause()

    def store() -> None:
        save(path, net=mean.state_dict(), raw=net.state_dict(), optimizers=[o.state_dict() for o in opts], run=run.state(), config=asdict(cfg), seed=seed)

    while run.going:
        k = factor(run.progress, run.step)
        for o in opts:
            for group in o.param_groups:
                group["lr"] = cfg.learning_rate * k
        if not ready:
            whole = feed.next()
            encoded, most = latents(vae, whole), whole.references.shape[1]
            ready = [(whole, encoded)] + [subset(whole, encoded, min(most, draw_count()), data.rng) for _ in range(cfg.replay - 1)]
        batch, encoded = ready.pop()
        aux = 0.4 if run.progress < 0.5 else max(0.1, 0.4 * (1 - run.progress) / 0.5)
        with torch.autocast("cuda", torch.bfloat16, enabled=cuda):
            loss, parts = loss_of(net, batch, encoded, vae, table, aux)
        for o in opts:
            o.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        for o in opts:
            o.step()
        with torch.no_grad():
            d = min(cfg.ema, (1 + run.step) / (10 + run.step))
            torch._foreach_lerp_(list(mean.parameters()), list(net.parameters()), 1 - d)
        run.advance(len(batch.colour), **parts)
        if run.step % 25 == 0:
            print(run.line(), f"lr {k:.2f} {run.samples / run.spent:.1f}/s", flush=True)
        if run.due():
            store()
            data.refresh()
            if run.spent - last_check > evaluate_every_s:
                last_check = run.spent
                print(f"EVAL {run.spent:.0f}s n {run.samples} cie76 {check(mean):.2f}", flush=True)
            run.pause()
    store()
    if run.progress < 1:
        return
    score = check(mean)
    print(f"FINAL {run.spent:.0f}s n {run.samples} cie76 {score:.2f}", flush=True)
    log_run("transformer", config=cfg.name, minutes=run.spent / 60, samples=run.samples, seed=seed, chunks=len(data.chunks), cie76_plain=score, **run.mean)
