"""Options that the chosen objectives and pairing do not use: all values in, a note for each such option out.

Recipes share options, and arms of a comparison have different objectives, so such an option is no mistake. But who
tunes it should be told. An option counts as given where its value is not the default.
"""

from dataclasses import MISSING, fields
from typing import Any

FEATURES = ("weighted_simclr", "mi_mix", "info_nce")
USED_BY = {  # option -> objectives of which one must be in the curriculum
    "compare": FEATURES,
    "genus_weight": (*FEATURES, "noise_contrastive"),
    "mix_alpha": ("mi_mix",),
    "mixing_layers": ("mi_mix",),
    **dict.fromkeys(("margin", "mix_lambda", "hard_negative_weight", "mlm_weight"), ("noise_contrastive",)),
    **dict.fromkeys(("noise_additive", "noise_multiplicative", "noise_substitution"), ("noise_contrastive",)),
}
PAIRED_BY = {  # option -> pairings that use it
    "fragment_length": ("same_record_fragments",),
    "fragment_pairs": ("same_record_fragments",),
    "singletons": ("same_species", "same_genus"),
}


def without_effect(args: Any) -> list[str]:
    """One sentence for each option, an attribute of `args`, that is given and changes nothing."""
    given = {field.name for field in fields(args) if getattr(args, field.name) != default_of(field)}
    objectives = {phase.partition(":")[0] for phase in args.curriculum.split()}
    notes = [
        f"--{name} has no effect: it belongs to {' and '.join(owners)}, and --curriculum has no such phase"
        for name, owners in USED_BY.items()
        if name in given and objectives.isdisjoint(owners)
    ]
    masks = "mlm" in objectives or ("noise_contrastive" in objectives and args.mlm_weight)
    notes += [
        f"--{name} has no effect: no token is masked without a phase mlm, or noise_contrastive with --mlm_weight"
        for name in ("mlm_probability", "mlm_span")
        if name in given and not masks
    ]
    notes += [
        f"--{name} has no effect: it belongs to --pairing {' and '.join(owners)}, not to {args.pairing}"
        for name, owners in PAIRED_BY.items()
        if name in given and args.pairing not in owners
    ]
    if "validation_fraction" in given and (args.validation_file or args.validation_split):
        notes.append("--validation_fraction has no effect beside --validation_file or --validation_split")
    return notes


def default_of(field: Any) -> Any:
    """The default of a field of a dataclass."""
    return field.default if field.default_factory is MISSING else field.default_factory()
