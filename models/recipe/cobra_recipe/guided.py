"""The guided decoder: from colours of 4x4 quarters and the line art to a picture whose colours stop at the lines.

No colour is invented: quarters take each other's colours along learned affinities (unsure ones count little), every pixel then
chooses among the quarters around it, and the line art's ink comes on top. Nearly white becomes white.
"""

import torch
import torch.nn as nn
import torch.nn.functional as F

from .config import Config
from .latent import luma
from .layers import Res
from .network import around
from .paint import TONE

#: Rounds of exchange between neighbouring quarters.
ROUNDS = 8
#: Fill whose darkest channel (-1..1) lies above the second is white, below the first is as it is.
WHITE = (0.86, 0.93)


def whiten(x: torch.Tensor, low: float = WHITE[0], high: float = WHITE[1]) -> torch.Tensor:
    """Brings nearly white pixels [N,3,H,W] in -1..1 to white."""
    s = ((x.amin(1, keepdim=True) - low) / (high - low)).clamp(0, 1)
    return x + (1 - x) * s


class GuidedDecoder(nn.Module):
    """colour, line [N,3,H,W] in -1..1 -> picture [N,3,H,W] in -1..1. `colour` counts by its 4x4 means."""

    def __init__(self, cfg: Config):
        super().__init__()
        c = cfg.guide
        self.inp, self.near, self.near2 = nn.Conv2d(16 + 3, c, 3, padding=1), Res(c), Res(c)
        self.down, self.far, self.up = nn.Conv2d(c, 2 * c, 2, 2), Res(2 * c), nn.Conv2d(2 * c, 4 * c, 1)
        #: Trust, nine affinities, sixteen corrections of the ink.
        self.links, self.pick = nn.Conv2d(c, 1 + 9 + 16, 3, padding=1), nn.Conv2d(c, 9 * 16, 1)
        self.ink = nn.Parameter(torch.full((3,), -0.85))
        with torch.no_grad():
            for m in (self.links, self.pick):
                m.weight.mul_(0.1)
                m.bias.zero_()
            self.links.bias[1 + 4] = 1.0
            self.pick.bias.unflatten(0, (9, 16))[4] = 2.0

    def forward(self, colour, line):
        gray = luma(line)
        quarters = F.avg_pool2d(colour, 4)
        x = self.near(self.inp(torch.cat([F.pixel_unshuffle(gray, 4), quarters], 1)))
        x = x + F.pixel_shuffle(self.up(F.relu(self.far(self.down(F.relu(x))))), 2)
        x = F.relu(self.near2(x))
        links = self.links(x).float()
        trust, weights = torch.sigmoid(links[:, :1]) + 1e-3, links[:, 1:10].softmax(1)[:, :, None]
        held = torch.cat([quarters * trust, trust], 1)
        for _ in range(ROUNDS):
            held = (around(held) * weights).sum(1)
        fill = held[:, :3] / held[:, 3:]
        pick = self.pick(x).float().unflatten(1, (9, 16)).softmax(1)
        near = around(fill)
        fill = torch.stack([(near[:, :, k, None] * pick).sum(1) for k in range(3)], 1).flatten(1, 2)
        fill = whiten(F.pixel_shuffle(fill, 4))
        clear = ((gray + 1) / (2 * (1 - TONE))).clamp(max=1)  # tones are no ink
        clear = (clear + F.pixel_shuffle(links[:, 10:], 4)).clamp(0, 1)
        return fill * clear + self.ink[None, :, None, None] * (1 - clear)
