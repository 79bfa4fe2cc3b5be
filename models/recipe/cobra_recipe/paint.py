"""From drawn planes to pictures, on any device: colouring by palette, line art, shadow line art, references, hints."""

import torch
import torch.nn.functional as F


def fill(planes: torch.Tensor, palette: torch.Tensor, light: torch.Tensor) -> torch.Tensor:
    """planes [B,3,H,W] uint8 (id, tone, ink), palette [B,256,3] uint8, light [B,3] -> RGB [B,3,H,W] 0..255 without ink.

    Paper (id 0) stays pure white: light applies to regions only.
    """
    b, _, h, w = planes.shape
    index = planes[:, 0].long().reshape(b, -1) + torch.arange(b, device=planes.device)[:, None] * 256
    base = palette.reshape(b * 256, 3).float()[index].transpose(1, 2).reshape(b, 3, h, w)
    tone = planes[:, 1:2].float()
    dark, mix = (tone / 128).clamp(max=1), ((tone - 128) / 127).clamp(min=0)
    colour = base * dark + (255 - base) * mix
    return torch.where(planes[:, :1] > 0, colour * light[:, :, None, None], colour).clamp(0, 255)


def inked(picture: torch.Tensor, planes: torch.Tensor, ink: torch.Tensor) -> torch.Tensor:
    """Ink of a colour [B,3] 0..255 over RGB [B,3,H,W]; planes as for `fill`, or the ink plane [B,1,H,W] alone (255 is none)."""
    alpha = planes[:, -1:].float() / 255
    return picture * alpha + ink[:, :, None, None] * (1 - alpha)


def paint(planes: torch.Tensor, palette: torch.Tensor, light: torch.Tensor, ink: torch.Tensor) -> torch.Tensor:
    """`fill` and `inked` in one."""
    return inked(fill(planes, palette, light), planes, ink)


def gray(rgb: torch.Tensor) -> torch.Tensor:
    """Luma of RGB 0..255 as PIL's convert("L")."""
    r, g, b = rgb.split(1, 1)
    return 0.299 * r + 0.587 * g + 0.114 * b


def gaussian(x: torch.Tensor, sigma: float, radius: int = 4) -> torch.Tensor:
    """Separable Gaussian of [B,1,H,W], edges repeated."""
    t = torch.arange(-radius, radius + 1, device=x.device, dtype=x.dtype)
    k = torch.exp(-(t**2) / (2 * sigma**2))
    k = k / k.sum()
    x = F.pad(x, (radius,) * 4, mode="replicate")
    if x.is_cuda:
        # Pages as channels: kernels for one channel are slow there.
        n = len(x)
        return F.conv2d(F.conv2d(x.mT.transpose(0, 1).contiguous(), k.expand(n, 1, 1, -1), groups=n).mT.contiguous(), k.expand(n, 1, 1, -1), groups=n).transpose(0, 1)
    return F.conv2d(F.conv2d(x, k[None, None, None]), k[None, None, :, None])


def xdog(g: torch.Tensor, sigma: float = 0.8, sharp: float = 12.0) -> torch.Tensor:
    """Gray 0..255 -> line art 0..255 by a contrast-normalised difference of Gaussians (after Winnemoeller's XDoG)."""
    f = g / 255
    a, b = gaussian(f, sigma), gaussian(f, sigma * 1.6)
    return 255 * (1 - (((b - a) / (b + 0.08) - 0.02) * sharp).clamp(0, 1))


def divide(g: torch.Tensor, size: int, power: float) -> torch.Tensor:
    """Gray 0..255 -> line art 0..255: what is darker than the lightest place around (after "colour dodge" of a picture with its negative)."""
    wide = F.max_pool2d(g, size, 1, size // 2)
    return 255 * ((g + 4) / (gaussian(wide, 1.0) + 4)).clamp(0, 1) ** power


#: How far the tone of an area may darken a line picture's paper, of 1: lines stay far below what this leaves.
TONE = 0.3


def tone_of(g: torch.Tensor, size: int = 5) -> torch.Tensor:
    """Gray [B,1,H,W] 0..255 without its thin lines: a closing."""
    r = size // 2
    spread = lambda x: F.max_pool2d(F.pad(x, (r,) * 4, mode="replicate"), size, 1)  # noqa: E731
    return -spread(-spread(g))


def extract(g: torch.Tensor) -> torch.Tensor:
    """The line extractor: lines of a page's gray [B,1,H,W] 0..255, and faintly, above 255 * (1 - TONE), its tones.

    A page of lines alone stays white between them; of a gray page the tones say which colours may be meant.
    """
    return xdog(g) * (1 - TONE * (1 - tone_of(g) / 255))


def shadow_style(line: torch.Tensor, g: torch.Tensor) -> torch.Tensor:
    """Cobra's `line + shadow`: dark areas of the gray page become 18, middle ones 155."""
    line = torch.where(g <= 74, torch.full_like(line, 18.0), line)
    return torch.where((line > 155) & (g > 74) & (g < 145), torch.full_like(line, 155.0), line)


def unit(x: torch.Tensor) -> torch.Tensor:
    """0..255 -> -1..1."""
    return x / 127.5 - 1


def line_art(page: torch.Tensor, shadow: torch.Tensor) -> torch.Tensor:
    """The line pictures [B,1,H,W] 0..255 of pages' grays [B,1,H,W]; shadow [B]: in the style `line + shadow`."""
    line = extract(page)
    return torch.where(shadow[:, None, None, None], shadow_style(line, page), line)
