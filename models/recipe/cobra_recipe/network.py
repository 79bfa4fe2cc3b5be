"""The colouring network, in Cobra's shape: it predicts the clean latent in one step.

A reference is encoded on its own; the page's tokens attend to themselves and to all references' keys and values; line, hint and mask
steer the page. What is added to Cobra: page and references pass through the same convolutions down to 1/32 (they learn parts much
faster than attention), and two more layers of keys and values, at latent resolution, **copy**: every page cell points at a reference
cell, at paper or at nothing and takes its colour. Keys hold a part's class beside what is learned, so that like points at like.
A cell's quarters then choose among the colours of the cells around: colours are chosen, not mixed anew.
"""

import torch
import torch.nn as nn
import torch.nn.functional as F

from .config import Config
from .drawing.ids import CLASSES, PROP2, SKIN, TRAITS
from .latent import CHANNELS, COLOURS, luma
from .layers import Block, Res
from .paint import TONE

#: Numbers that say how light a colour is (`lightness`); they lie behind the classes in a key.
LIGHT = 4
#: Layers of keys and values beyond the blocks': learned keys with values, and classes with traits (which are part of the keys, too).
COPY_LAYERS = 2
#: How much sooner a reference's cell takes the colour of its more colourful quarters.
PURE = 4.0


def pack(x: torch.Tensor) -> torch.Tensor:
    """Cells [N,c,2a,2b] -> tokens [N,a*b,4c]: a token's four cells side by side, so that they fit a K/V block."""
    return F.pixel_unshuffle(x, 2).flatten(2).transpose(1, 2)


def unpack(x: torch.Tensor) -> torch.Tensor:
    """Tokens [B,T,4c] (packed as by `pack`) -> cells [B,4T,c]; the order of cells is the same for keys and values."""
    b, t, c = x.shape[0], x.shape[1], int(x.shape[2]) // 4
    return x.reshape(b, t, c, 4).transpose(2, 3).reshape(b, t * 4, c)


def around(x: torch.Tensor) -> torch.Tensor:
    """The 3x3 neighbours of every place, edges repeated: [B,c,h,w] -> [B,9,c,h,w]."""
    h, w = x.shape[-2], x.shape[-1]
    p = F.pad(x, (1, 1, 1, 1), mode="replicate")
    return torch.stack([p[:, :, i : i + h, j : j + w] for i in range(3) for j in range(3)], 1)


def lightness(v: torch.Tensor) -> torch.Tensor:
    """Luma in -1..1 [B,1,h,w] -> LIGHT numbers [B,4,h,w] whose dot product is greatest, 2, where two are equally light."""
    a = v * (torch.pi / 2)
    return torch.cat([a.cos(), a.sin(), (2 * a).cos(), (2 * a).sin()], 1)


class Stem(nn.Module):
    """Features at 1/8 of what is given at 1/4."""

    def __init__(self, i: int, quarter: int, cell: int):
        super().__init__()
        self.inp, self.down = nn.Conv2d(i, quarter, 3, padding=1), nn.Conv2d(quarter, cell, 2, 2)

    def forward(self, x):
        return self.down(F.relu(self.inp(x)))


class Colorizer(nn.Module):
    def __init__(self, cfg: Config):
        super().__init__()
        d, c, deep = cfg.width, cfg.cell, cfg.deep
        self.cfg, self.d, self.dk = cfg, d, d // 4
        #: Taken off the logits of nothing and of paper, so that what is unknown takes a reference's colour rather than none (set on export).
        self.doubt = (0.0, 0.0)
        #: The part of the logits that lightness has is multiplied by this (set on export).
        self.focus = 1.0
        #: How near to the mean of what a cell points at a colour must be to count in a second choice; 0: there is none (set on export).
        self.near = 0.0
        #: Shares of the copying weights near the second choice: with the lower one it counts nothing, with the upper one fully (set on export).
        self.sure = (0.0, 0.0)
        room = max(CLASSES + LIGHT, sum(TRAITS))
        if self.dk < room:
            raise ValueError(f"width {d}: a key of {self.dk} has no room for {room} classes; take at least four times as much")
        self.page_stem, self.ref_stem = Stem(16 + 4, cfg.quarter, c), Stem(16 + 3, cfg.quarter, c)
        self.e8 = nn.Sequential(*[Res(c) for _ in range(cfg.cells)])
        self.d16, self.e16 = nn.Conv2d(c, d, 2, 2), nn.Sequential(*[Res(d) for _ in range(cfg.convs)])
        self.d32, self.e32 = nn.Conv2d(d, deep, 3, 2, 1), nn.Sequential(*[Res(deep) for _ in range(cfg.convs)])
        self.u16 = nn.Conv2d(deep, 4 * d, 1)
        #: What tells page from reference tokens.
        self.kind = nn.Parameter(torch.zeros(2, d))
        self.blocks = nn.ModuleList([Block(d, cfg.heads) for _ in range(cfg.layers)])
        self.norm, self.u8 = nn.LayerNorm(d), nn.Conv2d(d, 4 * c, 1)
        self.head = Res(c)
        self.tail = nn.Sequential(*[Res(c) for _ in range(cfg.tail)])
        #: What a cell is, and what its character looks like (hair, top, hat).
        self.classes, self.traits = nn.Conv2d(c, CLASSES, 1), nn.Conv2d(c, sum(TRAITS), 1)
        #: How light the page's colour is by its looks, how far to go by the page's own tone instead, and how much lightness counts.
        self.light = nn.Conv2d(c + 2, 3, 1)
        with torch.no_grad():
            self.light.weight[1:, c + 1, 0, 0], self.light.bias[1:] = torch.tensor([16.0, 6.0]), torch.tensor([-3.0, -1.0])
        self.query, self.ref_key = nn.Conv2d(c, self.dk, 1), nn.Conv2d(c, self.dk, 1)
        # A reference cell's value: its colour (a choice among its quarters, and a correction), and features.
        self.value = nn.Conv2d(c, 4 + self.dk, 1)
        #: Keys of nothing and paper, feature values of both, the colour of nothing.
        self.fixed_key, self.fixed_value = nn.Parameter(torch.randn(2, self.dk)), nn.Parameter(torch.zeros(2, self.dk - 3))
        self.nothing = nn.Parameter(torch.zeros(3))
        #: Scales of the learned and the class part of the logits.
        self.sharp, self.agree, self.alike = (nn.Parameter(torch.tensor(x)) for x in (8.0, 4.0, 2.0))
        self.join, self.fine = nn.Conv2d(c + self.dk + 1, c, 3, padding=1), nn.Conv2d(c, COLOURS + 4 + 36, 3, padding=1)
        with torch.no_grad():
            self.fine.weight.mul_(0.1)
            self.fine.bias.zero_()
            self.fine.bias[COLOURS : COLOURS + 4] = 1.0
            self.fine.bias[COLOURS + 4 :].unflatten(0, (9, 4))[4] = 2.0

    def trunk(self, x, kind: int, kv=None):
        """Stem features [B,c,h,w] -> features [B,c,h,w] and the blocks' keys and values; kv: more of them, a pair for each block."""
        x = self.e8(x)
        y = self.e16(self.d16(x))
        h, w = y.shape[-2], y.shape[-1]
        y = y + F.pixel_shuffle(self.u16(F.relu(self.e32(self.d32(F.relu(y))))), 2)[:, :, :h, :w]
        t, own = y.flatten(2).transpose(1, 2) + self.kind[kind], []
        for i, block in enumerate(self.blocks):
            t, k, v = block(t, None if kv is None else kv[i])
            own.append(torch.stack([k, v], 1))
        y = y + self.norm(t).transpose(1, 2).reshape(-1, self.d, h, w)
        return self.tail(self.head(x + F.pixel_shuffle(self.u8(y), 2))), own

    def posteriors(self, f):
        """Features -> class logits, trait logits, and both as the keys hold them, [B,dk - LIGHT,h,w] and [B,dk,h,w]; places have no traits."""
        classes, traits = self.classes(f).float(), self.traits(f).float()
        what = classes.softmax(1)
        who = torch.cat([t.softmax(1) for t in traits.split(TRAITS, 1)], 1) * what[:, SKIN : PROP2 + 1].sum(1, keepdim=True)
        room = lambda x, n: F.pad(x, (0, 0, 0, 0, 0, n - x.shape[1]))  # noqa: E731
        return classes, traits, room(what, self.dk - LIGHT), room(who, self.dk)

    def reference(self, latent):
        """latent [N,88,h,w] -> K/V [N,layers+2,2,tokens,d], class and trait logits [N,_,h,w], colours [N,3,h,w]."""
        quarters, pure = F.pixel_shuffle(latent[:, :CHANNELS], 2), latent[:, CHANNELS:].unflatten(1, (3, 4))
        f, kv = self.trunk(self.ref_stem(quarters), 1)
        f = F.relu(f)
        classes, traits, what, who = self.posteriors(f)
        v = self.value(f).float()
        share = (v[:, :4] + PURE * (pure.amax(1) - pure.amin(1))).softmax(1)
        colour = (pure * share[:, None]).sum(2) + 0.3 * v[:, 4:7]
        key = F.normalize(self.ref_key(f).float(), dim=1)
        # White does not count: only the key of paper has it, so that white comes from paper.
        light = lightness(luma(colour).clamp(-1, 1)) * (1 - what[:, :1])
        what = torch.cat([torch.zeros_like(what[:, :1]), what[:, 1:], light], 1)
        layers = [*kv, torch.stack([pack(key), pack(torch.cat([colour, v[:, 7:]], 1))], 1), torch.stack([pack(what), pack(who)], 1)]
        return torch.stack([x.float() for x in layers], 1), (classes, traits), colour

    def no_references(self, line):
        """K/V of no references at all."""
        b, _, h, w = line.shape
        return line.new_zeros(b, 0, len(self.blocks) + COPY_LAYERS, 2, h * w // 16, self.d)

    def page(self, line, hint, mask, kv, parts: int = 1):
        """line, hint [B,76,h,w], mask [B,1,h,w], kv [B,R,layers+2,2,T,d] -> colours [B,12,h,w], copying weights [B,h*w,2+cells], class and trait
        logits, luma [B,1,h,w] in -1..1. In several `parts` the page's cells are taken one part after the other; then the copying weights are only
        those of nothing and paper."""
        b, _, hh, ww = line.shape
        hinted, where = hint_colour(line, hint, mask)
        quarters = F.pixel_shuffle(line, 2)[:, 3:]
        guide = F.interpolate(torch.cat([where, hinted * where], 1), scale_factor=2.0, mode="nearest")
        r, t, n = kv.shape[1], kv.shape[4], len(self.blocks)
        kv = kv.permute(2, 3, 0, 1, 4, 5).reshape(n + COPY_LAYERS, 2, b, r * t, self.d)
        f, _ = self.trunk(self.page_stem(torch.cat([quarters, guide], 1)), 0, kv)
        f = F.relu(f)
        classes, traits, what, who = self.posteriors(f)
        flat = lambda x: x.flatten(2).transpose(1, 2)  # noqa: E731
        q = F.normalize(self.query(f).float(), dim=1).flatten(2).transpose(1, 2) * self.sharp
        tone = measured_tone(line)
        toned = ((0.85 - tone) * 20).sigmoid().mean((2, 3), keepdim=True).expand_as(tone)
        seen = self.light(torch.cat([f, tone.to(f.dtype), toned.to(f.dtype)], 1)).float()
        own, counts = torch.sigmoid(seen[:, 1:2]), F.softplus(seen[:, 2:])
        light = own * tone + (1 - own) * torch.tanh(seen[:, :1])
        query = torch.cat([q, flat(what) * self.agree, flat(lightness(light) * counts) * self.focus, flat(who) * self.alike], 2)
        white = torch.zeros(2, 2 * self.dk, device=line.device)
        white[1, 0] = 1
        white[1, self.dk - LIGHT : self.dk] = lightness(torch.ones(1, 1, 1, 1, device=line.device)).flatten()
        fixed = torch.cat([F.normalize(self.fixed_key, dim=1), white], 1)[None].expand(b, 2, 3 * self.dk)
        paper = torch.cat([torch.stack([self.nothing, torch.ones_like(self.nothing)]), self.fixed_value], 1)[None].expand(b, 2, self.dk)
        keys = torch.cat([fixed, torch.cat([unpack(kv[n, 0]), unpack(kv[n + 1, 0]), unpack(kv[n + 1, 1])], 2)], 1)
        values = torch.cat([paper, unpack(kv[n, 1])], 1)
        if parts == 1:
            p, taken = self.copy(query, keys, values)
        else:
            done = [self.copy(q, keys, values) for q in query.reshape(b, parts, hh * ww // parts, 3 * self.dk).unbind(1)]
            p, taken = torch.cat([p[:, :, :2] for p, _ in done], 1), torch.cat([t for _, t in done], 1)
        taken = taken.transpose(1, 2).reshape(b, self.dk, hh, ww)
        return self.finish(f, taken, hinted, where), p, (classes, traits, light)

    def copy(self, query, keys, values):
        """Queries [B,Q,3dk] -> copying weights [B,Q,2+cells], copied values [B,Q,dk]. In full precision: half would blur what is pointed at.

        With `near` what is copied is chosen anew (a step of mean shift): colours count by how near they are to the first choice's mean, so that a
        cell that points at two colours takes the likelier one rather than what lies between. With `sure` a cell that points at many keeps the mean."""
        with torch.autocast(query.device.type, enabled=False):
            logits = query @ keys.transpose(1, 2)
        if any(self.doubt):
            logits = torch.cat([logits[:, :, :2] - torch.tensor(self.doubt, device=logits.device), logits[:, :, 2:]], 2)
        p = logits.softmax(-1)
        with torch.autocast(query.device.type, enabled=False):
            taken = p @ values
            if self.near:
                colours, mean = values[:, :, :3], taken[:, :, :3]
                half = colours.square().sum(2)[:, None] / 2
                pull = mean @ colours.transpose(1, 2) - half
                taken = (logits + pull / self.near**2).softmax(-1) @ values
                if any(self.sure):
                    low, high = self.sure
                    choice = taken[:, :, :3]
                    apart = choice @ colours.transpose(1, 2) - half - choice.square().sum(2, keepdim=True) / 2
                    share = (p * (apart / self.near**2).exp()).sum(2, keepdim=True)
                    counts = ((share - low) / (high - low)).clamp(0, 1)
                    taken = torch.cat([mean + counts * (choice - mean), taken[:, :, 3:]], 2)
            return p, taken

    def finish(self, f, taken, hinted, where):
        """Copied values [B,dk,h,w] -> colours [B,12,h,w]: each quarter chooses among the colours around, or among what is predicted."""
        copied = taken[:, :3] * (1 - where) + hinted * where
        o = self.fine(F.relu(self.join(torch.cat([f, copied.to(f.dtype), taken[:, 3:].to(f.dtype), where.to(f.dtype)], 1)))).float()
        guess, gate, pick = o[:, :COLOURS].unflatten(1, (3, 4)), torch.sigmoid(o[:, COLOURS : COLOURS + 4])[:, None], o[:, COLOURS + 4 :].unflatten(1, (9, 4)).softmax(1)
        near = around(copied)
        chosen = (near[:, :, :, None] * pick[:, :, None]).sum(1)
        return (gate * chosen + (1 - gate) * guess).flatten(1, 2)

    def forward(self, line, hint, mask, kv):
        """Clean latent [B,76,h,w]; its pixels are zero."""
        y, p, _ = self.page(line, hint, mask, kv)
        return clean(y, p[:, :, 1].reshape(mask.shape) * (1 - mask.clamp(0, 1)))


def clean(y, paper):
    """Colours [B,12,h,w] and how much each cell points at paper [B,1,h,w] -> clean latent: light quarters of such cells are white, not nearly white."""
    rgb = y.unflatten(1, (3, 4))
    sure = ((paper - 0.4) * 4).clamp(0, 1)[:, :, None] * ((rgb.amin(1, keepdim=True) - 0.2) * 2).clamp(0, 1)
    y = (rgb + (1 - rgb) * sure).flatten(1, 2)
    return torch.cat([y, torch.zeros(1, device=y.device).expand(y.shape[0], CHANNELS - COLOURS, y.shape[2], y.shape[3])], 1)


def measured_tone(line):
    """The luma -1..1 that a line picture's tones stand for, [B,76,h,w] -> [B,1,h,w]: `paint.extract` brings tones to 1 - TONE and more, the style
    `line + shadow` what is dark to 18 and 155."""
    v = (line[:, :COLOURS].unflatten(1, (3, 4)).mean(1) + 1) / 2
    t = torch.where(v > 1 - TONE - 0.02, ((v - 1 + TONE) / TONE).clamp(0, 1), torch.where(v > 0.4, 0.43, 0.15))
    return t.mean(1, keepdim=True) * 2 - 1


def hint_colour(line, hint, mask):
    """A hint's colour in every cell [B,3,h,w], taken apart from the line art around it, and where it counts [B,1,h,w]."""
    mean = lambda x: x[:, :COLOURS].unflatten(1, (3, 4)).mean(2)  # noqa: E731
    m = mask.clamp(0, 1)
    colour = ((mean(hint) - (1 - m) * mean(line)) / m.clamp(min=0.1)).clamp(-1, 1)
    # Neighbours with more mask know the colour better.
    weight = m**4 + 1e-5
    spread = F.avg_pool2d(F.pad(colour * weight, (1, 1, 1, 1)), 3, 1) / F.avg_pool2d(F.pad(weight, (1, 1, 1, 1)), 3, 1)
    return spread, (m * 1.5 - 0.25).clamp(0, 1)
