"""What attention holds: one bias for equal lengths, and when packed nothing of length²."""

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from modeling_dnacse import DnacseModel
from modeling_dnacse.alibi import alibi_diagonals, attention_bias, reversed_bias


class LargestStorage(TorchDispatchMode):
    """Remember the size of the largest tensor that an operation gives, in bytes of its storage."""

    def __init__(self):
        super().__init__()
        self.bytes = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        outputs = func(*args, **(kwargs or {}))
        for tensor in outputs if isinstance(outputs, (tuple, list)) else [outputs]:
            if isinstance(tensor, torch.Tensor):
                self.bytes = max(self.bytes, tensor.untyped_storage().nbytes())
        return outputs


@pytest.fixture
def model(tiny_config):
    torch.manual_seed(0)
    return DnacseModel(tiny_config).eval()


def largest(model, attention, length, backward=False):
    model.set_attn_implementation(attention)
    ids = torch.randint(5, 96, (1, length), generator=torch.Generator().manual_seed(0))
    with LargestStorage() as seen:
        pooled = model(ids).pooler_output
        if backward:
            pooled.square().sum().backward()
    return seen.bytes


@pytest.mark.parametrize("backward", [False, True])
def test_packed_memory_is_linear_in_the_length(model, backward):
    with torch.set_grad_enabled(backward):
        short, long = (largest(model, "packed", length, backward) for length in (400, 800))
        assert long <= 2 * short
        assert largest(model, "eager", 800, backward) >= 6 * 800 * 800 * 4 > 10 * long


def test_a_view_is_the_bias_of_reversed_queries():
    device = torch.device("cpu")
    diagonals = alibi_diagonals(9, 6, torch.float32, device)
    for length in (1, 2, 9):  # shorter sequences take the middle
        expected = attention_bias(torch.ones(1, length), 6, torch.float32)[0].flip(1)
        view = reversed_bias(diagonals, length)
        assert torch.equal(view, expected)
        assert view.untyped_storage().data_ptr() == diagonals.untyped_storage().data_ptr()


def test_equal_lengths_share_one_bias():
    mask = torch.ones(3, 7)
    assert attention_bias(mask, 6, torch.float32).shape == (1, 6, 7, 7)
    mask[1, 5:] = 0
    assert attention_bias(mask, 6, torch.float32).shape == (3, 6, 7, 7)


def test_an_export_made_without_padding_still_sees_padding():
    """The shared bias must not be what a trace remembers."""

    class Bias(torch.nn.Module):
        def forward(self, mask):
            return attention_bias(mask, 6, torch.float32)

    mask = torch.ones(3, 7)
    exported = torch.export.export(Bias(), (mask,)).module()
    mask[1, 5:] = 0
    assert torch.equal(exported(mask), attention_bias(mask, 6, torch.float32))
