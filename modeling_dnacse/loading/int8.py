"""Int8 on CPUs: the linear layers of an encoder compute with 8-bit integers; everything else is unchanged.

y = s_x · (q_x · q_w) · s_w + b

Weights: q_w = round(w / s_w), with s_w = max(abs(w)) / 127 of each output.
Activations: q_x = round(x / s_x), with s_x = max(abs(x)) / 63 of each token.

Nothing is calibrated. Since each token has its own scale, a vector does not depend on its batch. Activations take 7
bits, because processors without VNNI add pairs of products in 16 bits, and 8 bits would silently overflow them (ONNX
Runtime with 8 bits: cosine with float32 0.996 instead of 0.99998).
"""

import torch
from torch import Tensor, nn

TOKEN_LIMIT = (
    63  # of q_x; the kernel gets it shifted by 64, so from 1 to 127, and a pair of products stays below 2**15
)
WEIGHT_LIMIT = 127
TINY = 1e-30  # lower bound of the largest number of a row, for rows of zeros


class Int8Linear(nn.Module):
    """A linear layer for inference on CPU, whose weights take a quarter of the memory; it cannot be saved."""

    def __init__(self, linear: nn.Linear) -> None:
        """Quantise the weights of `linear`."""
        super().__init__()
        weight = linear.weight.detach()  # (outputs, inputs)
        self.scales = weight.abs().amax(1).clamp(min=TINY) / WEIGHT_LIMIT
        self.zeros = torch.zeros(len(weight), dtype=torch.int32)
        self.bias = None if linear.bias is None else linear.bias.detach()
        rounded = (weight / self.scales[:, None]).round().to(torch.int8)
        self.packed = torch.ops.onednn.qlinear_prepack(rounded, None)

    def forward(self, states: Tensor) -> Tensor:
        """(..., inputs) float32 to (..., outputs) float32.

        Raises:
            ValueError: the states are on another device or in another precision.
        """
        if states.device.type != "cpu" or states.dtype != torch.float32:
            raise ValueError(
                f"an int8 model takes float32 on cpu, not {states.dtype} on {states.device}; "
                "leave its dtype, or load it without int8"
            )
        tokens = states.flatten(0, -2)
        scales = tokens.abs().amax(1, keepdim=True).clamp_(min=TINY) / TOKEN_LIMIT
        rounded = (
            (tokens * (1 / scales)).add_(TOKEN_LIMIT + 1.5).to(torch.uint8)
        )  # the cast cuts off, so adding a half rounds
        products = torch.ops.onednn.qlinear_pointwise(
            rounded,
            1.0,
            TOKEN_LIMIT + 1,
            self.packed,
            self.scales,
            self.zeros,
            None,
            1.0,
            0,
            torch.float32,
            "none",
            [],
            "",
        )
        products.mul_(scales)  # in place: new memory would cost a quarter of the kernel's time
        if self.bias is not None:
            products.add_(self.bias)
        return products.unflatten(0, states.shape[:-1])


def to_int8(model: nn.Module) -> nn.Module:
    """Replace every linear layer of `model` by its int8 form, in place, and return the model.

    Raises:
        ValueError: this build of torch has no oneDNN, which computes it.
    """
    if not torch.backends.mkldnn.is_available():
        raise ValueError("int8 needs a torch built with oneDNN, which this one is not; leave dtype at float32")
    for parent in list(model.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, nn.Linear):
                setattr(parent, name, Int8Linear(child))
    return model
