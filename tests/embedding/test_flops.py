"""The formula for the encoder's FLOPs equals what PyTorch counts."""

import torch
from torch.utils.flop_counter import FlopCounterMode

from modeling_dnacse import DnacseModel
from modeling_dnacse.embedding.flops import encoder_flops


def counted(model, lengths):
    counter = FlopCounterMode(display=False)
    with counter, torch.no_grad():
        for length in lengths:
            model(torch.full((1, length), 7))
    return counter.get_total_flops()


def test_flops_equal_what_pytorch_counts(tiny_config):
    model = DnacseModel._from_config(tiny_config, attn_implementation="eager").eval()
    assert encoder_flops(tiny_config, [5, 40, 17]) == counted(model, [5, 40, 17])


def test_training_takes_three_times_the_forward(tiny_config):
    model = DnacseModel._from_config(tiny_config, attn_implementation="eager")
    with FlopCounterMode(display=False) as counter:
        model(torch.full((1, 40), 7)).last_hidden_state.sum().backward()
    assert counter.get_total_flops() == 3 * encoder_flops(tiny_config, [40])
