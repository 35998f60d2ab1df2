"""The objectives equal the reference in value and gradient, stay finite, and honour the species vector."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from trainer.losses import info_nce, mi_mix, noise_contrastive, weighted_simclr

LOSSES = {
    "weighted_simclr": weighted_simclr,
    "noise_contrastive": noise_contrastive,
    "info_nce": info_nce,
    "mi_mix": lambda a, p, temperature, species=None: mi_mix(
        a, p, torch.arange(len(a)).roll(1), torch.full((len(a),), 0.7), temperature, species
    ),
}


def unit(rows, width, seed, dtype=torch.float32):
    return F.normalize(torch.randn(rows, width, generator=torch.Generator().manual_seed(seed), dtype=dtype), dim=1)


def value_and_gradients(loss, first, second):
    first, second = first.clone().requires_grad_(), second.clone().requires_grad_()
    value = loss(first, second)
    value.backward()
    return value.detach(), first.grad, second.grad


@pytest.mark.parametrize("case", ["a", "b", "c"])
@pytest.mark.parametrize("objective", ["weighted_simclr", "mi_mix"])
def test_equals_dnaberts_reference(reference, case, objective):
    arrays = np.load(reference / "dnaberts_losses_reference.npz")
    tensor = {key.removeprefix(f"{case}."): torch.from_numpy(arrays[key]) for key in arrays.files if key[0] == case}
    temperature = tensor["temperature"].item()

    def loss(first, second):
        if objective == "weighted_simclr":
            return weighted_simclr(first, second, temperature)
        return mi_mix(first, second, tensor["permutation"], tensor["lambda"], temperature)

    value, first_grad, second_grad = value_and_gradients(loss, tensor["f1"], tensor["f2"])
    torch.testing.assert_close(value, tensor[objective], atol=1e-6, rtol=0)
    torch.testing.assert_close(first_grad, tensor[f"{objective}.grad_f1"], atol=1e-6, rtol=0)
    torch.testing.assert_close(second_grad, tensor[f"{objective}.grad_f2"], atol=1e-6, rtol=0)


@pytest.mark.parametrize("case", ["default", "margin", "weighted"])
def test_equals_dnacse_reference(reference, case):
    arrays = np.load(reference / "dnacse_loss_reference.npz")
    get = {key.removeprefix(f"{case}."): torch.from_numpy(arrays[key]) for key in arrays.files if key.startswith(case)}
    settings = {key: get[key].item() for key in ("temperature", "margin", "mix_lambda", "hard_negative_weight")}
    value, first_grad, second_grad = value_and_gradients(
        lambda first, second: noise_contrastive(first, second, variant="published", **settings), get["z1"], get["z2"]
    )
    torch.testing.assert_close(value, get["loss"], atol=1e-6, rtol=0)
    torch.testing.assert_close(first_grad, get["grad_z1"], atol=1e-6, rtol=0)
    torch.testing.assert_close(second_grad, get["grad_z2"], atol=1e-6, rtol=0)


def test_corrected_noise_contrastive_is_its_definition_row_by_row():
    z1, z2 = torch.randn(2, 6, 8, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    unit1, unit2 = F.normalize(z1, dim=1), F.normalize(z2, dim=1)
    mixed1, mixed2 = (F.normalize(0.2 * z + 0.8 * z.roll(-1, 0), dim=1) for z in (z1, z2))
    expected = []
    for i in range(6):
        mixtures = [j for j in range(6) if j != (i - 1) % 6]  # mixture i-1 is mostly row i itself
        row = torch.cat([unit2 @ unit1[i], mixed2[mixtures] @ unit1[i], mixed1[mixtures] @ unit2[i]]) / 0.05
        expected.append(torch.logsumexp(row, 0) - row[i])
    corrected = noise_contrastive(z1, z2, 0.05)
    torch.testing.assert_close(corrected, torch.stack(expected).mean())
    assert not torch.allclose(corrected, noise_contrastive(z1, z2, 0.05, variant="published"))


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_finite_in_half_precision_at_a_low_temperature(name, dtype):
    anchors = unit(16, 32, seed=0).to(dtype)
    value, first_grad, second_grad = value_and_gradients(
        lambda a, p: LOSSES[name](a, p, temperature=0.01), anchors, anchors.flip(0)
    )
    assert value.isfinite() and value > 1
    assert first_grad.isfinite().all() and second_grad.isfinite().all() and first_grad.abs().sum() > 0


def by_definition(name, anchors, positives, species, temperature, permutation, coefficients):
    """Each loss as a sum over rows and their allowed candidates, with no mask and no log-space."""
    rows = range(len(anchors))
    label = species.tolist()

    def e(first, second):
        return torch.exp(F.normalize(first, dim=0) @ F.normalize(second, dim=0) / temperature)

    def weighted(values):
        values = torch.stack(values)
        return (values / values.mean() * values).sum()

    losses = []
    for i in rows:
        others = [j for j in rows if label[j] != label[i]]
        if name == "weighted_simclr":
            positive = e(anchors[i], positives[i])
            for side in (anchors, positives):
                negatives = [e(side[i], view[j]) for view in (anchors, positives) for j in others]
                losses.append(-torch.log(positive / (positive + weighted(negatives))))
        elif name == "info_nce":
            candidates = [e(anchors[i], positives[j]) for j in [i, *others]]
            losses.append(-torch.log(candidates[0] / sum(candidates)))
        elif name == "mi_mix":
            partner = permutation[i].item()
            negatives = [j for j in others if label[j] != label[partner]]
            negatives += [partner] if partner != i else []
            total = e(anchors[i], positives[i]) + weighted([e(anchors[i], positives[j]) for j in negatives])
            own, foreign = e(anchors[i], positives[i]), e(anchors[i], positives[partner])
            losses.append(
                -coefficients[i] * torch.log(own / total) - (1 - coefficients[i]) * torch.log(foreign / total)
            )
        else:
            candidates = [e(anchors[i], positives[j]) for j in [i, *others]]
            for j in rows:
                after = (j + 1) % len(anchors)
                if after != i and label[after] != label[i] and (j == i or label[j] != label[i]):
                    mixtures = [0.2 * view[j] + 0.8 * view[after] for view in (positives, anchors)]
                    candidates += [
                        e(view[i], mixture) for view, mixture in zip((anchors, positives), mixtures, strict=True)
                    ]
            losses.append(-torch.log(candidates[0] / sum(candidates)))
    return torch.stack(losses).mean()


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("species", [[0, 1, 2, 3, 4, 5], [0, 0, 2, 3, 2, 5], [0, 1, 1, 1, 4, 0]], ids=str)
def test_rows_of_one_species_are_no_negatives(name, species):
    anchors, positives = unit(6, 16, seed=1, dtype=torch.float64), unit(6, 16, seed=2, dtype=torch.float64)
    species = torch.tensor(species)
    permutation, coefficients = torch.tensor([3, 2, 4, 0, 1, 5]), torch.linspace(0.5, 1, 6, dtype=torch.float64)
    if name == "mi_mix":
        value = mi_mix(anchors, positives, permutation, coefficients, 0.5, species)
    else:
        value = LOSSES[name](anchors, positives, temperature=0.5, species=species)
    expected = by_definition(name, anchors, positives, species, 0.5, permutation, coefficients)
    torch.testing.assert_close(value, expected)


@pytest.mark.parametrize("name", LOSSES)
def test_a_batch_of_one_species_gives_zero_gradient_not_nan(name):
    anchors, positives = unit(4, 8, seed=3), unit(4, 8, seed=4)
    value, first_grad, _ = value_and_gradients(
        lambda a, p: LOSSES[name](a, p, temperature=0.05, species=torch.zeros(4, dtype=torch.long)), anchors, positives
    )
    assert value.isfinite() and first_grad.isfinite().all()


def test_mi_mix_keeps_a_partner_of_the_same_species():
    """Were the partner, which is in the numerator, masked out of D, the loss could fall below zero without bound."""
    mixed, positives = unit(2, 8, seed=5), unit(2, 8, seed=6)
    value = mi_mix(
        mixed, positives, torch.tensor([1, 0]), torch.tensor([0.6, 0.6]), 0.05, species=torch.zeros(2).long()
    )
    assert torch.equal(value, mi_mix(mixed, positives, torch.tensor([1, 0]), torch.tensor([0.6, 0.6]), 0.05))
