"""Bin contigs with a model and write what CAMI's tools read: a model and a labelled file in, two files out.

    python benchmarks/data/write_bins.py --model tnf --data contigs.tsv.gz --output bins
    amber.py --gold_standard_file bins/gold_standard.binning --output_dir amber bins/tnf.binning

The contigs, the threshold and the bins are those of the task `binning`; `gold_standard.binning` holds their species.
A baseline that learns does so from the data's split train, as in run.py.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
import torch

if not __package__:
    sys.path[0] = str(Path(__file__).resolve().parents[2])

from benchmarks.data.cami import EARLIER, write_cami
from benchmarks.data.readers import files_of_source
from benchmarks.data.splits import read_splits, to_split
from benchmarks.methods.load import load_method
from benchmarks.tasks.binning import SPLITS, bin_contigs
from modeling_dnacse.commands.options import parsed
from modeling_dnacse.embedding.given import check_device
from modeling_dnacse.machine.earlier_outputs import check_replaced
from modeling_dnacse.machine.outputs import check_folder, check_outputs
from modeling_dnacse.machine.plain_messages import plain_messages, sentence_of
from modeling_dnacse.machine.signals import ending_on_signals


@plain_messages()
@ending_on_signals()
def main(arguments: list[str] | None = None) -> int:
    """Run the command line: 0, or 2 when arguments or files were wrong."""
    parser = argparse.ArgumentParser(description="Bin contigs with a model.", allow_abbrev=False)
    parser.add_argument("--model", required=True, help="as run.py takes it; it must give vectors")
    parser.add_argument("--data", required=True, help="labelled source, as run.py takes it")
    parser.add_argument("--output", type=Path, required=True, help="folder of the two files")
    parser.add_argument("--evaluation_split", choices=tuple(SPLITS), default="test")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--trust_remote_code", action="store_true", help="let a Hub repository's own code run")
    options = parsed(parser, arguments)
    try:
        check_device(options.device, "--device")
        splits = read_splits(options.data)
        method = load_method(
            options.model,
            training=splits.get("train"),
            device=options.device,
            trust_remote_code=options.trust_remote_code,
        )
        labelled, contigs = (splits.get(name) or to_split([]) for name in SPLITS[options.evaluation_split])
        files = [options.output / f"{name}.binning" for name in ("gold_standard", method.name.replace("/", "--"))]
        check_folder(options.output, [options.model], parents=True)
        check_outputs(files if options.output.is_dir() else [], [options.model, *files_of_source(options.data)])
        if files[0] == files[1]:
            raise ValueError(f"{files[0]} is the gold standard and the model's; give the model another name")
        for file in files:
            check_replaced(file, EARLIER, "a file of write_bins.py", None)
        threshold, rows, bins = bin_contigs(method, labelled, contigs)
        options.output.mkdir(parents=True, exist_ok=True)
        ids, species = contigs.ids[rows].tolist(), np.char.replace(contigs.labels["species"][rows], " ", "_")
        lengths = [len(contigs.sequences[row]) for row in rows]
        write_cami(files[0], ids, species, lengths)
        write_cami(files[1], ids, bins)
    except (ValueError, OSError) as error:
        sys.stderr.write(f"write_bins.py: {sentence_of(error)}\n")
        return 2
    found = len(set(bins.tolist()) - {-1})
    sys.stdout.write(f"{found} bins of {int((bins >= 0).sum())} of {len(rows)} contigs, threshold {threshold:.4f}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
