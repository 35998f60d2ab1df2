"""The optimizer's state: complete even where a phase has not trained a head yet."""

import pytest
import torch
from torch import distributed, nn
from torch.distributed.checkpoint.state_dict import (
    StateDictOptions,
    get_optimizer_state_dict,
    set_optimizer_state_dict,
)
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard

from trainer.running.parameters import fill_missing_states

FULL = StateDictOptions(full_state_dict=True, cpu_offload=True)  # as accelerate saves with FULL_STATE_DICT


class WithIdleHead(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder, self.head = nn.Linear(4, 4), nn.Linear(4, 2)

    def forward(self, rows):
        return self.encoder(rows)


@pytest.fixture
def sharded():
    """A function that makes a model divided by FSDP 2, and its optimizer."""
    distributed.init_process_group("gloo", store=distributed.HashStore(), rank=0, world_size=1)
    mesh = init_device_mesh("cpu", (1,))

    def make():
        torch.manual_seed(0)
        model = WithIdleHead()
        fully_shard(model, mesh=mesh)
        return model, torch.optim.AdamW(model.parameters(), lr=0.1, weight_decay=0.1)

    yield make
    distributed.destroy_process_group()


def train(model, optimizer, steps):
    for _ in range(steps):
        optimizer.zero_grad()
        model(torch.ones(2, 4)).square().sum().backward()
        optimizer.step()
    return [parameter.full_tensor().detach() for parameter in model.parameters()]


def test_fsdp_resumes_although_a_head_was_never_trained(sharded):
    """With --compare embeddings, or before an mlm phase, loading once ended in "Missing optimizer state"."""
    whole = train(*sharded(), 4)
    model, optimizer = sharded()
    train(model, optimizer, 2)
    with pytest.raises(RuntimeError, match="Missing optimizer state"):
        set_optimizer_state_dict(*sharded(), get_optimizer_state_dict(model, optimizer, options=FULL), options=FULL)
    fill_missing_states(optimizer)
    state = get_optimizer_state_dict(model, optimizer, options=FULL)
    resumed, fresh = sharded()
    resumed.load_state_dict(model.state_dict())
    set_optimizer_state_dict(resumed, fresh, state, options=FULL)
    assert {name: int(entry["step"]) for name, entry in state["state"].items()} == {
        **{"encoder.weight": 2, "encoder.bias": 2},
        **{"head.weight": 0, "head.bias": 0},
    }
    for first, second in zip(whole, train(resumed, fresh, 2), strict=True):
        torch.testing.assert_close(first, second)
