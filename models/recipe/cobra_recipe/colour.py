"""Colour difference."""

import torch

_TO_XYZ = torch.tensor([[0.412453, 0.357580, 0.180423], [0.212671, 0.715160, 0.072169], [0.019334, 0.119193, 0.950227]])
_WHITE = torch.tensor([0.95047, 1.0, 1.08883])


def lab(rgb: torch.Tensor) -> torch.Tensor:
    """sRGB 0..255 [...,3,H,W] -> CIE L*a*b* (D65) of the same shape."""
    x = rgb / 255
    x = torch.where(x > 0.04045, ((x.clamp(min=0) + 0.055) / 1.055) ** 2.4, x / 12.92)
    x = torch.einsum("ij,...jhw->...ihw", _TO_XYZ.to(x), x) / _WHITE.to(x)[:, None, None]
    f = torch.where(x > 0.008856, x.clamp(min=1e-6) ** (1 / 3), 7.787 * x + 16 / 116)
    fx, fy, fz = f.unbind(-3)
    return torch.stack([116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)], -3)


def cie76(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """CIE76 of two RGB pictures 0..255 [...,3,H,W] -> [...,H,W]."""
    return (lab(a) - lab(b)).square().sum(-3).sqrt()


def counted(truth: torch.Tensor, line: torch.Tensor) -> torch.Tensor:
    """Pixels that are neither ink nor white: truth RGB 0..255 [...,3,H,W], line 0..255 [...,1,H,W] -> bool [...,H,W]."""
    return (truth.amin(-3) < 235) & (line[..., 0, :, :] > 120)
