#!/usr/bin/env bash
# The shipped model dnacse-barcode-mini (3.3 million parameters), from labelled COI barcodes. `make reproduce-mini`
# runs this, then trainer/finish.py, and calibrates and measures the result.
#
#   bash trainer/recipes/barcode_mini.sh coi.tsv.gz runs/barcode-mini [further options of train.py]
#
# The data file has the columns sequence, species, genus and split, with the splits train and val. The curriculum is
# phase I alone: with MI-Mix in the last third, validation recall@1 of the former model fell from 0.700 to 0.603
# (LOG.md).
#
# Hardware: 2 CPU cores, 8 GB.
# Hours: 14 minutes on one thread beside other work, 7 of them training.
# Metric: validation recall@1 0.790 (checkpoints/dnacse-barcode-mini/training.json). Test scores of the finished model:
# benchmarks/results.
set -euo pipefail
absolute() { python -c 'import os, sys; print(os.path.abspath(sys.argv[1]))' "$1"; }
data=$(absolute "$1") output=$(absolute "$2") threads=$(python -c 'import torch; print(torch.get_num_threads())')
cd "$(dirname "$0")/../.."

[ -e "$output-tokenizer" ] ||
    python trainer/train_tokenizer.py --train_file "$data" --train_split train --vocab_size 1024 \
        --max_sequences 5000 --output_dir "$output-tokenizer"
[ -e "$output-start" ] || python trainer/fit_embeddings.py --train_file "$data" --train_split train --shrinkage 0.5 \
    --config_name trainer/configs/barcode_mini.json --tokenizer_name "$output-tokenizer" --output_dir "$output-start"
args=(
    --train_file "$data" --train_split train --validation_split val --max_validation_pairs 300
    --model_name_or_path "$output-start" --output_dir "$output" --attn_implementation packed
    --curriculum "weighted_simclr:120steps" --compare embeddings --pairing same_species
    --crop 150 700 --strand random --substitution_rate 0.03 --max_length 200
    --per_device_train_batch_size 128 --per_device_eval_batch_size 64
    --learning_rate 3e-3 --head_learning_rate_multiplier 1 --lr_scheduler_type cosine --warmup_steps 0.1
    --save_steps 0.25 --eval_steps 0.25 --save_total_limit 4 --seed 0
)
# coi_mini.sh explains both settings
export MALLOC_MMAP_THRESHOLD_=4294967296 MALLOC_TRIM_THRESHOLD_=17179869184
accelerate launch --num_processes 1 --num_cpu_threads_per_process "$threads" trainer/train.py "${args[@]}" "${@:3}"
