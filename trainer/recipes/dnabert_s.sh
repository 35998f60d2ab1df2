#!/usr/bin/env bash
# DNABERT-S as published (arXiv 2402.08777): C²LR from DNABERT-2, each pair two 10 kb pieces of one genome.
#
#   bash trainer/recipes/dnabert_s.sh GENOMES runs/dnabert-s [further options of train.py]
#
# GENOMES is a folder with an index.tsv and one FASTA file for each genome. GPUS (1) is the number of GPUs. They share
# the 48 pairs of a step and process them in chunks, so a single GPU is enough.
#
# Hardware: the paper used 8 A100-80GB.
# Hours: about 48 hours in the paper, for 2,000,000 pairs; ours: not yet run.
# Metric: K-means ARI 53.8 over 12 data sets in the paper; ours: not yet run.
set -euo pipefail
absolute() { python -c 'import os, sys; print(os.path.abspath(sys.argv[1]))' "$1"; }
data=$(absolute "$1") output=$(absolute "$2")
cd "$(dirname "$0")/../.."

args=(
    --model_name_or_path zhihan1996/DNABERT-2-117M
    --train_file "$data" --output_dir "$output"
    --pairing same_record_fragments --fragment_length 10000
    --curriculum "weighted_simclr:1 mi_mix:2" --temperature 0.05 --mix_alpha 1
    --per_device_train_batch_size $((48 / ${GPUS:-1})) --cached_chunk_size 16 --max_length 2000
    --learning_rate 3e-6 --head_learning_rate_multiplier 100 --lr_scheduler_type constant
    --bf16 "${BF16:-true}" --dataloader_num_workers 4 --seed 0
)
accelerate launch --num_processes "${GPUS:-1}" trainer/train.py "${args[@]}" "${@:3}"
