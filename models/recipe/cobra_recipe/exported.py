"""Trains on what the exported network does: references' keys are the mean of a reference's and its mirror image's, the copying weights are sharper
(`export.FOCUS`), nothing and paper are doubted, colours are chosen anew (`export.NEAR`), and paper is white. For a processor.
"""

import types

import torch
import torch.nn.functional as F

from . import paint, train_transformer
from .data import Batch
from .export import DOUBT, FOCUS, NEAR
from .network import Colorizer, clean
from .processor import PAPER, Regions
from .scales import both_ways, mirrored
from .training import half_is_fast

#: Taken off the logits of nothing and of paper. Paper's is what makes version 0.4.4's error in training least: with less than that paper is trained
#: down, with all of `export.DOUBT` up, and backgrounds turn white.
DOUBTED = (DOUBT[0], 4.0)
#: Weights of the losses that are added: the error of what is copied at first, and the exported weights' share of colours near the right one.
FIRST, SHARE = 1.0, 0.5
#: How near to its region's mean colour (RGB in -1..1) a colour must be to count as right.
RIGHT = 0.25
#: Page cells that are compared with the references' at a time: what is between stays in the processor's cache.
ROWS = 128


class Copies(torch.autograd.Function):
    """What is copied in training and on export, without keeping any weights: (q [B,Q,D], k [B,K,D], values [B,K,V], table [B,K,R], near [B,K,N]) ->
    softmax(q k') (values | table) [B,Q,V+R], exported weights by near [B,Q,N], values that the second choice copies [B,Q,V].

    Colours are the first three values; the tables have no gradient, nor have colours as what a second choice measures its distance by."""

    @staticmethod
    def forward(ctx, q, k, values, table, near):
        half = torch.bfloat16 if half_is_fast("cpu") else torch.float32
        first, share, end = [], [], []
        shift = F.pad(torch.tensor(DOUBTED), (0, k.shape[1] - len(DOUBTED)))
        for b in range(len(q)):
            colours, both, sums = parts_of(values[b], table[b], near[b], half)
            for rows in q[b].split(ROWS):
                logits = rows @ k[b].T
                first.append((logits.softmax(1).to(half) @ both).float())
                logits = logits * FOCUS - shift
                seen = (logits.softmax(1).to(half) @ sums).float()
                end.append((chosen(logits, seen, colours).to(half) @ values[b].to(half)).float())
                share.append(seen)
        whole = lambda x: torch.cat(x).unflatten(0, q.shape[:2])  # noqa: E731
        first, share, end = whole(first), whole(share), whole(end)
        ctx.save_for_backward(q, k, values, table, near, first, share, end, shift)
        return first, share[..., :-3].contiguous(), end

    @staticmethod
    def backward(ctx, g_first, g_share, g_end):
        q, k, values, table, near, first, share, end, shift = ctx.saved_tensors
        half = torch.bfloat16 if half_is_fast("cpu") else torch.float32
        n = values.shape[2]
        to_q, to_k, to_values = torch.zeros_like(q), torch.zeros_like(k), torch.zeros_like(values)
        for b in range(len(q)):
            colours, both, sums = parts_of(values[b], table[b], near[b], half)
            own, k_half = values[b].to(half), k[b].to(half)
            for at in range(0, q.shape[1], ROWS):
                s = slice(at, at + ROWS)
                rows = q[b, s]
                logits = rows @ k[b].T
                p = logits.softmax(1).to(half)
                g = g_first[b, s]
                d = (g.to(half) @ both.T).sub_((g * first[b, s]).sum(1, keepdim=True).to(half)).mul_(p)
                to_values[b] += (p.T @ g[:, :n].to(half)).float()
                logits = logits * FOCUS - shift
                p = chosen(logits, share[b, s], colours).to(half)
                g = g_end[b, s]
                last = (g.to(half) @ own.T).sub_((g * end[b, s]).sum(1, keepdim=True).to(half)).mul_(p)
                to_values[b] += (p.T @ g.to(half)).float()
                g = torch.cat([g_share[b, s], (last @ colours.to(half)).float() / NEAR**2], 1)
                p = logits.softmax(1).to(half)
                last += (g.to(half) @ sums.T).sub_((g * share[b, s]).sum(1, keepdim=True).to(half)).mul_(p)
                to_values[b, :, :3] += (p.T @ g[:, -3:].to(half)).float()
                d.add_(last, alpha=FOCUS)
                to_q[b, s] = (d @ k_half).float()
                to_k[b] += (d.T @ rows.to(half)).float()
        return to_q, to_k, to_values, None, None


def parts_of(values, table, near, half):
    """A page's colours [K,3], and what both kinds of weights are summed by."""
    colours = values[:, :3]
    return colours, torch.cat([values, table], 1).to(half), torch.cat([near, colours], 1).to(half)


def chosen(logits, seen, colours):
    """Weights of the second choice: logits [Q,K], the mean colours of the first in the last three of seen [Q,_]."""
    more = torch.cat([colours, -colours.square().sum(1, keepdim=True) / 2], 1)
    return torch.addmm(logits, F.pad(seen[:, -3:], (0, 1), value=1.0), more.T, alpha=1 / NEAR**2).softmax(1)


def near_right(regions: Regions, values, truth) -> torch.Tensor:
    """How right each key's colour would be for each region of the page [B,2+K,columns]; truth: the page's colours [B,3,h,w]."""
    b, columns = len(values), regions.table.shape[2]
    which = F.one_hot(regions.own, columns).float()
    mean = which.transpose(1, 2) @ truth.flatten(2).transpose(1, 2) / which.sum(1)[:, :, None].clamp(min=1)
    mean[:, PAPER] = 1
    far = torch.cdist(values[:, :, :3].detach().float(), mean)
    return (-(far**2) / (2 * RIGHT**2)).exp().reshape(b, -1, columns)


def loss_of(net: Colorizer, batch: Batch, aux: float, fast: bool):
    """As `train_transformer.loss_of`, with its colours as the exported network gives them, and with `first` and `share` beside."""
    regions, made = Regions(batch), {}
    truth = paint.unit(batch.fill.float()).unflatten(1, (3, 4)).mean(2)
    kept = batch.mask.clamp(0, 1)

    def reference(latent):
        kv, (classes, traits), colour = net.reference(torch.cat([latent, mirrored(latent)]))
        n = len(latent)
        return both_ways(kv[:n], kv[n:], latent), (classes[:n], traits[:n]), colour[:n]

    def copy(self, query, keys, values):
        n = values.shape[2]
        with torch.autocast("cpu", enabled=False):
            values = values.float().contiguous()
            near = near_right(regions, values, truth)
            paper = F.one_hot(torch.tensor(1), near.shape[1]).float()[None, :, None].expand(len(near), -1, 1)
            first, share, end = Copies.apply(query.float(), keys.float().contiguous(), values, regions.table, torch.cat([near, paper], 2))
        made.update(first=first[..., :3], share=share[..., :-1], paper=share[..., -1])
        return first[:, :, n:], end

    def whitened(y):
        return clean(y, made["paper"].reshape(kept.shape) * (1 - kept))[:, : y.shape[1]]

    net.copy = types.MethodType(copy, net)
    try:
        match_loss = lambda p, _page, _references, on: regions.match_loss(p, on)  # noqa: E731
        loss, parts = train_transformer.loss_of(net, batch, aux, fast, match_loss, reference, whitened)
    finally:
        del net.copy
    # What a hint paints is no matter of copying, nor is the rest of its region.
    hinted = torch.zeros(regions.table.shape[0], regions.table.shape[2]).scatter_add_(1, regions.own, (batch.mask > 0.5).flatten(1).float()) > 0
    on = train_transformer.counts(batch).flatten(1) * (regions.white | ~hinted.gather(1, regions.own))
    mean = lambda x: (x * on).sum() / on.sum().clamp(min=1)  # noqa: E731
    first = mean((made["first"] - truth.flatten(2).transpose(1, 2)).abs().mean(2))
    right = made["share"].gather(2, regions.own[:, :, None])[..., 0]
    share = mean(-(right + 0.01).log())
    return loss + FIRST * first + SHARE * share, parts | dict(first=first.detach(), share=share.detach(), near=mean(right).detach())
