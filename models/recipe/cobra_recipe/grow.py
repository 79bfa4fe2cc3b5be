"""A small network's weights in a larger one that computes the same: more residual pairs, which begin as nothing, and more channels at 1/32."""

import torch

from .network import Colorizer

#: Where channels at 1/32 come in and go out.
DEEP_IN, DEEP, DEEP_OUT = "d32.", "e32.", "u16."


def grown(net: Colorizer, given: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The weights of `net` with those `given` in them, so that it computes what the smaller network did."""
    own, out = net.state_dict(), {}
    for name, fresh in own.items():
        old = given.get(name)
        if old is not None and old.shape == fresh.shape:
            out[name] = old.float()
        elif old is not None and name.startswith((DEEP_IN, DEEP, DEEP_OUT)):
            out[name] = _wider(name, fresh.clone(), old.float())
        elif old is None and ".c2." in name:
            out[name] = torch.zeros_like(fresh)
        elif old is None and ".c1." in name:
            out[name] = fresh
        else:
            raise ValueError(f"{name}: {None if old is None else tuple(old.shape)} does not fit into {tuple(fresh.shape)}")
    return out


def _wider(name: str, fresh: torch.Tensor, old: torch.Tensor) -> torch.Tensor:
    """Channels that are new give nothing to those that were there; what they take is as fresh as they are."""
    if fresh.ndim == 4 and not name.startswith(DEEP_IN):
        fresh[: old.shape[0], old.shape[1] :] = 0
    fresh[tuple(slice(n) for n in old.shape)] = old
    return fresh
