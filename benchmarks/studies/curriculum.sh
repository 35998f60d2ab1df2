#!/usr/bin/env bash
# What each phase of the curriculum adds to the closed-form start of dnacse-barcode-mini, on validation splits, with
# three seeds: scores of the plain cosine by sites.py, into one JSON.
#
#   bash benchmarks/studies/curriculum.sh coi.tsv.gz runs/dnacse-barcode-mini-start runs/curriculum OUT.json
#
# The start is what trainer/fit_sites.py makes (trainer/recipes/barcode_mini.sh). What is trained already is kept.
# Hardware: 2 CPU cores, 4 GB. Hours: 0.7.
set -euo pipefail
data=$1 start=$2 runs=$3 output=$4
python benchmarks/studies/sites.py --data "$data" --model "$start" --name "start: " --methods cosine 7mers \
    --output "$output"

arm() { # name, curriculum, further options of train.py
    local name=$1 curriculum=$2 seed model
    for seed in 0 1 2; do
        model=$runs/$name-$seed
        if [ ! -e "$model/training.json" ]; then
            python trainer/train.py --model_name_or_path "$start" --train_file "$data" --train_split train \
                --validation_fraction 0 --eval_strategy no --save_strategy no --output_dir "$model" --seed $seed \
                --curriculum "$curriculum" --compare embeddings --crop 100 660 --substitution_rate 0.02 \
                --per_device_train_batch_size 192 --learning_rate 0.005 "${@:3}"
        fi
        python benchmarks/studies/sites.py --data "$data" --model "$model" --name "$name, seed $seed: " \
            --methods cosine --output "$output"
    done
}
arm "SimCLR, genera" "weighted_simclr:300steps" --pairing same_genus
arm "SimCLR and MI-Mix, species" "weighted_simclr:100steps mi_mix:200steps" --pairing same_species
arm "SimCLR and MI-Mix, genera" "weighted_simclr:100steps mi_mix:200steps" --pairing same_genus
for weight in 0.1 1; do
    arm "SimCLR and MI-Mix, genera, cross-entropy $weight" "weighted_simclr:100steps mi_mix:200steps" \
        --pairing same_genus --genus_weight $weight
done
