"""Latents in closed form, without training: what a 8x8 cell shows, so exact that thin lines survive, and cheap.

A cell has 12 colour channels (RGB of its four 4x4 quarters; light pixels count more, so that ink hardly darkens a colour) and 64
channels that are its luma pixels. Everything lies in -1..1. Of a clean latent only the colours count. A reference's latent has
12 channels more, the purest colours, which are the ones that are copied: an iris is a thin ring between black lines.
"""

import torch
import torch.nn.functional as F

#: Channels of colours, of luma pixels, and of a latent.
COLOURS, PIXELS = 12, 64
CHANNELS = COLOURS + PIXELS
#: Channels of a reference's latent, and of all latents of a package.
PURE_CHANNELS = CHANNELS + COLOURS
#: How much lighter pixels count more in a quarter's colour.
LIGHTNESS = 3.0
#: How much more colourful pixels (by their greatest less their least channel) count in a quarter's purest colour, and from where on a pixel has a
#: colour that neighbouring quarters may take, too.
COLOURFUL, SOME_COLOUR = 16.0, 0.15
_LUMA = (0.299, 0.587, 0.114)


def luma(x: torch.Tensor) -> torch.Tensor:
    """[N,3,H,W] -> [N,1,H,W] of the same range."""
    return _LUMA[0] * x[:, 0:1] + _LUMA[1] * x[:, 1:2] + _LUMA[2] * x[:, 2:3]


def colours(x: torch.Tensor) -> torch.Tensor:
    """Colours of 4x4 quarters, light pixels first: [N,3,H,W] in -1..1 -> [N,3,H/4,W/4]."""
    weight = (LIGHTNESS * luma(x)).exp()
    return F.avg_pool2d(x * weight, 4) / F.avg_pool2d(weight, 4)


def purest(x: torch.Tensor) -> torch.Tensor:
    """Colours of 4x4 quarters, the most colourful pixels first, one pixel around included: [N,3,H,W] in -1..1 -> [N,3,H/4,W/4]. Of a gray
    picture the same as `colours`."""
    much = x.amax(1, keepdim=True) - x.amin(1, keepdim=True)
    weight = (LIGHTNESS * luma(x) + COLOURFUL * much).exp()
    some = (much > SOME_COLOUR).float()
    sums = lambda v: F.avg_pool2d(v * some, 6, 4, 1) * 36 + F.avg_pool2d(v * (1 - some), 4) * 16  # noqa: E731
    return sums(x * weight) / sums(weight)


def pixels(x: torch.Tensor) -> torch.Tensor:
    """Luma pixels [N,1,H,W] -> [N,64,H/8,W/8]; `F.pixel_shuffle(_, 2)` gives the 16 pixels of each quarter."""
    return F.pixel_unshuffle(F.pixel_unshuffle(x, 4), 2)


def encode(x: torch.Tensor) -> torch.Tensor:
    """Pictures [N,3,H,W] in -1..1 -> latents [N,76,H/8,W/8]."""
    return torch.cat([F.pixel_unshuffle(colours(x), 2), pixels(luma(x))], 1)


def encode_reference(x: torch.Tensor) -> torch.Tensor:
    """Pictures [N,3,H,W] in -1..1 -> latents with their purest colours [N,88,H/8,W/8]."""
    return torch.cat([encode(x), F.pixel_unshuffle(purest(x), 2)], 1)


def decode(z: torch.Tensor) -> torch.Tensor:
    """A latent's colours, enlarged: [N,76 or 12,h,w] -> [N,3,8h,8w]."""
    return F.interpolate(F.pixel_shuffle(z[:, :COLOURS], 2), scale_factor=4.0, mode="bilinear", align_corners=False)
