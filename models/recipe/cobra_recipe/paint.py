"""From drawn planes to pictures, on any device: colouring by palette, line art, shadow line art, references, hints."""

import torch
import torch.nn.functional as F


def paint(planes: torch.Tensor, palette: torch.Tensor, light: torch.Tensor, ink: torch.Tensor) -> torch.Tensor:
    """planes [B,3,H,W] uint8 (id, tone, ink), palette [B,256,3] uint8, light [B,3], ink colour [B,3] 0..255 -> RGB [B,3,H,W] 0..255.

    Paper (id 0) stays pure white: light applies to regions only.
    """
    b, _, h, w = planes.shape
    index = planes[:, 0].long().reshape(b, 1, -1).expand(-1, 3, -1)
    base = torch.gather(palette.float().transpose(1, 2), 2, index).reshape(b, 3, h, w)
    tone = planes[:, 1:2].float()
    dark, mix = (tone / 128).clamp(max=1), ((tone - 128) / 127).clamp(min=0)
    colour = base * dark + (255 - base) * mix
    colour = torch.where(planes[:, :1] > 0, colour * light[:, :, None, None], colour).clamp(0, 255)
    alpha = planes[:, 2:3].float() / 255
    return colour * alpha + ink[:, :, None, None] * (1 - alpha)


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
    return F.conv2d(F.conv2d(x, k[None, None, None]), k[None, None, :, None])


def xdog(g: torch.Tensor, sigma: float = 0.8, sharp: float = 12.0) -> torch.Tensor:
    """Gray 0..255 -> line art 0..255 by a contrast-normalised difference of Gaussians (after Winnemoeller's XDoG)."""
    f = g / 255
    a, b = gaussian(f, sigma), gaussian(f, sigma * 1.6)
    return 255 * (1 - (((b - a) / (b + 0.08) - 0.02) * sharp).clamp(0, 1))


def shadow_style(line: torch.Tensor, g: torch.Tensor) -> torch.Tensor:
    """Cobra's `line + shadow`: dark areas of the gray page become 18, middle ones 155."""
    line = torch.where(g <= 74, torch.full_like(line, 18.0), line)
    return torch.where((line > 155) & (g > 74) & (g < 145), torch.full_like(line, 155.0), line)


def unit(x: torch.Tensor) -> torch.Tensor:
    """0..255 -> -1..1; one channel becomes three."""
    x = x / 127.5 - 1
    return (x.expand(-1, 3, -1, -1) if x.shape[1] == 1 else x).contiguous(memory_format=torch.channels_last)


def line_art(planes: torch.Tensor, rgb: torch.Tensor, kind: torch.Tensor) -> torch.Tensor:
    """The line pictures [B,1,H,W] 0..255 that the model may meet.

    kind [B]: 0 the drawn ink, 1 lines extracted from the coloured page, 2 lines extracted from the ink, +3 with shadow.
    """
    ink, g = planes[:, 2:3].float(), gray(rgb)
    extracted = xdog(torch.where((kind % 3 == 2)[:, None, None, None], ink, g))
    line = torch.where((kind % 3 == 0)[:, None, None, None], ink, extracted)
    return torch.where((kind >= 3)[:, None, None, None], shadow_style(line, g), line)
