#!/usr/bin/env bash
# The shipped model dnacse-genome-mini (0.8 million parameters), for contigs of bacteria and archaea: DNABERT-S's phase
# I with a small encoder.
#
#   bash trainer/recipes/genome_mini.sh contigs.tsv.gz runs/genome-mini [further options of train.py]
#
# benchmarks/data/make_contigs.py cuts genomes into such a table; the splits train and unseen_val are used. A pair is
# two contigs of one species, and each view is a window of its contig.
#
# Hardware: 2 CPU cores, 8 GB.
# Hours: 14 minutes on one thread beside other work, 8 of them training.
# Metric: validation recall@1 0.347 (checkpoints/dnacse-genome-mini/training.json). Clustering and binning of unseen
# species: benchmarks/results.
set -euo pipefail
absolute() { python -c 'import os, sys; print(os.path.abspath(sys.argv[1]))' "$1"; }
data=$(absolute "$1") output=$(absolute "$2") threads=$(python -c 'import torch; print(torch.get_num_threads())')
cd "$(dirname "$0")/../.."

[ -e "$output-tokenizer" ] || python trainer/train_tokenizer.py --train_file "$data" --train_split train \
    --max_sequences 4000 --output_dir "$output-tokenizer"
[ -e "$output-start" ] || python trainer/fit_embeddings.py --train_file "$data" --train_split train \
    --rank species --shrinkage 0.1 --config_name trainer/configs/genome_mini.json --tokenizer_name "$output-tokenizer" \
    --output_dir "$output-start"
args=(
    --train_file "$data" --train_split train --validation_split unseen_val --max_validation_pairs 300
    --model_name_or_path "$output-start" --output_dir "$output" --attn_implementation packed
    --curriculum "weighted_simclr:120steps" --compare embeddings --pairing same_species
    --crop 1500 2500 --strand random --max_length 520
    --per_device_train_batch_size 64 --per_device_eval_batch_size 32
    --learning_rate 2e-3 --head_learning_rate_multiplier 1 --lr_scheduler_type cosine --warmup_steps 0.1
    --save_steps 0.25 --eval_steps 0.25 --save_total_limit 4 --seed 0
)
# coi_mini.sh explains both settings
export MALLOC_MMAP_THRESHOLD_=4294967296 MALLOC_TRIM_THRESHOLD_=17179869184
accelerate launch --num_processes 1 --num_cpu_threads_per_process "$threads" trainer/train.py "${args[@]}" "${@:3}"
