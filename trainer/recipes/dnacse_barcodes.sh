#!/usr/bin/env bash
# DNACSE as published: unsupervised noise contrastive tuning of DNABERT-2 on barcodes; a pair is one barcode twice.
#
#   bash trainer/recipes/dnacse_barcodes.sh BARCODES runs/dnacse [further options of train.py]
#
# BARCODES is a FASTA, CSV, TSV or parquet file. If it names species, records of one species are not negatives of each
# other; leave the names out for training without labels. GPUS (1) is the number of GPUs.
#
# Hardware: the paper used 2 GPUs, 64 barcodes each.
# Hours: not yet run.
# Metric: in the paper's abstract, on its data, zero-shot clustering AMI 92.25, linear probing 98.31 %, fine-tuning
# 99.17 %; ours: not yet run.
set -euo pipefail
absolute() { python -c 'import os, sys; print(os.path.abspath(sys.argv[1]))' "$1"; }
data=$(absolute "$1") output=$(absolute "$2")
cd "$(dirname "$0")/../.."

args=(
    --model_name_or_path zhihan1996/DNABERT-2-117M
    --train_file "$data" --output_dir "$output"
    --pairing identical --curriculum "noise_contrastive:1" --pooling cls_tanh
    --temperature 0.05 --mix_lambda 0.2 --mlm_weight 0.1
    --noise_additive 0.12 --noise_multiplicative 0.15 --noise_substitution 0.08
    --per_device_train_batch_size $((128 / ${GPUS:-1})) --max_length 128
    --learning_rate 3e-5 --head_learning_rate_multiplier 1 --lr_scheduler_type linear
    --bf16 "${BF16:-true}" --dataloader_num_workers 4 --seed 0
)
accelerate launch --num_processes "${GPUS:-1}" trainer/train.py "${args[@]}" "${@:3}"
