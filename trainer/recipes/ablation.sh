#!/usr/bin/env bash
# One arm of the ablation on labelled barcodes. All arms train the same small encoder for the same number of steps;
# each changes one thing.
#
#   bash trainer/recipes/ablation.sh list
#   bash trainer/recipes/ablation.sh ARM BARCODES runs/ablation/ARM-0 [further options of train.py, such as --seed 1]
#
# BARCODES has the columns sequence, species, genus and split, with the splits train and val. The environment variable
# STEPS sets the number of optimizer steps (100). benchmarks/ablation.sh runs all arms with three seeds.
#
# Hardware: one CPU core.
# Hours: 2 to 4 minutes an arm.
# Metric: 1-NN species and genus, K-means ARI and AMI on the validation splits: benchmarks/results/ablation.
set -euo pipefail
steps=${STEPS:-100}
third=$((steps / 3)) rest=$((steps - steps / 3))
full="weighted_simclr:${third}steps mi_mix:${rest}steps"
declare -A arms=(
    [curriculum]="--curriculum|$full"
    [phase_1_only]="--curriculum|weighted_simclr:${steps}steps"
    [curriculum_no_head]="--curriculum|$full|--compare|embeddings"
    [phase_1_no_head]="--curriculum|weighted_simclr:${steps}steps|--compare|embeddings"
    [mi_mix_only]="--curriculum|mi_mix:${steps}steps"
    [i_mix]="--curriculum|$full|--mixing_layers|0"
    [identical]="--curriculum|$full|--pairing|identical"
    [reverse_complement]="--curriculum|$full|--pairing|reverse_complement"
    [mutated]="--curriculum|$full|--pairing|mutated"
    [fragments]="--curriculum|$full|--pairing|same_record_fragments|--fragment_length|150|300"
    [noise_contrastive]="--curriculum|noise_contrastive:${steps}steps|--pairing|identical"
)
if [ "${1:-list}" = list ]; then
    printf '%s\n' "${!arms[@]}" | sort
    exit
fi
IFS='|' read -ra arm <<<"${arms[$1]:?no such arm: see $0 list}"
absolute() { python -c 'import os, sys; print(os.path.abspath(sys.argv[1]))' "$1"; }
data=$(absolute "$2") output=$(absolute "$3") tokenizer=${TOKENIZER:-$(dirname "$(absolute "$3")")/tokenizer}
cd "$(dirname "$0")/../.."

if [ ! -e "$tokenizer" ]; then
    python trainer/train_tokenizer.py --train_file "$data" --train_split train --output_dir "$tokenizer"
fi
source=(--train_file "$data" --train_split train)
if [ "$1" = fragments ]; then  # windows are cut from indexed FASTA
    python - "$data" "$output.fasta" <<'PY'
import sys
from pathlib import Path

from modeling_dnacse.reading.labels import read_labelled

with Path(sys.argv[2]).open("w") as file:
    for record in read_labelled(Path(sys.argv[1]), split="train"):
        file.write(f">{record['id']} species={record['species']}\n{record['sequence']}\n")
PY
    source=(--train_file "$output.fasta")
fi
args=(
    "${source[@]}" --validation_fraction 0 --attn_implementation packed
    --config_name trainer/configs/ablation.json --tokenizer_name "$tokenizer" --output_dir "$output"
    --per_device_train_batch_size 64 --max_length 160
    --learning_rate 1e-3 --head_learning_rate_multiplier 1 --lr_scheduler_type cosine --warmup_steps 0.05
    --save_strategy no --seed 0
)
# coi_mini.sh explains both settings
export MALLOC_MMAP_THRESHOLD_=4294967296 MALLOC_TRIM_THRESHOLD_=17179869184
accelerate launch --num_processes 1 --num_cpu_threads_per_process "${THREADS:-1}" trainer/train.py \
    "${args[@]}" "${arm[@]}" "${@:4}"
