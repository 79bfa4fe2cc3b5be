"""The colouring network: a causal sparse transformer in Cobra's shape that predicts the clean latent in one step.

A reference attends only to itself; the page attends to itself and to all references' keys and values; a control branch over
line, hint and mask feeds the first blocks. New against Cobra: the conditions are constant (one step, positions normalised),
so modulation is a table; a 3x3 depthwise convolution gives every block locality; and one more layer, at latent resolution,
**copies**: every page cell points at reference cells (or at hint strokes, or at nothing) and takes their latent.
"""

import torch
import torch.nn as nn
import torch.nn.functional as F

from .config import Config
from .drawing.ids import CLASSES
from .vae import Res

#: Logit of a key that must not be looked at.
NEVER = -1e4


def sincos(dim: int, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Positions x [w], y [h] in Cobra's normalised canvas -> [h*w, dim]: first half x, second y; sines before cosines."""
    f = 1 / 10000 ** (torch.arange(dim // 4, device=x.device, dtype=torch.float32) / (dim // 4))
    ex, ey = x[:, None] * f, y[:, None] * f
    ex, ey = torch.cat([ex.sin(), ex.cos()], 1), torch.cat([ey.sin(), ey.cos()], 1)
    h, w = y.shape[0], x.shape[0]
    return torch.cat([ex[None].expand(h, w, dim // 2), ey[:, None].expand(h, w, dim // 2)], 2).reshape(h * w, dim)


def steps(n, device) -> torch.Tensor:
    """0, 1, … n-1 as float32."""
    return torch.arange(n, device=device).float()


class Attention(nn.Module):
    def __init__(self, d: int, heads: int):
        super().__init__()
        self.heads = heads
        self.q, self.k, self.v, self.o = (nn.Linear(d, d) for _ in range(4))
        for m in (self.q, self.k, self.v, self.o):
            nn.init.xavier_uniform_(m.weight)
            nn.init.zeros_(m.bias)
        with torch.no_grad():
            self.q.weight.copy_(self.k.weight + 0.1 * self.q.weight)
            self.o.weight.mul_(0.5)

    def forward(self, q, k, v):
        split = lambda x: x.unflatten(-1, (self.heads, -1)).transpose(1, 2)  # noqa: E731
        return self.o(F.scaled_dot_product_attention(split(q), split(k), split(v)).transpose(1, 2).flatten(2))


class Block(nn.Module):
    """Tokens [B,T,d] on an h x w grid. `page` and `ref` are the modulation tables: shift, scale, gate twice."""

    def __init__(self, d: int, heads: int, ref: bool = True):
        super().__init__()
        self.d = d
        self.attn = Attention(d, heads)
        self.ff = nn.Sequential(nn.Linear(d, 4 * d), nn.GELU("tanh"), nn.Linear(4 * d, d))
        self.local = nn.Conv2d(d, d, 3, padding=1, groups=d)
        nn.init.zeros_(self.local.weight)
        nn.init.zeros_(self.local.bias)
        nn.init.xavier_uniform_(self.ff[0].weight)
        nn.init.xavier_uniform_(self.ff[2].weight, gain=0.5)
        table = torch.zeros(6, d)
        table[2], table[5] = 0.7, 0.7
        self.page = nn.Parameter(table.clone())
        if ref:
            self.ref = nn.Parameter(table.clone())

    def forward(self, x, grid, table, kv=None):
        """Returns new tokens and this block's keys and values of x; kv are further keys and values to attend to."""
        h, w = grid
        x = x + self.local(x.transpose(1, 2).reshape(-1, self.d, h, w)).flatten(2).transpose(1, 2)
        n = F.layer_norm(x, (self.d,), eps=1e-6) * (1 + table[1]) + table[0]
        k, v = self.attn.k(n), self.attn.v(n)
        keys, values = (k, v) if kv is None else (torch.cat([k, kv[0]], 1), torch.cat([v, kv[1]], 1))
        x = x + table[2] * self.attn(self.attn.q(n), keys, values)
        n = F.layer_norm(x, (self.d,), eps=1e-6) * (1 + table[4]) + table[3]
        return x + table[5] * self.ff(n), k, v


class Stem(nn.Module):
    """Features at latent resolution [B,cell,h,w] and tokens [B,T,d] (2x2 cells each)."""

    def __init__(self, i: int, cell: int, d: int):
        super().__init__()
        self.inp, self.res = nn.Conv2d(i, cell, 3, padding=1), Res(cell, cell)
        self.tok = nn.Conv2d(cell, d, 2, 2)

    def forward(self, x):
        f = self.res(self.inp(x))
        return f, self.tok(f).flatten(2).transpose(1, 2)


class CellHead(nn.Module):
    """Tokens back to latent resolution, joined with the stem's features: [B,cell,h,w]."""

    def __init__(self, d: int, cell: int):
        super().__init__()
        self.d = d
        self.norm, self.up = nn.LayerNorm(d, eps=1e-6), nn.Linear(d, 4 * cell)
        self.skip, self.res = nn.Conv2d(cell, cell, 1), Res(cell, cell)

    def forward(self, x, stem, grid):
        h, w = grid
        up = F.pixel_shuffle(self.up(self.norm(x)).transpose(1, 2).reshape(x.shape[0], -1, h, w), 2)
        return self.res(up + self.skip(stem))


def pack(x: torch.Tensor) -> torch.Tensor:
    """Cells [N,c,2a,2b] -> tokens [N,a*b,4c]: a token's four cells side by side, so that they fit a K/V block."""
    return F.pixel_unshuffle(x, 2).flatten(2).transpose(1, 2)


def unpack(x: torch.Tensor) -> torch.Tensor:
    """Tokens [B,T,4c] (packed as by `pack`) -> cells [B,4T,c]; the order of cells is the same for keys and values."""
    b, t, c = x.shape[0], x.shape[1], int(x.shape[2]) // 4
    return x.reshape(b, t, c, 4).transpose(2, 3).reshape(b, t * 4, c)


class Colorizer(nn.Module):
    def __init__(self, cfg: Config, base: int = 16):
        super().__init__()
        d, c, z = cfg.width, cfg.cell, cfg.latent
        self.cfg, self.d, self.base, self.dk = cfg, d, base, d // 4
        # Tokens of the start noise (always zero in one step: only the bias is left) and of references; control input.
        self.pe, self.cpe = nn.Conv2d(z, d, 2, 2), nn.Conv2d(3 * z + 1, d, 2, 2)
        self.page_stem, self.ref_stem = Stem(2 * z + 1, c, d), Stem(z, c, d)
        self.blocks = nn.ModuleList([Block(d, cfg.heads) for _ in range(cfg.layers)])
        self.cblocks = nn.ModuleList([Block(d, cfg.heads, ref=False) for _ in range(cfg.control)])
        self.cz = nn.ModuleList([nn.Linear(d, d) for _ in range(cfg.control)])
        for m in self.cz:
            nn.init.eye_(m.weight)
            m.weight.data.mul_(0.7)
            nn.init.zeros_(m.bias)
        self.page_head, self.ref_head = CellHead(d, c), CellHead(d, c)
        self.query, self.hint_key, self.ref_key = (nn.Conv2d(c, self.dk, 1) for _ in range(3))
        self.ref_value = nn.Conv2d(c, self.dk - z, 1)
        self.sharp = nn.Parameter(torch.tensor(8.0))
        self.null_key, self.null_value = nn.Parameter(torch.randn(1, 1, self.dk)), nn.Parameter(torch.zeros(1, 1, self.dk))
        # Output: copied latent against predicted latent, by a gate, and a correction.
        self.po = nn.Linear(d, 4 * z)
        self.table = nn.Parameter(torch.zeros(2, d))
        self.join = nn.Conv2d(c + self.dk, c, 3, padding=1)
        self.fine = nn.Sequential(Res(c, c), nn.GroupNorm(8, c), nn.ReLU(), nn.Conv2d(c, z + 1, 3, padding=1))
        nn.init.zeros_(self.fine[3].weight)
        nn.init.zeros_(self.fine[3].bias)
        # Training only.
        self.hseg, self.hsegr = nn.Linear(d, 4 * CLASSES), nn.Linear(d, 4 * CLASSES)

    def page_position(self, h, w, device):
        """h x w tokens in the middle of a canvas of h x 2w."""
        return sincos(self.d, (steps(w, device) + w / 2) * self.base / (2 * w), steps(h, device) * self.base / h)

    def reference_position(self, h, w, quadrant):
        """Corner cells of the canvas for references of h x w tokens (half the page): [N, h*w, d]."""
        dev = quadrant.device
        corner = []
        for q in range(4):
            x = (steps(w, dev) + (q % 2) * 3 * w) * self.base / (4 * w)
            y = (steps(h, dev) + (q // 2) * h) * self.base / (2 * h)
            corner.append(sincos(self.d, x, y))
        return torch.stack(corner)[quadrant]

    def encode_references(self, latent, quadrant, segment: bool = False):
        """latent [N,z,h,w], quadrant [N] -> K/V [N, layers+1, 2, tokens, d]; the last layer is the copying one."""
        h, w = latent.shape[-2] // 2, latent.shape[-1] // 2
        stem, tokens = self.ref_stem(latent)
        x = self.pe(latent).flatten(2).transpose(1, 2) + tokens + self.reference_position(h, w, quadrant)
        kv, seg = [], None
        for i, block in enumerate(self.blocks):
            x, k, v = block(x, (h, w), block.ref)
            kv.append(torch.stack([k, v], 1))
            if segment and i == len(self.blocks) // 2 - 1:
                seg = self.hsegr(x)
        f = self.ref_head(x, stem, (h, w))
        value = torch.cat([latent, self.ref_value(f)], 1)
        kv.append(torch.stack([pack(F.normalize(self.ref_key(f), dim=1)), pack(value)], 1))
        kv = torch.stack(kv, 1)
        return (kv, seg) if segment else kv

    def no_references(self, line):
        """K/V of no references at all."""
        b, _, h, w = line.shape
        return line.new_zeros(b, 0, len(self.blocks) + 1, 2, h * w // 16, self.d)

    def features(self, line, hint, mask, kv, segment: bool = False):
        """Trunk: page features at latent resolution [B,cell,h,w], page tokens, and the copying layer's keys and values."""
        b, _, hh, ww = line.shape
        h, w = hh // 2, ww // 2
        pos = self.page_position(h, w, line.device)
        stem, tokens = self.page_stem(torch.cat([line, hint, mask], 1))
        c = self.cpe(torch.cat([torch.zeros_like(line), line, hint, mask], 1)).flatten(2).transpose(1, 2) + pos
        x = self.pe.bias + tokens + pos
        # [B,R,layers+1,2,T,d] -> per layer [B,R*T,d]
        r, t = kv.shape[1], kv.shape[4]
        kv = kv.permute(2, 3, 0, 1, 4, 5).reshape(len(self.blocks) + 1, 2, b, r * t, self.d)
        seg = None
        for i, block in enumerate(self.blocks):
            x, _, _ = block(x, (h, w), block.page, (kv[i, 0], kv[i, 1]))
            if i < len(self.cblocks):
                c, _, _ = self.cblocks[i](c, (h, w), self.cblocks[i].page)
                x = x + self.cz[i](c)
            if segment and i == len(self.blocks) // 2 - 1:
                seg = self.hseg(x)
        f = self.page_head(x, stem, (h, w))
        last = len(self.blocks)
        return f, x, (unpack(kv[last, 0]), unpack(kv[last, 1])), seg

    def finish(self, f, x, copied):
        """copied [B,h*w,dk] in row order -> clean latent [B,z,h,w]."""
        b, _, hh, ww = f.shape
        z = self.cfg.latent
        n = F.layer_norm(x, (self.d,), eps=1e-6) * (1 + self.table[1]) + self.table[0]
        y = self.po(n).reshape(b, hh // 2, ww // 2, 2, 2, z).permute(0, 5, 1, 3, 2, 4).reshape(b, z, hh, ww)
        copied = copied.transpose(1, 2).reshape(b, self.dk, hh, ww)
        o = self.fine(self.join(torch.cat([f, copied], 1)))
        gate = torch.sigmoid(o[:, z:])
        return gate * copied[:, :z] + (1 - gate) * y + o[:, :z]

    def forward(self, line, hint, mask, kv):
        """line, hint [B,z,h,w], mask [B,1,h,w], kv [B,R,layers+1,2,T,d] -> clean latent [B,z,h,w]. The form that is exported."""
        f, x, (k, v), _ = self.features(line, hint, mask, kv)
        b = line.shape[0]
        q, own_k = self.queries(f), self.own_keys(f)
        own_v = F.pad(hint.flatten(2).transpose(1, 2), (0, self.dk - self.cfg.latent))
        null = F.normalize(self.null_key, dim=2)
        values = torch.cat([self.null_value.expand(b, 1, -1), own_v, v], 1)
        off = (mask.flatten(2) < 0.5).to(q.dtype) * NEVER
        p = torch.cat([q @ null.transpose(1, 2), q @ own_k.transpose(1, 2) + off, q @ k.transpose(1, 2)], 2).softmax(-1)
        return self.finish(f, x, p @ values)

    def queries(self, f):
        """Unit queries of page cells times the logits' scale: [B,h*w,dk]."""
        return F.normalize(self.query(f), dim=1).flatten(2).transpose(1, 2) * self.sharp

    def own_keys(self, f):
        """Unit keys of the page's own cells, for hints: [B,h*w,dk]."""
        return F.normalize(self.hint_key(f), dim=1).flatten(2).transpose(1, 2)

    def train_step(self, line, hint, mask, kv, spots, spot_on):
        """As forward, but with the hint cells gathered (spots [B,M] cell numbers, spot_on [B,M]) and logits returned.

        Returns (latent, logits [B,h*w,1+M+cells], page class logits). Key order: null, hint cells, references (in `unpack`'s order).
        """
        f, x, (k, v), seg = self.features(line, hint, mask, kv, segment=True)
        b = line.shape[0]
        q, at = self.queries(f), spots[:, :, None]
        own_k = self.own_keys(f).gather(1, at.expand(-1, -1, self.dk))
        own_v = F.pad(hint.flatten(2).transpose(1, 2), (0, self.dk - self.cfg.latent)).gather(1, at.expand(-1, -1, self.dk))
        keys = torch.cat([F.normalize(self.null_key, dim=2).expand(b, 1, -1), own_k, k], 1)
        values = torch.cat([self.null_value.expand(b, 1, -1), own_v, v], 1)
        logits = q @ keys.transpose(1, 2)
        m = spots.shape[1]
        if m:
            off = torch.where(spot_on, 0.0, NEVER).to(logits.dtype)
            logits = torch.cat([logits[:, :, :1], logits[:, :, 1 : 1 + m] + off[:, None], logits[:, :, 1 + m :]], 2)
        p = logits.softmax(-1)
        return self.finish(f, x, p @ values), p, seg
