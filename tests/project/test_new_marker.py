"""A model of one's own marker in three commands, as README says: fit, calibrate, identify."""

import csv

import numpy as np

from modeling_dnacse.cli import main
from modeling_dnacse.reading.sequences import reverse_complement
from tests.support.marker import fit_arguments, simulate_marker, write_marker
from trainer.fit_sites import main as fit_sites


def test_three_commands_make_a_model_of_a_marker_and_name_its_sequences(tmp_path, capsys):
    records = simulate_marker(seed=1)
    library = write_marker(tmp_path / "library.tsv", records)
    model, calls = tmp_path / "model", tmp_path / "calls.tsv"
    fit_sites(fit_arguments(library, model))
    main(["calibrate", str(library), "--model", str(model), "--for", "species"])
    assert (
        "dnacse cluster compares sites with this model, and vectors only with --threshold" in capsys.readouterr().err
    )

    rng = np.random.default_rng(99)  # another seed than that of the simulated gene
    whole = [record for record in records if len(record["sequence"]) > 300]
    pieces = [record["sequence"][50:250] for record in whole]
    pieces = [reverse_complement(piece) if rng.random() < 0.5 else piece for piece in pieces]
    junk = "".join(rng.choice(list("ACGT"), 300))
    queries = tmp_path / "queries.fasta"
    queries.write_text("".join(f">q{row}\n{piece}\n" for row, piece in enumerate([*pieces, junk, "A" * 300])))
    main(["identify", str(queries), "--reference", str(library), "-o", str(calls), "--model", str(model)])
    lines = list(csv.DictReader(calls.open(), delimiter="\t"))
    right = [line["species"] == record["species"] for line, record in zip(lines, whole, strict=False)]
    assert np.mean(right) > 0.95
    assert np.median([int(line["overlap"]) for line in lines[: len(whole)]]) == 200
    assert min(float(line["identity"]) for line in lines[: len(whole)]) > 0.95
    for line in lines[len(whole) :]:
        assert line["note"] == "does not look like the library's marker"
        assert (line["call"], line["species"], line["new_species_probability"]) == ("", "", "")
