"""What attention holds: no scores, one bias for equal lengths, and when packed nothing of length²."""

import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils._python_dispatch import TorchDispatchMode

from modeling_dnacse import DnacseModel
from modeling_dnacse.attention import alibi_diagonals, attention_bias, reversed_bias


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


@pytest.mark.filterwarnings("ignore:Flash attention kernel", "ignore:Both fused kernels")
@pytest.mark.parametrize("lengths", [(30, 30, 30), (5, 30, 17)])
@pytest.mark.parametrize("attention", ["sdpa", "packed"])
def test_attention_stays_on_a_fused_kernel(model, attention, lengths):
    """Torch may take its flash kernel alone here: it raises rather than write the scores out, forward and backward."""
    ids = torch.randint(5, 96, (3, 30), generator=torch.Generator().manual_seed(0))
    mask = torch.arange(30) < torch.tensor(lengths)[:, None]
    model.set_attn_implementation("eager")
    expected = model(ids, mask).pooler_output
    model.set_attn_implementation(attention)
    with sdpa_kernel(SDPBackend.FLASH_ATTENTION):
        pooled = model(ids, mask).pooler_output
        pooled.square().sum().backward()
    torch.testing.assert_close(pooled, expected, atol=1e-5, rtol=1e-5)
    for layer in model.encoder.layer:  # what no fused kernel does on a CPU, so the test can fail
        layer.attention.self.dropout = 0.1
    with sdpa_kernel(SDPBackend.FLASH_ATTENTION), pytest.raises(RuntimeError, match="No available kernel"):
        model.train()(ids, mask)


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
