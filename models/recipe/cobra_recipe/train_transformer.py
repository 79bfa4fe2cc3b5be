"""Train the colouring network on painted geometries."""

from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from . import paint
from .colour import cie76, counted
from .config import Config
from .data import GRAY, INK, TRACED, Batch, Maker
from .drawing.ids import CAST_IDS, IRIS, SLOTS, TRAITS
from .drawing.page import geometry
from .feed import Feed
from .latent import decode, luma
from .network import Colorizer, pack, unpack
from .pool import HELD_OUT
from .training import Run, factor, half_is_fast, log_run, optimizers, save, set_rate


#: How much more a cell of paper, one of an iris and one of another small region count than others.
PAPER, EYES, TINY = 1.0, 6.0, 2.0
#: Weight of the traits' loss against the classes': costumes hide some of them.
TRAIT = 0.45


def match_loss(p, page_id, ref_id, on):
    """-log of the copying weight on cells of the same region, over cells that are `on` [B,h*w]; white must point at paper, and a region that
    no reference shows at nothing. p [B,Q,2+K]. Returns the loss, the share of cells with most weight right, and that of white cells."""
    b = len(p)
    page = page_id.flatten(1).long()
    ids = unpack(pack(ref_id.flatten(0, 1)[:, None].float())).reshape(b, -1).long() if ref_id.shape[1] else page[:, :0]
    white = page == 0
    hit = (page[:, :, None] == ids[:, None]) & ~white[:, :, None]
    found = hit.any(2)
    right = torch.cat([(~found & ~white)[:, :, None], white[:, :, None], hit], 2)
    mass = torch.where(right, p, 0.0).sum(-1)
    loss = -((mass + 1e-4).log() * on).sum() / on.sum().clamp(min=1)
    sure = (mass > 0.5).float()
    share = lambda x: ((sure * x).sum() / x.sum().clamp(min=1)).detach()  # noqa: E731
    return loss, share(found * on), share(white * on)


def class_loss(logits: torch.Tensor, ids: torch.Tensor, table: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Part classes of cells: logits [N,C,h,w], ids [N,h,w], table [N,256] (255: not known). Also the share that is right."""
    target = table.long().gather(1, ids.flatten(1).long()).reshape(ids.shape)
    known = target < 255
    loss = F.cross_entropy(logits, target.masked_fill(~known, -100), reduction="sum") / known.sum().clamp(min=1)
    return loss, (((logits.argmax(1) == target) & known).sum() / known.sum().clamp(min=1)).detach()


def trait_loss(logits: torch.Tensor, ids: torch.Tensor, cast: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Hair, top and hat of the character that a cell belongs to: logits [N,23,h,w], ids [N,h,w], cast [N,8,3]. Also the share that is right."""
    ids = ids.long()
    who = (ids // SLOTS).clamp(max=7)
    target = cast.gather(1, who.flatten(1)[:, :, None].expand(-1, -1, 3)).reshape(*ids.shape, 3)
    known = (ids > 0) & (ids < CAST_IDS) & (target[..., 0] < 255)
    target = target.masked_fill(~known[..., None], -100)
    loss, right = 0.0, 0.0
    for k, part in enumerate(logits.split(TRAITS, 1)):
        loss = loss + F.cross_entropy(part, target[..., k], reduction="sum") / known.sum().clamp(min=1)
        right = right + ((part.argmax(1) == target[..., k]) & known).sum() / known.sum().clamp(min=1) / len(TRAITS)
    return loss, right.detach()


def counts(batch: Batch) -> torch.Tensor:
    """How much each cell of the page counts [B,h,w]."""
    ids = batch.page_id.long()
    count = 1 + PAPER * (ids == 0) + EYES * ((ids < CAST_IDS) & (ids % SLOTS == IRIS))
    return count if batch.small is None else torch.maximum(count, 1 + TINY * batch.small)


def loss_of(net: Colorizer, batch: Batch, aux: float, fast: bool, matched=match_loss, reference=None, end=None):
    """The whole loss and its parts; `fast`: half precision where it does no harm; `matched`, `reference`: what takes the place of `match_loss`
    and of `net.reference`; `end`: what is done to the page's colours [B,12,h,w] in the end."""
    line, hint, refs = batch.latents()
    b, r = refs.shape[:2]
    zero = line.new_zeros(())
    part_r, value = zero, zero
    with torch.autocast(line.device.type, torch.bfloat16, enabled=fast):
        if r:
            kv, (classes_r, traits_r), colour = (reference or net.reference)(refs.flatten(0, 1))
            kv, ids_r = kv.unflatten(0, (b, r)), batch.reference_id.flatten(0, 1)
            part_r = class_loss(classes_r, ids_r, batch.classes.repeat_interleave(r, 0))[0] + trait_loss(traits_r, ids_r, batch.traits.repeat_interleave(r, 0))[0] * TRAIT
            value = (colour - paint.unit(batch.reference_fill.flatten(0, 1).float())).abs().mean()
        else:
            kv = net.no_references(line)
        y, p, (classes, traits, light) = net.page(line, hint, batch.mask, kv)
    y = end(y) if end else y
    truth = paint.unit(batch.fill.float())
    tone = (light[:, 0] - luma(truth.unflatten(1, (3, 4)).mean(2))[:, 0]).abs().mean()
    count = counts(batch)
    l1 = ((y - truth).abs().mean(1) * count).sum() / count.sum()
    open_ = (batch.mask < 0.5).float().flatten(1)
    match, hit, white = matched(p, batch.page_id, batch.reference_id, open_ * (batch.page_id < 200).flatten(1) * count.flatten(1))
    part, right = class_loss(classes, batch.page_id, batch.classes)
    trait, known = trait_loss(traits, batch.page_id, batch.traits)
    parts = dict(l1=l1, match=match, hit=hit, white=white, part=part, right=right, trait=trait, known=known, value=value, tone=tone)
    loss = 2 * l1 + value + 0.5 * tone + aux * (match + part + TRAIT * trait + 0.5 * part_r)
    return loss, {k: v.detach() for k, v in parts.items()}


class Validation:
    """Held-out geometries with fixed colours and references, as ink, traced lines and gray: CIE76 of a plain decode under the page's ink, and how far
    off paper is."""

    def __init__(self, count: int = 48):
        maker = Maker(HELD_OUT)
        self.batches = []
        for n, (h, w) in enumerate([(256, 256), (384, 288), (352, 352)]):
            items = [geometry(HELD_OUT + 1000 * n + i, h, w, rich=i % 2 > 0) for i in range(count // 3)]
            page, refs, kinds = (torch.from_numpy(np.stack([x[k] for x in items])) for k in ("page", "references", "kinds"))
            self.batches.append(maker.make(page, refs, kinds, 6, hints=0.0, kind=(INK, TRACED, GRAY)[n]))

    @torch.no_grad()
    def pictures(self, net: Colorizer, batch: Batch):
        """Decoded pictures RGB 0..255, without ink."""
        line, hint, refs = batch.latents()
        b, r = refs.shape[:2]
        kv = net.reference(refs.flatten(0, 1))[0].unflatten(0, (b, r))
        return (decode(net(line, hint, batch.mask, kv)).clamp(-1, 1) + 1) * 127.5

    def __call__(self, net: Colorizer, device: str, montage: str = "") -> dict[str, float]:
        net.eval()
        scores, white, rows, each = [], [], [], []
        for b in self.batches:
            b = b.to(device)
            rgb = self.pictures(net, b)
            truth, line = b.colour.float(), b.line.float()
            e, on = cie76(rgb * line / 255 + 25 * (1 - line / 255), truth), counted(truth, line)
            paper = (truth.amin(1) > 254) & (line[:, 0] > 250)
            each.append(float(np.mean([e[i][on[i]].mean().item() for i in range(len(e)) if on[i].any()])))
            scores += [e[i][on[i]].mean().item() for i in range(len(e)) if on[i].any()]
            white += [(255 - rgb.amin(1))[i][paper[i]].mean().item() for i in range(len(e)) if paper[i].any()]
            for i in range(0, len(e), 4):
                refs = F.interpolate(b.references[i, :3].float(), scale_factor=2)
                rows.append(F.pad(torch.cat([line[i].expand(3, -1, -1), rgb[i] * line[i] / 255, truth[i], *refs], 2), (0, 6 * (352 - line.shape[-1]))))
        net.train()
        if montage:
            from PIL import Image

            Image.fromarray(F.interpolate(torch.cat(rows, 1)[None], scale_factor=0.5, mode="area")[0].byte().permute(1, 2, 0).cpu().numpy()).save(montage)
        return dict(cie76=float(np.mean(scores)), ink=each[0], traced=each[1], gray=each[2], white_off=float(np.mean(white)))


def train(cfg: Config, pool: str, out: str, minutes: float, seed: int = 0, device: str = "cpu", init: str = "", evaluate_every_s: float = 1200) -> None:
    """Train until `minutes` are spent in all; resumes from `out` when it is there."""
    torch.manual_seed(seed)
    torch.set_flush_denormal(True)
    net, mean = Colorizer(cfg).to(device), Colorizer(cfg).to(device)
    if device == "cpu":
        net = net.to(memory_format=torch.channels_last)
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
            own, given = net.state_dict(), torch.load(init, map_location="cpu")["net"]
            fit = {k: v for k, v in given.items() if k in own and own[k].shape == v.shape}
            print("fresh:", net.load_state_dict(fit, strict=False).missing_keys, flush=True)
        mean.load_state_dict(net.state_dict())
    print(f"{sum(p.numel() for p in net.parameters()) / 1e6:.2f} M parameters", flush=True)
    feed = Feed(cfg, pool, seed + run.step, device)
    check, last_check = None, run.spent

    def store() -> None:
        save(path, net=mean.state_dict(), raw=net.state_dict(), optimizers=[o.state_dict() for o in opts], run=run.state(), config=asdict(cfg), seed=seed)

    def report(title: str) -> dict[str, float]:
        nonlocal check
        check = check or Validation()
        figures = check(mean, device, str(path.with_suffix(".png")))
        print(f"{title} {run.spent:.0f}s n {run.samples} " + " ".join(f"{k} {v:.2f}" for k, v in figures.items()), flush=True)
        return figures

    batch = feed.next()
    run.pause()
    while run.going:
        k = factor(run.progress, run.step)
        set_rate(opts, cfg.learning_rate * k)
        aux = 1.0 if run.progress < 0.5 else 1.0 - 1.4 * (run.progress - 0.5)
        loss, parts = loss_of(net, batch.to(device), aux, fast=half_is_fast(device))
        for o in opts:
            o.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        for o in opts:
            o.step()
        with torch.no_grad():
            d = min(cfg.ema, (1 + run.step) / (10 + run.step))
            torch._foreach_lerp_(list(mean.parameters()), list(net.parameters()), 1 - d)
        # Looking at a figure waits for the GPU.
        every = 1 if device == "cpu" else 20
        seen = parts if run.step % every == 0 else {}
        run.advance(len(batch.line), 0.02 * every, **{k: float(v) for k, v in seen.items()})
        if run.step % 20 == 0:
            print(run.line(), f"lr {k:.2f} {run.samples / run.spent:.1f}/s", flush=True)
        if run.due():
            store()
            if run.spent - last_check > evaluate_every_s:
                last_check = run.spent
                report("EVAL")
            run.pause()
        batch = feed.next()
    store()
    if run.progress < 1:
        return
    log_run("transformer", config=cfg.name, minutes=run.spent / 60, samples=run.samples, seed=seed, **report("FINAL"), **run.mean)
