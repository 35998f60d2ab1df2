#!/usr/bin/env bash
# The ablation on labelled barcodes: every arm of trainer/recipes/ablation.sh with three seeds, each judged on the
# validation splits. What is finished is not run again, so it can be stopped at any time and started anew.
#
#   bash benchmarks/ablation.sh coi.tsv.gz runs/ablation [ARM …]
#
# Hardware: CPU; JOBS (all cores) runs go side by side with one thread each. Results: benchmarks/results/ablation/*.json;
# `make tables` renders them.
set -euo pipefail
absolute() { python -c 'import os, sys; print(os.path.abspath(sys.argv[1]))' "$1"; }
data=$(absolute "$1") runs=$(absolute "$2")
cd "$(dirname "$0")/.."
export data runs
export TOKENIZER="$runs/tokenizer" OMP_NUM_THREADS=1 TOKENIZERS_PARALLELISM=false
if [ $# -gt 2 ]; then arms=("${@:3}"); else mapfile -t arms < <(bash trainer/recipes/ablation.sh list); fi
for arm in "${arms[@]}"; do
    for run in "$runs/$arm"-{0,1,2}; do
        if [ ! -e "$run/model.safetensors" ] && { [ -e "$run" ] || [ -e "$run.log" ]; } &&
            [ "$(head -n 1 "$run.log" 2>/dev/null)" != "ablation.sh: $arm, seed ${run##*-}" ]; then
            echo "ablation.sh: $run or its .log exists and is no run of this script; give another RUNS" >&2
            exit 2
        fi
    done
done
mkdir -p "$runs"
[ -e "$TOKENIZER" ] || python trainer/train_tokenizer.py --train_file "$data" --train_split train --output_dir "$TOKENIZER"

one() {
    set -e
    local arm=$1 seed=$2 run="$runs/$1-$2"
    if [ ! -e "$run/model.safetensors" ]; then
        rm -rf "$run" # what was stopped half way
        echo "ablation.sh: $arm, seed $seed" >"$run.log"
        bash trainer/recipes/ablation.sh "$arm" "$data" "$run" --seed "$seed" --disable_tqdm true >>"$run.log" 2>&1
    fi
    python benchmarks/run.py --resume --model "$run" --name "$arm#$seed" --task knn species_clustering --data "$data" \
        --evaluation_split val --max_sequences "${MAX_SEQUENCES:-16000}" --output benchmarks/results/ablation \
        >>"$run.log" 2>&1
    echo "$arm, seed $seed: done"
}
export -f one
for seed in 0 1 2; do printf '%s\n' "${arms[@]/%/ $seed}"; done | xargs -P "${JOBS:-$(nproc)}" -L 1 bash -c 'one "$@"' _
