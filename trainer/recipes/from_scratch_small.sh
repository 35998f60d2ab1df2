#!/usr/bin/env bash
# A small encoder (22 million parameters) from scratch on labelled barcodes: a tokenizer, then four objectives in a
# row.
#
#   bash trainer/recipes/from_scratch_small.sh BARCODES runs/small [further options of train.py]
#
# BARCODES has the columns sequence, species and split, with the splits train and val.
#
# Hardware: one GPU.
# Hours and metric: not yet run.
set -euo pipefail
absolute() { python -c 'import os, sys; print(os.path.abspath(sys.argv[1]))' "$1"; }
data=$(absolute "$1") output=$(absolute "$2")
cd "$(dirname "$0")/../.."

if [ ! -e "$output-tokenizer" ]; then
    python trainer/train_tokenizer.py --train_file "$data" --train_split train --output_dir "$output-tokenizer"
fi
args=(
    --train_file "$data" --train_split train --validation_split val
    --config_name trainer/configs/small.json --tokenizer_name "$output-tokenizer" --output_dir "$output"
    --curriculum "mlm:10 noise_contrastive:1 weighted_simclr:5 mi_mix:10" --pairing same_species
    --crop 150 700 --strand random --substitution_rate 0.01
    --per_device_train_batch_size 512 --cached_chunk_size 256 --max_length 200
    --learning_rate 5e-4 --head_learning_rate_multiplier 1 --lr_scheduler_type cosine --warmup_steps 0.05
    --bf16 "${BF16:-true}" --dataloader_num_workers 4 --seed 0
)
accelerate launch --num_processes "${GPUS:-1}" trainer/train.py "${args[@]}" "${@:3}"
