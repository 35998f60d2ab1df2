#!/usr/bin/env bash
# The main job on made data, every step a command of its own; `make demo` runs it. Replaces demo/, or writes to the new
# folder $1.
#   simulate barcodes → fit a model of sites → tune it by the two-phase curriculum → load the folder as a stranger would
#   → embed held-out sequences → compare with 6-mers and the closed-form start → draw the map
# Hardware: 2 CPU cores, 4 GB, under 5 minutes. Nothing is downloaded.
set -euo pipefail
out=demo
if [ $# -gt 0 ]; then
    case $1 in /*) out=$1 ;; *) out=$PWD/$1 ;; esac
    if [ -e "$out" ] || [ -L "$out" ]; then
        echo "demo.sh: error: $out exists, and only demo/ is replaced; give a new folder, or none" >&2
        exit 2
    fi
fi
cd "$(dirname "$0")"
export HF_HUB_OFFLINE=1 TOKENIZERS_PARALLELISM=true
threads=$(python -c 'import torch; print(torch.get_num_threads())')
[ $# -gt 0 ] || rm -rf "$out"
step() { printf '\n== %s\n' "$*"; }

# Half of the records are fragments down to 150 bp, with 2 % errors: whole, clean barcodes are no test, for there a random
# encoder clusters species perfectly already
step "Simulate barcodes of 200 species"
python benchmarks/data/simulate.py --output "$out/data" --species 200 --records_per_species 12 --shortest 150 --error_rate 0.02

step "Find where in the marker each base stands, and fit what it tells of the genus, in closed form"
python trainer/fit_sites.py --train_file "$out/data/barcodes.tsv" --train_split train --columns 128 \
    --output_dir "$out/start"

step "Tune it by the curriculum: weighted SimCLR, then MI-Mix"
accelerate launch --num_processes 1 --num_cpu_threads_per_process "$threads" trainer/train.py \
    --model_name_or_path "$out/start" --train_file "$out/data/barcodes.tsv" --train_split train \
    --validation_split val --output_dir "$out/model" --curriculum "weighted_simclr:3 mi_mix:5" --pairing same_genus \
    --compare embeddings --crop 100 660 --substitution_rate 0.02 --per_device_train_batch_size 32 \
    --learning_rate 0.005 --seed 0

step "Load the folder with AutoModel in a fresh process, where our package is not to be seen"
(cd "$out" && python -I - <<'PY'
import sys

sys.modules["modeling_dnacse"] = None  # an import of it would fail now
from transformers import AutoModel, AutoTokenizer

model = AutoModel.from_pretrained("model", trust_remote_code=True)
tokenizer = AutoTokenizer.from_pretrained("model", trust_remote_code=True)
vector = model(**tokenizer("ACGTTGCAACGGTACC", return_tensors="pt")).pooler_output
print(f"{type(model).__module__}.{type(model).__name__}: a vector of {vector.shape[1]} numbers")
PY
)

step "Embed the barcodes of species that were never trained on"
dnacse embed "$out/data/unseen_test.fasta" -o "$out/unseen_test.parquet" --model "$out/model"

step "Compare with 6-mer profiles and with the closed-form start, on species that none was trained on"
python benchmarks/run.py --model "$out/model" "$out/start" kmer6 --task knn species_clustering \
    --data "$out/data/barcodes.tsv" --output "$out/results"
python benchmarks/tables.py --results "$out/results" --only barcodes.test:summary

step "Draw the map of the unseen species"
python benchmarks/plots.py map --model "$out/model" "$out/start" kmer6 --data "$out/data/barcodes.tsv" \
    --split unseen_test --output "$out/map.png"
printf '\nThe model is in %s, the picture is %s\n' "$out/model" "$out/map.png"
