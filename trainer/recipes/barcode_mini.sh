#!/usr/bin/env bash
# dnacse-barcode-mini (3.6 million parameters), the shipped model, from labelled COI barcodes to its folder.
#
#   bash trainer/recipes/barcode_mini.sh coi.tsv.gz runs/barcode-mini checkpoints/dnacse-barcode-mini [options of train.py]
#
# Hardware: 2 CPU cores, 8 GB. Duration: training.json in the folder; results: benchmarks/results. The data file has
# the columns sequence, species, genus and split, with the splits train, val and unseen_val.
set -euo pipefail
absolute() { python -c 'import os, sys; print(os.path.abspath(sys.argv[1]))' "$1"; }
data=$(absolute "$1") output=$(absolute "$2") shipped=$(absolute "$3")
threads=${THREADS:-$(python -c 'import os; print(os.cpu_count())')}
cd "$(dirname "$0")/../.."

[ -e "$output-tokenizer" ] ||
    python trainer/train_tokenizer.py --train_file "$data" --train_split train --output_dir "$output-tokenizer"
[ -e "$output-start" ] || python trainer/fit_embeddings.py --train_file "$data" --train_split train --both_strands \
    --config_name trainer/configs/barcode_mini.json --tokenizer_name "$output-tokenizer" --output_dir "$output-start"
args=(
    --train_file "$data" --train_split train --validation_split val --max_validation_pairs 300
    --model_name_or_path "$output-start" --output_dir "$output" --attn_implementation packed
    --curriculum "weighted_simclr:${PHASE_1:-80}steps mi_mix:${PHASE_2:-160}steps" --pairing same_species --genus_pairs 0.5
    --crop 150 700 --strand random --max_length 200
    --per_device_train_batch_size 128 --per_device_eval_batch_size 64
    --learning_rate 5e-4 --head_learning_rate_multiplier 1 --lr_scheduler_type cosine --warmup_steps 0.1
    --save_steps 0.25 --eval_steps 0.25 --save_total_limit 4 --seed 0
)
# see coi_mini.sh for both settings
export MALLOC_MMAP_THRESHOLD_=4294967296 MALLOC_TRIM_THRESHOLD_=17179869184
accelerate launch --num_processes 1 --num_cpu_threads_per_process "$threads" trainer/train.py "${args[@]}" "${@:4}"
python trainer/finish.py --model "$output" --output_dir "$shipped" --train_file "$data" --train_split train
python - "$data" "$output-unseen_val.fasta" <<'PY'
import sys
from pathlib import Path

from modeling_dnacse.labels import read_labelled

with Path(sys.argv[2]).open("w") as file:
    for record in read_labelled(Path(sys.argv[1]), split="unseen_val"):
        file.write(f">{record['id']} species={record['species']}\n{record['sequence']}\n")
PY
dnacse calibrate "$output-unseen_val.fasta" --model "$shipped" --for species
