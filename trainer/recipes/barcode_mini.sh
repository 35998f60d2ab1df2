#!/usr/bin/env bash
# The shipped model dnacse-barcode-mini, from labelled COI barcodes: where in the gene a sequence was read, and what each
# base at each site tells of the genus (trainer/fit_sites.py). It has no layers and is fitted in closed form. The other
# recipes train encoders by the papers' curricula.
#
#   bash trainer/recipes/barcode_mini.sh coi.tsv.gz runs/dnacse-barcode-mini [further options of fit_sites.py]
#
# The data file has the columns sequence, species, genus and split, with the splits train and unseen_val.
#
# Hardware: 2 CPU cores, 4 GB.
# Hours: 3 minutes.
# Metric: benchmarks/results/coi has the test scores; benchmarks/studies/sites.json compares validation scores.
set -euo pipefail
absolute() { python -c 'import os, sys; print(os.path.abspath(sys.argv[1]))' "$1"; }
data=$(absolute "$1") output=$(absolute "$2")
cd "$(dirname "$0")/../.."

python trainer/fit_sites.py --train_file "$data" --train_split train --output_dir "$output" "${@:3}"
python -m modeling_dnacse.cli calibrate "$data" --split unseen_val --model "$output" --for species
