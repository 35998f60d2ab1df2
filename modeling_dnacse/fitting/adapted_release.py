"""The files of `dnacse adapt` beside the weights: a model card and a record of the fit."""

import argparse
from typing import TYPE_CHECKING, Any

from ..clustering.purposes import FIELDS
from ..machine.file_names import text_of

if TYPE_CHECKING:
    from ..modeling_dnacse import DnacseModel
    from .trial import Outcome

COUNTS = ("drawn", "unseen", "unseen_species", "seen", "novel", "novel_genera")
MEASURES = ("genus_unseen", "species_seen", "auroc_new")
TAGS = ["biology", "dna", "dna-barcoding", "sentence-transformers", "custom_code"]
CARD_TEXT = """---
{header}
---

# {name}

Embeddings of {hidden} numbers for the marker of {source}, fitted in closed form to {records:,} records of \
{species:,} species and {genera:,} genera: {route}. Made by

    {command}

## Use

```bash
dnacse identify QUERIES.fasta --reference {source} --model {name} -o CALLS.tsv
dnacse cluster SEQUENCES.fasta --model {name} -o CLUSTERS.tsv
```

## Results

In a trial on {drawn:,} records, {unseen:,} sequences of {unseen_species:,} whole species were held out, and {seen:,} \
single sequences of species that kept others. The search is that of `dnacse identify`, which calibrates its \
probabilities on these and on {novel:,} records of {novel_genera:,} whole genera, since none is in the fit. Per cent:

{table}

{verdict}

## Limits

The route was chosen on these figures, so they are slightly optimistic. They hold for sequences such as the library's.
The licence is not stated: it depends on the library.
"""


def verdict(outcome: "Outcome") -> str:
    """Say what was chosen, and whether it is significantly better than 7-mers."""
    gain, low, high = (100 * value for value in outcome.gain)
    said = f"{outcome.chosen}: {gain:+.1f} points over 7-mers in the mean (95 % interval {low:+.1f} to {high:+.1f})"
    if low > 0:
        return said
    if high < 0:
        return f"{said}; worse than 7-mers, so give more records, or use 7-mers"
    return f"{said}; not significant, so expect of this model what 7-mers give"


def model_card(
    args: argparse.Namespace, model: "DnacseModel", outcome: "Outcome", rows: list[list[str]], facts: dict[str, int]
) -> str:
    """The text of README.md."""
    from huggingface_hub import ModelCardData

    header = ModelCardData(library_name="transformers", pipeline_tag="feature-extraction", tags=TAGS)
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    return CARD_TEXT.format(
        header=header.to_yaml(),
        name=text_of(args.output.name),
        hidden=model.config.hidden_size,
        source=text_of(args.input.name),
        route=outcome.chosen,
        command=command_of(args),
        table="\n".join([lines[0], "|---" * len(rows[0]) + "|", *lines[1:]]),
        verdict=verdict(outcome),
        **facts,
    )


def command_of(args: argparse.Namespace) -> str:
    """The command, without the folders of its files."""
    taxonomy = f" --taxonomy {args.taxonomy.name}" if args.taxonomy else ""
    split = f" --split {args.split}" if args.split else ""
    return text_of(f"dnacse adapt {args.input.name}{taxonomy}{split} --seed {args.seed} -o {args.output.name}")


def fitting_record(
    args: argparse.Namespace, outcome: "Outcome", threshold: float | None, facts: dict[str, int]
) -> dict[str, Any]:
    """The content of training.json: what others need to repeat the fit."""
    import torch

    from ..machine.provenance import device_name, package_versions, source_of

    counts = {key: facts[key] for key in ("records", "species", "genera")}
    sources = [source_of(str(path)) for path in (args.input, args.taxonomy) if path is not None]
    return {
        "arguments": {"command": command_of(args), "seed": args.seed},
        "data": {"training": {"sources": sources, "train_split": args.split, **counts}},
        "trial": {
            "drawn": {key: facts[key] for key in COUNTS},
            "measures": {
                name: dict(zip(MEASURES, rounded(answers.measures()), strict=True))
                for name, answers in outcome.answers.items()
            },
            "chosen": outcome.chosen,
            "gain_and_interval": rounded(outcome.gain),
            FIELDS["species"]: threshold,
        },
        "device": device_name(torch.device("cpu")),
        "versions": package_versions(["torch", "transformers", "tokenizers", "scipy", "numpy"]),
    }


def rounded(values: Any) -> list[float | None]:
    """Four decimals; None for NaN, which JSON lacks."""
    return [None if value != value else round(float(value), 4) for value in values]
