#!/usr/bin/env bash
# The shipped model dnacse-barcode-mini, from labelled COI barcodes. The model finds at which site of the gene each base
# lies, and has an embedding for each base at each site, which separates genera (trainer/fit_sites.py). It has no layers.
# The embeddings are fitted in closed form and then trained by the curriculum on cropped pairs of one genus: weighted
# SimCLR, then MI-Mix, which here mixes vectors.
#
#   bash trainer/recipes/barcode_mini.sh coi.tsv.gz runs/dnacse-barcode-mini [further options of train.py]
#
# The environment variable FIT_OPTIONS holds further options of fit_sites.py, MERGE_OPTIONS those of fit_merges.py.
#
# The data file has the columns sequence, species, genus and split, with the splits train and unseen_val.
#
# Hardware: 2 CPU cores, 4 GB.
# Hours: 6 minutes.
# Metric: benchmarks/results/coi has the test scores; benchmarks/studies/results/curriculum.json compares validation scores
# without and with each phase.
set -euo pipefail
absolute() { python -c 'import os, sys; print(os.path.abspath(sys.argv[1]))' "$1"; }
data=$(absolute "$1") output=$(absolute "$2")
cd "$(dirname "$0")/../.."

python trainer/fit_sites.py --train_file "$data" --train_split train --output_dir "$output-start" ${FIT_OPTIONS:-}
python trainer/train.py --model_name_or_path "$output-start" --train_file "$data" --train_split train \
    --validation_fraction 0 --eval_strategy no --save_strategy no --output_dir "$output-tuned" \
    --curriculum "weighted_simclr:100steps mi_mix:200steps" --pairing same_genus --compare embeddings \
    --crop 100 660 --substitution_rate 0.02 --per_device_train_batch_size 192 --learning_rate 0.005 "${@:3}"
python trainer/finish.py --model "$output-tuned" --train_file "$data" --train_split train --output_dir "$output"
python -m modeling_dnacse.cli calibrate "$data" --split unseen_val --model "$output" --for species
python trainer/fit_merges.py --model "$output" --train_file "$data" --train_split train ${MERGE_OPTIONS:-}
