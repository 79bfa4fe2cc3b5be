"""The autoencoder: f = 8, patch-4 stem, all convolutions at 1/4 and 1/8 so that it is cheap on a CPU; and the guided decoder."""

import torch
import torch.nn as nn
import torch.nn.functional as F


class Res(nn.Module):
    """Two 3x3 convolutions before which comes group normalisation, with a shortcut."""

    def __init__(self, i: int, o: int, groups: int = 8):
        super().__init__()
        self.n1, self.c1 = nn.GroupNorm(groups, i), nn.Conv2d(i, o, 3, padding=1)
        self.n2, self.c2 = nn.GroupNorm(groups, o), nn.Conv2d(o, o, 3, padding=1)
        self.sc = nn.Conv2d(i, o, 1) if i != o else None

    def forward(self, x):
        h = self.c2(F.relu(self.n2(self.c1(F.relu(self.n1(x))))))
        return h + (x if self.sc is None else self.sc(x))


class VAE(nn.Module):
    """Pictures [N,3,H,W] in -1..1 <-> latents [N,latent,H/8,W/8]; `scale` brings latents to unit deviation."""

    def __init__(self, c4: int = 48, c8: int = 96, latent: int = 4):
        super().__init__()
        self.ein, self.e4, self.ed = nn.Conv2d(3, c4, 4, 4), Res(c4, c4), nn.Conv2d(c4, c8, 3, 2, 1)
        self.e8, self.en, self.eo = nn.Sequential(Res(c8, c8), Res(c8, c8)), nn.GroupNorm(8, c8), nn.Conv2d(c8, latent, 3, padding=1)
        self.din, self.d8 = nn.Conv2d(latent, c8, 3, padding=1), nn.Sequential(Res(c8, c8), Res(c8, c8))
        self.du, self.d4 = nn.Conv2d(c8, c4 * 4, 1), nn.Sequential(Res(c4, c4), Res(c4, c4))
        self.dn, self.do = nn.GroupNorm(8, c4), nn.Conv2d(c4, 48, 3, padding=1)
        #: Training only: the mean colour of an 8x8 block from its latent.
        self.lin = nn.Conv2d(latent, 3, 1)
        self.register_buffer("scale", torch.ones(1))

    def features(self, x):
        """Unscaled latent and the hidden features at 1/4, 1/4 and 1/8."""
        a = self.ein(x)
        b = self.e4(a)
        c = self.e8(self.ed(b))
        return self.eo(F.relu(self.en(c))), [a, b, c]

    def encode(self, x):
        """Unscaled latent."""
        return self.features(x)[0]

    def decode(self, z, guide=None):
        """Unscaled latent to a picture, not clamped; guide adds features at 1/4, 1/4, 1/8 (see Guide)."""
        h = self.din(z)
        h = h if guide is None else h + guide[2]
        h = F.pixel_shuffle(self.du(self.d8(h)), 2)
        h = h if guide is None else h + guide[1]
        h = self.d4[0](h)
        h = h if guide is None else h + guide[0]
        return F.pixel_shuffle(self.do(F.relu(self.dn(self.d4[1](h)))), 4)

    def decoder_parameters(self):
        """Parameters that the guided decoder trains further."""
        return [p for n, p in self.named_parameters() if n.split(".")[0] in ("din", "d8", "du", "d4", "dn", "do")]


class _Mix(nn.Module):
    def __init__(self, i: int, o: int):
        super().__init__()
        self.c1, self.b1 = nn.Conv2d(i, o, 3, padding=1, bias=False), nn.GroupNorm(8, o)
        self.c2, self.b2 = nn.Conv2d(o, o, 3, padding=1, bias=False), nn.GroupNorm(8, o)
        self.sc = nn.Conv2d(i, o, 1) if i != o else nn.Identity()

    def forward(self, x):
        return F.relu(self.b2(self.c2(F.relu(self.b1(self.c1(x))))) + self.sc(x))


class Guide(nn.Module):
    """Hidden features of colour and line picture, level by level -> what is added in the decoder (Cobra's guided upsampler)."""

    def __init__(self, c4: int = 48, c8: int = 96):
        super().__init__()
        self.m = nn.ModuleList([nn.Sequential(_Mix(2 * c, c), nn.Conv2d(c, c, 1)) for c in (c4, c4, c8)])

    def forward(self, colour, line):
        return [m(torch.cat([a, b], 1)) for m, a, b in zip(self.m, colour, line)]


def gradient_loss(a, b):
    """L1 of horizontal and vertical differences."""
    return sum((torch.diff(a, dim=d) - torch.diff(b, dim=d)).abs().mean() for d in (-1, -2))
