"""What the layers of decoders are: modules that are called for every token."""

from typing import Any

from torch import nn


class Layer(nn.Module):
    """A module whose call is cheap.

    In each step of a text hundreds of modules have little to do, while weights that are read push everything else out
    of the processor's cache: what `nn.Module` looks up at each call takes a twentieth of the time of a token.
    """

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """As `forward`, and with the module's own hooks, if it has any."""
        if self._forward_hooks or self._forward_pre_hooks:
            return super().__call__(*args, **kwargs)
        return self.forward(*args, **kwargs)
