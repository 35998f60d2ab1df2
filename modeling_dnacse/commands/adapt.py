"""Make a model of your own marker from a labelled library, and measure it beside 7-mers.

    dnacse adapt LIBRARY.fasta -o MODEL
    dnacse identify QUERIES.fasta --reference LIBRARY.fasta --model MODEL -o CALLS.tsv

A trial comes first. Of at most 5,000 records, whole species and single records are held out. Three kinds of models are
fitted to the rest in closed form, and identify the held-out records. The table on stderr compares them with plain
7-mers: how often the genus of an unseen species is right, how often a known species is right, and how well new species
are recognised (AUROC). The kind with the best mean is then fitted to all records but these and some whole genera, and
gets its own similarity threshold for clusters. `identify` calibrates its probabilities on the records left out alone,
if its library holds them: a model places records and genera that it was fitted to better than those of queries.

This takes minutes on a CPU. It needs at least 30 records, and two genera with two species each. All records must be of
one marker; they may be on either strand. docs/adapt.md says more.
"""

import argparse
import json
import sys
import time
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from ..machine.outputs import check_model_folder
from .options import at_least

if TYPE_CHECKING:
    import numpy as np

    from ..fitting.site_model import Records
    from ..identification.references import LibraryFile
    from ..modeling_dnacse import DnacseModel

MOST = 50_000  # records that a model is fitted to
DRAWN = 5000  # records of the trial
APART = 0.1  # share of the records; a larger group with nothing in common with the others is reported


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    add = parser.add_argument
    add(
        "input",
        type=Path,
        help="labelled library, as for dnacse identify: FASTA, CSV, TSV, .qza, ...; - reads standard input",
    )
    add("-o", "--output", type=Path, required=True, help="folder to create, with the model")
    add("--taxonomy", type=Path, metavar="FILE", help="names of the library's records, as for dnacse identify")
    add("--split", help="fit to the records of this split alone, given in a column split or as split= in headers")
    add("--seed", type=at_least(0), default=0, help="seed of the trial's random draws; default: %(default)s")


def check(args: argparse.Namespace) -> "LibraryFile":
    """Check the output, and read the library once."""
    import numpy as np

    from ..fitting.held_out import check_names
    from ..identification.references import read_references

    if find_spec("scipy") is None:
        raise ValueError("adapt needs scipy, which is not installed: pip install 'dnacse[adapt]'")
    check_model_folder(args.output, [args.input, args.taxonomy])
    library = read_references(args.input, args.taxonomy, split=args.split)
    labels = library.references.labels
    species = np.array(labels["species"])
    try:
        check_names(np.array(labels.get("genus", [""] * len(species))), species)
    except ValueError as error:
        raise ValueError(f"{args.input}: {error}") from None
    return library


def run(args: argparse.Namespace, library: "LibraryFile") -> None:
    """Make the model; its name is locked until it is complete."""
    from ..loading.repository import WEIGHTS
    from ..machine.atomic import written_whole
    from ..machine.stamps import unchanged

    began = time.monotonic()
    with written_whole(args.output) as folder, unchanged([args.taxonomy] if args.taxonomy else []):
        make_model(args, library, folder)
        library.file.check()  # training.json has its digest
    size = (args.output / WEIGHTS).stat().st_size
    say(f"{args.output}: {size / 1e6:.1f} MB, {time.monotonic() - began:.0f} s")


def make_model(args: argparse.Namespace, library: "LibraryFile", folder: Path) -> None:
    """Run the trial, choose a kind of model, fit it and write it to a new folder."""
    import numpy as np

    from ..embedding.tokenization import letter_tokenizer
    from ..fitting.adapted_release import fitting_record, model_card, verdict
    from ..fitting.held_out import check_sequences, draw_genera, hold_out, whole_genera
    from ..fitting.trial import BY_SITES, ROUTES, routes_for, run_trial, table
    from ..identification.calibration.by_queries import code_of
    from ..loading.repository import CARD, RECORD, WEIGHTS, halve, write_repository

    rng = np.random.default_rng(args.seed)
    records, sequences, ids = read_marker(args.input, library, rng)
    try:
        check_sequences(sequences)
    except ValueError as error:
        raise ValueError(f"{args.input}: {error}") from None
    lengths = np.array([len(text) for text in records.texts])
    routes = routes_for(lengths)
    if len(routes) < len(ROUTES):
        say(f"sequences of {int(np.quantile(lengths, 0.9)):,} bp are too long for sites; trying k-mers alone")
    say(f"up to {memory(lengths, bool(BY_SITES.keys() & routes.keys())):.1f} GB of memory are needed")
    drawn = draw_genera(records.genera, DRAWN, rng)
    part = part_of(records, drawn)
    split = hold_out(part.genera, part.species, rng)
    if not len(split.unseen):
        raise ValueError(
            f"{args.input}: none of the {len(drawn):,} records that were drawn is of a genus with two species; give "
            "another --seed, or a part of the library"
        )
    held = part.species[split.unseen]
    say(
        f"trial: {len(split.rest):,} records to fit; held out are {len(split.unseen):,} of {len(set(held)):,} whole "
        f"species and {len(split.seen):,} single ones of known species"
    )
    of_part = [sequences[row] for row in drawn]
    outcome = run_trial(part, of_part, split, routes, seed=args.seed, say=say)
    rows = table(outcome)
    sys.stderr.write("".join(f"  {row[0]:<20}" + "".join(f"{cell:>26}" for cell in row[1:]) + "\n" for row in rows))
    say(f"chosen: {verdict(outcome)}")
    threshold = threshold_of(outcome.models[outcome.chosen], [of_part[row] for row in split.unseen], held)
    novel = whole_genera(part.genera, rng)
    left_out = drawn[np.unique(np.concatenate([split.unseen, split.seen, novel]))]
    fitted = np.setdiff1d(np.arange(len(sequences)), left_out)
    say(f"fitting {outcome.chosen} to {len(fitted):,} records; {len(left_out):,} others calibrate names of identify")
    model = routes[outcome.chosen](part_of(records, fitted), args.seed)
    if lost := without_place(model, sequences):
        say(
            f"{lost:,} of {len(sequences):,} records have no place on its sites, so identify never finds them; if "
            "they are many, try another --seed"
        )
    model.config.species_similarity = threshold
    model.config.held_out = " ".join(code_of(ids[row]) for row in left_out.tolist())
    facts = {
        "records": len(fitted),
        "species": len(set(records.species[fitted]) - {""}),
        "genera": len(set(records.genera[fitted]) - {""}),
        "drawn": len(drawn),
        "unseen": len(split.unseen),
        "unseen_species": len(set(held)),
        "seen": len(split.seen),
        "novel": len(novel),
        "novel_genera": len(set(part.genera[novel])),
    }
    files = {
        CARD: model_card(args, model, outcome, rows, facts),
        RECORD: json.dumps(fitting_record(args, outcome, threshold, facts), indent=2) + "\n",
    }
    write_repository(folder, model, letter_tokenizer(), files)
    halve(folder / WEIGHTS)


def part_of(records: "Records", rows: "np.ndarray") -> "Records":
    """Some of the records."""
    return type(records)([records.texts[row] for row in rows], records.genera[rows], records.species[rows])


def read_marker(
    path: Path, library: "LibraryFile", rng: "np.random.Generator"
) -> "tuple[Records, list[str], list[str]]":
    """The records of a library that have a genus: encoded, all on one strand; their sequences as written; their ids.

    Raises:
        ValueError: they are of several markers, or of several splits of which none is chosen.
    """
    import numpy as np

    from ..fitting.held_out import thin
    from ..fitting.site_model import Records
    from ..fitting.site_table import encode
    from ..fitting.strands import DRAWN as LOOKED_AT
    from ..fitting.strands import STRANGERS, group_apart, on_other_strand, share_of_strangers, turned
    from ..reading.sequences import clean_sequence

    genera, species = (np.array(library.references.labels[rank]) for rank in ("genus", "species"))
    rows = np.flatnonzero(genera != "")
    if len(rows) > MOST:
        say(f"{path}: fitting to {MOST:,} of {len(rows):,} records; species with many records lose some")
        rows = rows[thin(species[rows], MOST, rng)]
    wanted, sequences, splits = set(rows.tolist()), [], set()
    for row, record in enumerate(library.file.read()):
        splits.add(record.split)
        if row in wanted:
            sequences.append(clean_sequence(record.sequence))
    if library.file.split is None and len(splits) > 1:
        raise ValueError(
            f"{path} has the splits {', '.join(sorted(splits - {''}))}: say with --split which to fit to, so that "
            "nothing is learnt from test records"
        )
    texts, genera, species = [encode(sequence) for sequence in sequences], genera[rows], species[rows]
    strange = share_of_strangers(texts, genera)
    if strange > STRANGERS:
        raise ValueError(
            f"{path}: of pairs of one genus, {strange:.0%} have nothing in common, as if several markers were "
            "mixed; give the records of one marker"
        )
    apart, looked_at = group_apart(texts), min(LOOKED_AT, len(texts))
    if len(apart) > APART * looked_at:
        say(
            f"{path}: {len(apart):,} of {looked_at:,} records, such as one of {genera[apart[0]]}, have nearly "
            "nothing in common with the others. If they are of another marker, give one marker at a time: otherwise "
            "the trial separates markers, not species"
        )
    other = on_other_strand(texts)
    if other.any():
        say(f"{path}: {other.sum():,} of {len(texts):,} records are on the other strand; turned for the fit")
        texts = [turned(text) if of_other else text for text, of_other in zip(texts, other, strict=True)]
    return Records(texts, genera, species), sequences, [library.references.ids[row] for row in rows.tolist()]


def memory(lengths: "np.ndarray", by_sites: bool) -> float:
    """The largest amount of memory that the fit takes, in GB, for scatters of sites or k-mer frequencies."""
    import numpy as np

    count, length = len(lengths), float(np.quantile(lengths, 0.9))
    matrices = 8 * 8 * (4 * (length + 100)) ** 2 if by_sites else 0.0
    kmers = 3 * 8 * 8192 * min(count, 2000) + 2 * 8 * count * min(count, 2000)
    return (6e8 + max(matrices, kmers) + 10 * count * length) / 1e9


def without_place(model: "DnacseModel", sequences: list[str]) -> int:
    """How many sequences a model with sites cannot place; 0 for one without."""
    from ..embedding.tokenization import letter_tokenizer
    from ..identification.encoding import places
    from ..vectors.at_sites import read_sites

    return int((~read_sites(model.eval(), letter_tokenizer(), sequences).placed).sum()) if places(model) else 0


def threshold_of(model: "DnacseModel", sequences: list[str], species: "np.ndarray") -> float | None:
    """The similarity at which clusters agree best with held-out species; None, with a line on stderr, if none does."""
    from ..clustering.average_linkage import species_threshold
    from ..embedding.embed import embed
    from ..embedding.tokenization import letter_tokenizer

    try:
        vectors = embed(model, letter_tokenizer(), sequences, device="cpu", normalize=True)
        threshold, agreement = species_threshold(vectors, species)
    except ValueError as error:
        say(f"no threshold for clusters by vectors: {error}")
        return None
    say(f"threshold for clusters by vectors: {threshold:.4f}, adjusted Rand index {agreement:.3f} on held-out species")
    return round(threshold, 4)


def say(line: str) -> None:
    """Write a line for the user."""
    sys.stderr.write(line + "\n")
