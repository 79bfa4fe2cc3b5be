"""The colouring network at two scales, as it is exported: page and references as they are, and at half the size, where
figures are as large as in training. The scale whose copied colours agree more counts more. Nothing is trained for it.
"""

import torch
import torch.nn as nn
import torch.nn.functional as F

from .latent import COLOURS, LIGHTNESS, luma
from .network import COPY_LAYERS, Colorizer, clean

#: Layers of keys and values that hold all those of the half-size reference, one after the other.
EXTRA_LAYERS = 2
#: Variance (of colours in -1..1) that every scale is taken to have at least; the weight of the half-size one.
FLOOR, COARSE = 0.02, 0.3


def halved(z):
    """A latent [N,76,h,w] of a picture -> about that of the picture at half its size [N,76,h/2,w/2]."""
    quarters = F.pixel_shuffle(z[:, :COLOURS], 2)
    weight = (LIGHTNESS * luma(quarters)).exp()
    colours = F.avg_pool2d(quarters * weight, 2) / F.avg_pool2d(weight, 2)
    pixels = F.avg_pool2d(F.pixel_shuffle(F.pixel_shuffle(z[:, COLOURS:], 2), 4), 2)
    return torch.cat([F.pixel_unshuffle(colours, 2), F.pixel_unshuffle(F.pixel_unshuffle(pixels, 4), 2)], 1)


class TwoScales(nn.Module):
    """Wraps a network. Cells of a reference come in multiples of four each way."""

    def __init__(self, net: Colorizer):
        super().__init__()
        self.net, self.layers = net, len(net.blocks) + COPY_LAYERS

    def reference(self, latent):
        """latent [N,76,h,w] -> K/V [N,layers+EXTRA_LAYERS,2,T,d]: half-size tokens fill the extra layers."""
        fine, coarse = self.net.reference(latent)[0], self.net.reference(halved(latent))[0]
        n, t, d = fine.shape[0], fine.shape[3], self.net.d
        rest = coarse.transpose(1, 2).reshape(n, 2, -1, d)
        space = torch.zeros(1, 1, 1, 1, device=latent.device).expand(n, 2, EXTRA_LAYERS * t - self.layers * (t // 4), d)
        rest = torch.cat([rest, space], 2).reshape(n, 2, EXTRA_LAYERS, t, d).transpose(1, 2)
        return torch.cat([fine, rest], 1)

    def forward(self, line, hint, mask, kv):
        """Clean latent [B,76,h,w]."""
        t = kv.shape[4]
        # Cut and stacked, not reshaped: the runtime's reshapes fail where there are no references.
        rest = torch.cat([kv[:, :, self.layers + i] for i in range(EXTRA_LAYERS)], 3)
        coarse = torch.stack([rest[:, :, :, i * (t // 4) : (i + 1) * (t // 4)] for i in range(self.layers)], 2)
        y, p, (_, _, spread) = self.net.page(line, hint, mask, kv[:, :, : self.layers], spread=True)
        small = F.avg_pool2d(mask, 2)
        y2, p2, (_, _, spread2) = self.net.page(halved(line), halved(hint), small, coarse, spread=True)
        wide = lambda x: F.interpolate(x, scale_factor=2.0, mode="nearest")  # noqa: E731
        y2 = F.pixel_unshuffle(wide(F.pixel_shuffle(y2, 2)), 2)
        hinted = mask.clamp(0, 1)
        share = COARSE * (spread + FLOOR) / (COARSE * (spread + FLOOR) + wide(spread2) + FLOOR) * (1 - hinted)
        paper = lambda p, m: p[:, :, 1].reshape(m.shape)  # noqa: E731
        # What is paper at full size stays paper: balloons are too small at half the size.
        share = share * (1 - (paper(p, mask) * 2).clamp(0, 1))
        white = paper(p, mask) * (1 - share) + wide(paper(p2, small)) * share
        return clean(y * (1 - share) + y2 * share, white * (1 - hinted))
