"""Sizes and settings of a run. `cpu` is what one core trains in ninety minutes, `gpu` what a large GPU trains in 20 minutes."""

from dataclasses import asdict, dataclass, replace


@dataclass(frozen=True)
class Config:
    """All of a run's numbers. Widths are channels."""

    name: str = "cpu"
    #: Channels at 1/4, 1/8, 1/16 (also the tokens' width) and 1/32.
    quarter: int = 32
    cell: int = 64
    width: int = 96
    deep: int = 192
    #: Residual pairs of convolutions at 1/8, and at 1/16 and 1/32; heads and blocks of the transformer.
    cells: int = 1
    convs: int = 2
    heads: int = 3
    layers: int = 3
    #: Residual pairs at 1/8 after the last features of 1/16 came in, beside the one that is always there.
    tail: int = 0
    #: Channels of the guided decoder.
    guide: int = 32
    #: Pages of 256x256 per step (larger ones come fewer) and the most reference patches of a page.
    batch: int = 8
    references: int = 6
    learning_rate: float = 3.5e-3
    ema: float = 0.995
    #: Geometries kept in memory, in chunks.
    chunks: int = 64
    #: More pages of traced lines than `data.PAGE_KINDS` has, most at the second look's size.
    lines: bool = False

    def shape(self) -> dict:
        """What a checkpoint must agree on."""
        d = asdict(self)
        return {k: d[k] for k in ("quarter", "cell", "width", "deep", "cells", "convs", "heads", "layers", "tail", "guide")}


CPU = Config()
GPU = replace(CPU, name="gpu", quarter=48, cell=96, width=192, deep=320, convs=3, heads=6, layers=4, guide=48, batch=128,
              references=12, ema=0.998, chunks=700)  # fmt: skip
#: For trying the whole recipe in two minutes; colours mean nothing.
TINY = replace(CPU, name="tiny", quarter=16, cell=24, deep=64, convs=1, heads=3, layers=1, guide=16, batch=2, references=3, chunks=8)
#: The `cpu` network, trained on from a package's weights on a large GPU (`sprint.py`).
WARM = replace(CPU, name="warm-gpu", batch=96, learning_rate=2e-3, ema=0.997, chunks=900)
#: A deeper network that a `cpu` checkpoint grows into (`grow.py`); its package has 17 MB and takes half as long again.
DEEP = replace(WARM, name="deep-gpu", deep=256, cells=2, convs=4, tail=1, batch=256)
CONFIGS = {"cpu": CPU, "gpu": GPU, "warm-gpu": WARM, "deep-gpu": DEEP, "tiny": TINY}
