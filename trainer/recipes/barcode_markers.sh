#!/usr/bin/env bash
# The shipped models of other markers than COI, dnacse-barcode-12s and dnacse-barcode-cytb, fitted in closed form
# (trainer/fit_sites.py). The curriculum of barcode_mini.sh was tried afterwards; it made 12S worse and changed
# cytochrome b little (LOG.md).
#
#   bash trainer/recipes/barcode_markers.sh DATA runs
#
# The environment variable FIT_OPTIONS holds further options of fit_sites.py, MERGE_OPTIONS those of fit_merges.py.
#
# DATA holds 12s_fish.tsv.gz, 12s.tsv.gz and cytb.tsv.gz with the columns sequence, species, genus and split; all three
# have the splits train and unseen_val. benchmarks/DATA.md says how they were made.
#
# Hardware: 1 CPU core, 4 GB.
# Hours: 5 minutes.
# Metric: benchmarks/results/12s, 12s_fish and cytb have the test scores.
set -euo pipefail
absolute() { python -c 'import os, sys; print(os.path.abspath(sys.argv[1]))' "$1"; }
data=$(absolute "$1") output=$(absolute "$2")
cd "$(dirname "$0")/../.."
mkdir -p "$output"

if [ ! -e "$output/12s_train.tsv.gz" ]; then
    python benchmarks/data/join_training.py --data "$data/12s_fish.tsv.gz" "$data/12s.tsv.gz" \
        --output "$output/12s_train.tsv.gz"
fi
python trainer/fit_sites.py --train_file "$output/12s_train.tsv.gz" --train_split train \
    --output_dir "$output/dnacse-barcode-12s" --site_support 0 --site_kmer 8 --margin 500 --coverage 0.05 \
    ${FIT_OPTIONS:-}
python -m modeling_dnacse.cli calibrate "$data/12s_fish.tsv.gz" --split unseen_val \
    --model "$output/dnacse-barcode-12s" --for species

python trainer/fit_sites.py --train_file "$data/cytb.tsv.gz" --train_split train \
    --output_dir "$output/dnacse-barcode-cytb" ${FIT_OPTIONS:-}
python -m modeling_dnacse.cli calibrate "$data/cytb.tsv.gz" --split unseen_val \
    --model "$output/dnacse-barcode-cytb" --for species

python trainer/fit_merges.py --model "$output/dnacse-barcode-12s" "$output/dnacse-barcode-cytb" \
    --train_file "$data/12s_fish.tsv.gz" "$data/cytb.tsv.gz" --train_split train ${MERGE_OPTIONS:-}
