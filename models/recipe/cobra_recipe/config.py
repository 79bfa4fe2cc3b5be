"""Sizes and settings of a run. `cpu` is what one core trains in an hour, `gpu` what a large GPU trains in 20 minutes."""

from dataclasses import asdict, dataclass, replace


@dataclass(frozen=True)
class Config:
    """All of a run's numbers. Widths are channels, `downscale` is page pixels per latent pixel."""

    name: str = "cpu"
    #: Latent channels.
    latent: int = 4
    #: Channels of the VAE at 1/4 and 1/8.
    vae4: int = 48
    vae8: int = 96
    #: Width, heads, blocks of the main branch, blocks of the control branch.
    width: int = 96
    heads: int = 3
    layers: int = 4
    control: int = 2
    #: Channels of the features at latent resolution (stem and head).
    cell: int = 48
    #: Pages per step and the most reference patches of a page.
    batch: int = 4
    references: int = 6
    #: Times that an encoded batch is used, each time with other references.
    replay: int = 1
    learning_rate: float = 1.2e-3
    ema: float = 0.995
    #: Geometries kept in memory, in chunks.
    chunks: int = 32

    def shape(self) -> dict:
        """What a checkpoint must agree on."""
        d = asdict(self)
        return {k: d[k] for k in ("latent", "vae4", "vae8", "width", "heads", "layers", "control", "cell")}


CPU = Config()
GPU = replace(CPU, name="gpu", latent=16, width=192, heads=6, layers=6, control=3, cell=64, batch=128,
              references=12, replay=1, learning_rate=1.2e-3, ema=0.998, chunks=700)  # fmt: skip
#: For trying the whole recipe in two minutes; colours mean nothing.
TINY = replace(CPU, name="tiny", vae4=16, vae8=32, width=32, heads=2, layers=2, control=1, cell=16, batch=2, references=3, chunks=8)
CONFIGS = {"cpu": CPU, "gpu": GPU, "tiny": TINY}
