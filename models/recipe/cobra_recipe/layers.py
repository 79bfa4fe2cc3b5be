"""Building blocks that several networks share."""

import torch
import torch.nn as nn
import torch.nn.functional as F


class Res(nn.Module):
    """Two 3x3 convolutions with a shortcut, without normalisation; begins as the identity."""

    def __init__(self, c: int):
        super().__init__()
        self.c1, self.c2 = nn.Conv2d(c, c, 3, padding=1), nn.Conv2d(c, c, 3, padding=1)
        with torch.no_grad():
            self.c2.weight.mul_(0.2)

    def forward(self, x):
        return x + self.c2(F.relu(self.c1(F.relu(x))))


class NormRes(nn.Module):
    """Two 3x3 convolutions before which comes group normalisation, with a shortcut."""

    def __init__(self, i: int, o: int, groups: int = 8):
        super().__init__()
        self.n1, self.c1 = nn.GroupNorm(groups, i), nn.Conv2d(i, o, 3, padding=1)
        self.n2, self.c2 = nn.GroupNorm(groups, o), nn.Conv2d(o, o, 3, padding=1)
        self.sc = nn.Conv2d(i, o, 1) if i != o else None

    def forward(self, x):
        h = self.c2(F.relu(self.n2(self.c1(F.relu(self.n1(x))))))
        return h + (x if self.sc is None else self.sc(x))


class Attention(nn.Module):
    """Multi-head attention; the caller brings keys and values."""

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
        q, k, v = split(q), split(k), split(v)
        # Written out: with these few tokens it is faster on a CPU than the fused form, whose backward pass is slow.
        p = (q * (q.shape[-1] ** -0.5) @ k.transpose(2, 3)).softmax(-1).to(v.dtype)
        return self.o((p @ v).transpose(1, 2).flatten(2))


class Block(nn.Module):
    """A transformer block over tokens [B,T,d]; returns new tokens and their keys and values."""

    def __init__(self, d: int, heads: int):
        super().__init__()
        self.d = d
        self.n1, self.n2 = nn.LayerNorm(d), nn.LayerNorm(d)
        self.attn = Attention(d, heads)
        self.ff = nn.Sequential(nn.Linear(d, 2 * d), nn.GELU("tanh"), nn.Linear(2 * d, d))
        with torch.no_grad():
            self.ff[2].weight.mul_(0.5)

    def forward(self, x, kv=None):
        n = self.n1(x)
        k, v = self.attn.k(n), self.attn.v(n)
        keys, values = (k, v) if kv is None else (torch.cat([k, kv[0].to(k.dtype)], 1), torch.cat([v, kv[1].to(v.dtype)], 1))
        x = x + self.attn(self.attn.q(n), keys, values)
        return x + self.ff(self.n2(x)), k, v
