"""The colouring network as it is exported: it looks at a page twice, closely, and at two thirds of that size, where figures are as
large as in training. The page takes the colours of the second look; small things, and what the first takes for paper (between letters,
above all), take those of the first. Nothing is trained for it. References are encoded at the close look's size: their eyes have a colour
there. What says where to point is the mean of a reference and its mirror image.
"""

import torch
import torch.nn as nn
import torch.nn.functional as F

from .latent import CHANNELS, COLOURS, LIGHTNESS, encode, luma
from .network import COPY_LAYERS, Colorizer, clean

#: Something is small where no square with sides of 2 * SMALL + 1 pixels fits between lines, and paper may be where none of 2 * LARGE + 1
#: does; what is darker than LINE (-1..1) is a line, what is lighter than WHITE in all channels is white.
SMALL, LARGE, LINE, WHITE = 5, 14, 0.1, 0.95
#: Taken off paper's logit in the second look, beside `export.DOUBT`.
LESS_PAPER = 0.0
#: The page's cells are compared with the references' in so many parts, one after the other: that takes less memory.
PARTS = 4


def two_thirds(x):
    """Means over 1.5 x 1.5 places."""
    return F.avg_pool2d(F.interpolate(x, scale_factor=2.0, mode="nearest"), 3)


def pixels_of(z):
    """The luma pixels of a latent [N,76,h,w] -> [N,1,8h,8w]."""
    return F.pixel_shuffle(F.pixel_shuffle(z[:, COLOURS:], 2), 4)


def smaller_hint(z):
    """A latent of a hint picture -> about that of the picture at two thirds of its size."""
    quarters = F.pixel_shuffle(z[:, :COLOURS], 2)
    weight = (LIGHTNESS * luma(quarters)).exp()
    pixels = F.pixel_unshuffle(F.pixel_unshuffle(two_thirds(pixels_of(z)), 4), 2)
    return torch.cat([F.pixel_unshuffle(two_thirds(quarters * weight) / two_thirds(weight), 2), pixels], 1)


def mirrored(z):
    """A reference's latent [N,88,h,w] -> that of its mirror image."""
    flipped = lambda x: F.pixel_unshuffle(F.pixel_shuffle(x, 2).flip(-1), 2)  # noqa: E731
    pixels = F.pixel_unshuffle(F.pixel_unshuffle(pixels_of(z[:, :CHANNELS]).flip(-1), 4), 2)
    return torch.cat([flipped(z[:, :COLOURS]), pixels, flipped(z[:, CHANNELS:])], 1)


def spread(x, radius: int):
    """The greatest value within a square."""
    side = 2 * radius + 1
    return F.max_pool2d(F.max_pool2d(x, (side, 1), 1, (radius, 0)), (1, side), 1, (0, radius))


def holds(lines, radius: int):
    """Where a square fits between lines: lines 0 or 1 [N,1,8h,8w] -> 0..1 for quarters of cells [N,1,2h,2w]."""
    return F.avg_pool2d(spread(1 - spread(lines, radius), radius), 4)


def keys_of(kv, latent):
    """What says where to point, of references' K/V: learned keys, classes and traits of every cell [N,3d/4,h,w]."""
    first, (h, w) = kv.shape[1] - COPY_LAYERS, latent.shape[-2:]
    kept = torch.cat([kv[:, first, :1], kv[:, first + 1]], 1).transpose(2, 3).flatten(1, 2)
    return F.pixel_shuffle(kept.unflatten(2, (h // 2, w // 2)), 2)


def both_ways(own, turned, latent):
    """K/V of references and of their mirror images, both [N,layers+2,2,tokens,d] -> the references' K/V with the mean of both where they say where
    to point; latent [N,88,h,w] is the references'."""
    first = own.shape[1] - COPY_LAYERS
    # Cut to a size that the exporter cannot take for a constant.
    keys = (keys_of(own, latent) + keys_of(turned, latent).flip(-1))[:, :, : latent.shape[2], : latent.shape[3]] / 2
    packed = F.pixel_unshuffle(keys, 2).flatten(2).unflatten(1, (3, own.shape[-1])).transpose(2, 3)
    layer = torch.stack([torch.stack([packed[:, 0], own[:, first, 1]], 1), packed[:, 1:]], 1)
    return torch.cat([own[:, :first], layer], 1)


class TwoLooks(nn.Module):
    """Wraps a network. Pages come in multiples of twelve cells each way, references of half that size."""

    def __init__(self, net: Colorizer):
        super().__init__()
        self.net = net

    def reference(self, latent):
        """Latents [N,88,h,w] -> K/V [N,layers+2,2,tokens,d]."""
        return both_ways(self.net.reference(latent)[0], self.net.reference(mirrored(latent))[0], latent)

    def forward(self, line, hint, mask, kv):
        """Clean latent [B,76,h,w]."""
        pixels = pixels_of(line)
        close = self.look(line, hint, mask, kv)
        smaller = encode(two_thirds(pixels).expand(-1, 3, -1, -1)), smaller_hint(hint), two_thirds(mask)
        far = self.look(*smaller, kv, LESS_PAPER)
        wide = F.interpolate(F.pixel_shuffle(far[:, :COLOURS], 2), scale_factor=3.0, mode="nearest")[:, :, ::2, ::2]
        near, lines = F.pixel_shuffle(close[:, :COLOURS], 2), (pixels <= LINE).float()
        white = (near.amin(1, keepdim=True) > WHITE).float()
        share = torch.minimum(holds(lines, SMALL), torch.maximum(holds(lines, LARGE), 1 - white))
        return torch.cat([F.pixel_unshuffle(wide * share + near * (1 - share), 2), close[:, COLOURS:]], 1)

    def look(self, line, hint, mask, kv, less_paper: float = 0.0):
        nothing, paper = self.net.doubt
        self.net.doubt = (nothing, paper + less_paper)
        y, p, _ = self.net.page(line, hint, mask, kv, parts=PARTS)
        self.net.doubt = (nothing, paper)
        return clean(y, p[:, :, 1].reshape(mask.shape) * (1 - mask.clamp(0, 1)))
