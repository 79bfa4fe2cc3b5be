"""Cobra's transformer and VAE in plain PyTorch: the peer that the engine is measured against.

Written as one would write it for speed without leaving PyTorch: half precision, fused attention
(`scaled_dot_product_attention`), the prompt's cross-attention folded into one vector a block, keys and values of
references computed once and kept side by side. Parameter names are those of the original checkpoints, so that the
golden cases of `test/golden/data/networks` load as they are (`check.py`).
"""
import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

PATCH = 2


@dataclass(frozen=True)
class TransformerConfig:
    heads: int = 16
    head_size: int = 72
    layers: int = 28
    control_layers: int = 14
    latent_channels: int = 4
    out_channels: int = 8
    caption_channels: int = 4096

    @property
    def width(self) -> int:
        return self.heads * self.head_size


@dataclass(frozen=True)
class VaeConfig:
    channels: tuple = (128, 256, 512, 512)
    layers_per_block: int = 2
    groups: int = 32
    latent_channels: int = 4
    scaling_factor: float = 0.18215


def axis_embedding(positions: Tensor, length: int, size: int) -> Tensor:
    """Sines, then cosines, of positions on an axis of `length` tokens (PixArt: base size 64, interpolation 2)."""
    scaled = positions.float() / (length / 64) / 2
    frequencies = 10000 ** (-torch.arange(size // 2, device=positions.device, dtype=torch.float32) / (size // 2))
    angles = scaled[:, None] * frequencies
    return torch.cat([angles.sin(), angles.cos()], 1)


def positions(rows: Tensor, columns: Tensor, canvas: tuple, width: int) -> Tensor:
    """[rows * columns, width]: the first half of the channels is x, the second y. `canvas` is (rows, columns)."""
    x = axis_embedding(columns, canvas[1], width // 2)
    y = axis_embedding(rows, canvas[0], width // 2)
    return torch.cat([x[None].expand(len(rows), -1, -1), y[:, None].expand(-1, len(columns), -1)], 2).flatten(0, 1)


def page_positions(height: int, across: int, width: int, device) -> Tensor:
    """Of a page of `height` x `across` tokens: the middle of a canvas twice as broad."""
    columns = torch.arange(across, device=device) + across // 2
    return positions(torch.arange(height, device=device), columns, (height, 2 * across), width)


def reference_positions(height: int, across: int, quadrant: int, width: int, device) -> Tensor:
    """Of a reference of half a page's size, in a corner of the canvas."""
    rows = torch.arange(height, device=device) + height * (quadrant // 2)
    columns = torch.arange(across, device=device) + 3 * across * (quadrant % 2)
    return positions(rows, columns, (2 * height, 4 * across), width)


def sinusoids(values: Tensor) -> Tensor:
    """[..., 256]: cosines, then sines."""
    frequencies = torch.exp(-math.log(10000) * torch.arange(128, device=values.device, dtype=torch.float32) / 128)
    angles = values.float()[..., None] * frequencies
    return torch.cat([angles.cos(), angles.sin()], -1)


class Embedder(nn.Module):
    def __init__(self, size: int):
        super().__init__()
        self.linear_1 = nn.Linear(256, size)
        self.linear_2 = nn.Linear(size, size)

    def forward(self, values: Tensor) -> Tensor:
        return self.linear_2(F.silu(self.linear_1(sinusoids(values).to(self.linear_1.weight.dtype))))


class Conditions(nn.Module):
    """AdaLN-single: time step, page size and aspect ratio (PixArt, arXiv 2310.00426)."""

    def __init__(self, width: int):
        super().__init__()
        self.emb = nn.ModuleDict(
            {
                "timestep_embedder": Embedder(width),
                "resolution_embedder": Embedder(width // 3),
                "aspect_ratio_embedder": Embedder(width // 3),
            }
        )
        self.linear = nn.Linear(width, 6 * width)

    def forward(self, timestep: Tensor, resolution: Tensor):
        """timestep [B], resolution [B, 2] = [H, 2W] -> modulation [B, 6, width], embedded [B, width]."""
        sizes = self.emb["resolution_embedder"](resolution).flatten(1)
        aspect = self.emb["aspect_ratio_embedder"](resolution[:, 0] / resolution[:, 1])
        embedded = self.emb["timestep_embedder"](timestep) + torch.cat([sizes, aspect], 1)
        return self.linear(F.silu(embedded)).unflatten(1, (6, -1)), embedded


class Attention(nn.Module):
    def __init__(self, width: int, heads: int):
        super().__init__()
        self.heads = heads
        self.to_q = nn.Linear(width, width)
        self.to_k = nn.Linear(width, width)
        self.to_v = nn.Linear(width, width)
        self.to_out = nn.ModuleList([nn.Linear(width, width)])

    def split(self, x: Tensor) -> Tensor:
        return x.unflatten(2, (self.heads, -1)).transpose(1, 2)

    def forward(self, x: Tensor, key: Tensor, value: Tensor) -> Tensor:
        """x [B, T, width]; key and value [B, heads, S, head size]."""
        attended = F.scaled_dot_product_attention(self.split(self.to_q(x)), key, value)
        return self.to_out[0](attended.transpose(1, 2).flatten(2))


class FeedForward(nn.Module):
    def __init__(self, width: int):
        super().__init__()
        inner = nn.Module()
        inner.proj = nn.Linear(width, 4 * width)
        self.net = nn.ModuleList([inner, nn.Identity(), nn.Linear(4 * width, width)])

    def forward(self, x: Tensor) -> Tensor:
        return self.net[2](F.gelu(self.net[0].proj(x), approximate="tanh"))


class Block(nn.Module):
    def __init__(self, config: TransformerConfig, cross: bool):
        super().__init__()
        width = config.width
        self.width = width
        self.scale_shift_table = nn.Parameter(torch.zeros(6, width))
        self.attn1 = Attention(width, config.heads)
        if cross:
            self.attn2 = Attention(width, config.heads)
        self.ff = FeedForward(width)

    def norm(self, x: Tensor, shift: Tensor, scale: Tensor) -> Tensor:
        return F.layer_norm(x, (self.width,), eps=1e-6) * (1 + scale) + shift

    def forward(self, x: Tensor, modulation: Tensor, prompt: Tensor = None, references=None):
        """Gives x and the block's own keys and values. `references`: (key, value) of this layer."""
        shift, scale, gate, shift_ff, scale_ff, gate_ff = (self.scale_shift_table + modulation).split(1, 1)
        normal = self.norm(x, shift, scale)
        own = self.attn1.split(self.attn1.to_k(normal)), self.attn1.split(self.attn1.to_v(normal))
        key, value = own if references is None else (torch.cat(pair, 2) for pair in zip(own, references))
        x = x + gate * self.attn1(normal, key, value)
        if prompt is not None:
            x = x + prompt
        return x + gate_ff * self.ff(self.norm(x, shift_ff, scale_ff)), own


class Transformer(nn.Module):
    """Main branch (`channels` 4) or control branch (`channels` 13)."""

    def __init__(self, config: TransformerConfig, channels: int, layers: int, control: bool):
        super().__init__()
        self.config = config
        width = config.width
        self.pos_embed = nn.ModuleDict({"proj": nn.Conv2d(channels, width, PATCH, PATCH)})
        self.adaln_single = Conditions(width)
        self.transformer_blocks = nn.ModuleList([Block(config, cross=not control) for _ in range(layers)])
        if control:
            self.adapter_linear = nn.ModuleList([nn.Linear(width, width) for _ in range(layers)])
            return
        self.caption_projection = nn.ModuleDict(
            {"linear_1": nn.Linear(config.caption_channels, width), "linear_2": nn.Linear(width, width)}
        )
        self.scale_shift_table = nn.Parameter(torch.zeros(2, width))
        self.proj_out = nn.Linear(width, PATCH * PATCH * config.out_channels)

    def tokens(self, latent: Tensor, at: Tensor) -> Tensor:
        return self.pos_embed["proj"](latent).flatten(2).transpose(1, 2) + at.to(latent.dtype)

    def fold_prompt(self, token: Tensor) -> list:
        """The prompt keeps one token, so cross-attention adds the same vector everywhere: one a block."""
        caption = self.caption_projection
        hidden = caption["linear_2"](F.gelu(caption["linear_1"](token), approximate="tanh"))
        return [block.attn2.to_out[0](block.attn2.to_v(hidden)) for block in self.transformer_blocks]


class Cobra(nn.Module):
    def __init__(self, config: TransformerConfig):
        super().__init__()
        self.config = config
        latent = config.latent_channels
        self.main = Transformer(config, latent, config.layers, control=False)
        self.control = Transformer(config, 3 * latent + 1, config.control_layers, control=True)

    def encode_reference(self, latent: Tensor, quadrant: int, resolution: Tensor, prompt: list):
        """Latents [N, 4, h/2, w/2] of one quadrant -> keys and values a layer, [N, heads, tokens, head size]."""
        rows, columns = (edge // PATCH for edge in latent.shape[2:])
        at = reference_positions(rows, columns, quadrant, self.config.width, latent.device)
        x = self.main.tokens(latent, at)
        modulation, _ = self.main.adaln_single(latent.new_zeros(1), resolution)
        pairs = []
        for block, vector in zip(self.main.transformer_blocks, prompt):
            x, own = block(x, modulation, vector)
            pairs.append(own)
        return pairs

    def forward(self, latent, line, hint, mask, timestep, resolution, prompt: list, references: list):
        """A step: the noise [B, 4, h, w]. `references`: a layer's (key, value) [B, heads, R * tokens, head size]."""
        rows, columns = (edge // PATCH for edge in latent.shape[2:])
        at = page_positions(rows, columns, self.config.width, latent.device)
        control = self.control.tokens(torch.cat([latent, line, hint, mask], 1), at)
        modulation, _ = self.control.adaln_single(timestep, resolution)
        residuals = []
        for block, adapter in zip(self.control.transformer_blocks, self.control.adapter_linear):
            control, _ = block(control, modulation)
            residuals.append(adapter(control))
        x = self.main.tokens(latent, at)
        modulation, embedded = self.main.adaln_single(timestep, resolution)
        for index, block in enumerate(self.main.transformer_blocks):
            x, _ = block(x, modulation, prompt[index], references[index])
            if index < len(residuals):
                x = x + residuals[index]
        shift, scale = (self.main.scale_shift_table + embedded[:, None]).split(1, 1)
        x = self.main.proj_out(F.layer_norm(x, (self.config.width,), eps=1e-6) * (1 + scale) + shift)
        # [B, rows * columns, patch y, patch x, channels], of which the first four are the noise.
        x = x.unflatten(2, (PATCH, PATCH, -1))[..., : self.config.latent_channels].unflatten(1, (rows, columns))
        return x.permute(0, 5, 1, 3, 2, 4).flatten(4, 5).flatten(2, 3)


class Resnet(nn.Module):
    def __init__(self, inner: int, outer: int, groups: int):
        super().__init__()
        self.norm1 = nn.GroupNorm(groups, inner, eps=1e-6)
        self.conv1 = nn.Conv2d(inner, outer, 3, padding=1)
        self.norm2 = nn.GroupNorm(groups, outer, eps=1e-6)
        self.conv2 = nn.Conv2d(outer, outer, 3, padding=1)
        if inner != outer:
            self.conv_shortcut = nn.Conv2d(inner, outer, 1)

    def forward(self, x: Tensor) -> Tensor:
        inner = self.conv1(F.silu(self.norm1(x)))
        skip = self.conv_shortcut(x) if hasattr(self, "conv_shortcut") else x
        return skip + self.conv2(F.silu(self.norm2(inner)))


class MidAttention(nn.Module):
    def __init__(self, size: int, groups: int):
        super().__init__()
        self.group_norm = nn.GroupNorm(groups, size, eps=1e-6)
        self.to_q, self.to_k, self.to_v = (nn.Linear(size, size) for _ in range(3))
        self.to_out = nn.ModuleList([nn.Linear(size, size)])

    def forward(self, x: Tensor) -> Tensor:
        tokens = self.group_norm(x).flatten(2).transpose(1, 2)[:, None]
        attended = F.scaled_dot_product_attention(self.to_q(tokens), self.to_k(tokens), self.to_v(tokens))
        return x + self.to_out[0](attended[:, 0]).transpose(1, 2).reshape(x.shape)


def mid_block(size: int, groups: int) -> nn.Module:
    block = nn.Module()
    block.resnets = nn.ModuleList([Resnet(size, size, groups) for _ in range(2)])
    block.attentions = nn.ModuleList([MidAttention(size, groups)])
    return block


def through_middle(block: nn.Module, x: Tensor) -> Tensor:
    return block.resnets[1](block.attentions[0](block.resnets[0](x)))


def level(inner: int, outer: int, count: int, groups: int, resampler: str = "", conv: nn.Module = None) -> nn.Module:
    block = nn.Module()
    block.resnets = nn.ModuleList([Resnet(inner if at == 0 else outer, outer, groups) for at in range(count)])
    if resampler:
        setattr(block, resampler, nn.ModuleList([nn.ModuleDict({"conv": conv})]))
    return block


class Encoder(nn.Module):
    def __init__(self, c: VaeConfig):
        super().__init__()
        sizes = c.channels
        self.conv_in = nn.Conv2d(3, sizes[0], 3, padding=1)
        last = len(sizes) - 1
        self.down_blocks = nn.ModuleList(
            level(
                sizes[max(0, at - 1)],
                size,
                c.layers_per_block,
                c.groups,
                *(("downsamplers", nn.Conv2d(size, size, 3, 2)) if at < last else ()),
            )
            for at, size in enumerate(sizes)
        )
        self.mid_block = mid_block(sizes[-1], c.groups)
        self.conv_norm_out = nn.GroupNorm(c.groups, sizes[-1], eps=1e-6)
        self.conv_out = nn.Conv2d(sizes[-1], 2 * c.latent_channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv_in(x)
        for block in self.down_blocks:
            for resnet in block.resnets:
                x = resnet(x)
            if hasattr(block, "downsamplers"):
                x = block.downsamplers[0]["conv"](F.pad(x, (0, 1, 0, 1)))
        return self.conv_out(F.silu(self.conv_norm_out(through_middle(self.mid_block, x))))


class Decoder(nn.Module):
    def __init__(self, c: VaeConfig):
        super().__init__()
        sizes = c.channels[::-1]
        self.conv_in = nn.Conv2d(c.latent_channels, sizes[0], 3, padding=1)
        self.mid_block = mid_block(sizes[0], c.groups)
        last = len(sizes) - 1
        self.up_blocks = nn.ModuleList(
            level(
                sizes[max(0, at - 1)],
                size,
                c.layers_per_block + 1,
                c.groups,
                *(("upsamplers", nn.Conv2d(size, size, 3, padding=1)) if at < last else ()),
            )
            for at, size in enumerate(sizes)
        )
        self.conv_norm_out = nn.GroupNorm(c.groups, sizes[-1], eps=1e-6)
        self.conv_out = nn.Conv2d(sizes[-1], 3, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = through_middle(self.mid_block, self.conv_in(x))
        for block in self.up_blocks:
            for resnet in block.resnets:
                x = resnet(x)
            if hasattr(block, "upsamplers"):
                x = block.upsamplers[0]["conv"](F.interpolate(x, scale_factor=2.0, mode="nearest"))
        return self.conv_out(F.silu(self.conv_norm_out(x)))


class Vae(nn.Module):
    """AutoencoderKL."""

    def __init__(self, config: VaeConfig):
        super().__init__()
        self.config = config
        moments = 2 * config.latent_channels
        self.encoder = Encoder(config)
        self.quant_conv = nn.Conv2d(moments, moments, 1)
        self.post_quant_conv = nn.Conv2d(config.latent_channels, config.latent_channels, 1)
        self.decoder = Decoder(config)

    def encode(self, image: Tensor, noise: Tensor) -> Tensor:
        mean, logvar = self.quant_conv(self.encoder(image)).chunk(2, 1)
        return (mean + torch.exp(logvar.clamp(-30, 20) / 2) * noise) * self.config.scaling_factor

    def decode(self, latent: Tensor) -> Tensor:
        return self.decoder(self.post_quant_conv(latent / self.config.scaling_factor))
