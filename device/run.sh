#!/usr/bin/env bash
# On a machine with a GPU: stages, each with a time cap, and each leaves its results in $OUT before the next begins.
#
#   OUT=out bash device/run.sh machine tests embedding speed    # first call: 6 minutes at most
#   OUT=out bash device/run.sh arms best scores                 # second call: 7 minutes at most
#
# machine    imports, card, driver, measured rates of matrix products and copies
# tests      tests/model/test_cuda.py
# embedding  throughput of the 117M shape and of the shipped model: 660 bp, 10 kb, mixed, each attention, the plain way
# speed      training throughput of the 117M shape, 660 bp and 10 kb, each attention
# arms       dnacse-barcode-small: all arms at once for ARMS_SECONDS of training
# best       the best of them (or ARM=name) for BEST_SECONDS; its weights in float16, in pieces of 15 MiB
# scores     the tasks on the validation splits, beside the shipped model and 7-mers
#
# $OUT gets log.txt, results.tar.gz and weights.00, …: at most 8 files of at most 16 MiB. device/collect.py reads them.
# A stage that fails or runs into its cap does not stop the next. .device/size (full or toy) was set by prepare.sh.
set -uo pipefail
cd "$(dirname "$0")/.." || exit
: "${OUT:?say where the results go: OUT=folder bash device/run.sh STAGE ...}"
mkdir -p "$OUT" && OUT=$(realpath "$OUT")
place=.device work=$PWD/.device/work
results=$work/results size=$(cat $place/size)
declare -A caps=([machine]=45 [tests]=130 [embedding]=95 [speed]=90 [arms]=210 [best]=140 [scores]=70)
[ "$size" = full ] || for stage in "${!caps[@]}"; do caps[$stage]=1500; done  # on a busy machine
export PYTHONPATH=$PWD/$place/site:$PWD HF_HUB_OFFLINE=1 PYTHONUNBUFFERED=1 DNACSE_DEVICE_SIZE=$size
data=(--train_file $place/records.tsv.gz --train_split train)

embedding() { # NAME FOLDER
    local arms=(plain sentence-transformers "ours, bf16 sdpa" "ours, bf16 packed" "ours, bf16 flex_attention")
    local options=(--lengths 660 10000 --seconds 0.5 --pass_bp 2500000)
    [ "$size" = full ] || arms=(plain "ours, packed") options=(--lengths 660 --seconds 0.02 --pass_bp 20000)
    python3 benchmarks/speed/inference_throughput.py --name "$1" --model "$2" --data $place/records.tsv.gz \
        --output "$results/inference" --shared_process --long 0 --rounds 2 "${options[@]}" \
        --arm "${arms[@]}"
}

speed() { # NAME BATCH TOKENS [options of train.py]
    local arms=(bf16 "bf16 packed" "bf16 flex") shape=trainer/configs/base.json steps=10 batch=$2
    [ "$size" = full ] || arms=(packed) shape=trainer/configs/demo.json steps=4 batch=4
    python3 benchmarks/speed/training_throughput.py --name "$1" --output "$results/training" --steps $steps \
        --batch_size "$batch" --max_length "$3" --arm "${arms[@]}" -- "${@:4}" --config_name $shape \
        --tokenizer_name $place/tokenizer --dataloader_num_workers 4
}

stage() {
    case $1 in
        machine) python3 device/machine.py "$results/machine.json" ;;
        tests)
            local mode=1 processes=4
            [ "$size" = full ] || mode=rehearse processes=0
            DNACSE_CUDA=$mode python3 -m pytest -v -p no:cacheprovider --numprocesses $processes --dist load \
                --junitxml "$results/tests.xml" tests/model/test_cuda.py
            ;;
        embedding)
            python3 device/base_model.py $place/tokenizer "$work/base" &&
                embedding base "$work/base" && embedding mini checkpoints/dnacse-barcode-mini
            ;;
        speed)
            local bp=10000
            [ "$size" = full ] || bp=1000
            python3 device/long_sequences.py "$work/long.fasta" $bp
            speed 660bp 256 256 "${data[@]}" --crop 600 660
            local short=$?
            speed long 16 3000 --train_file "$work/long.fasta" --pairing identical && return $short
            ;;
        arms | best) python3 device/arms.py "$1" "$work" "$results" "$OUT" ;;
        scores)
            python3 benchmarks/run.py --model "$work/dnacse-barcode-small" checkpoints/dnacse-barcode-mini canonical7 \
                --task knn species_clustering few_shot open_set --data $place/records.tsv.gz \
                --evaluation_split val --output "$results/scores"
            ;;
        *) echo "run.sh: no stage $1; there are ${!caps[*]}" >&2 && return 2 ;;
    esac
}

if [ "${1:-}" = --inner ]; then
    stage "$2"
    exit
fi
export TQDM_DISABLE=1
for name in "$@"; do
    [ -n "${caps[$name]:-}" ] || { echo "run.sh: no stage $name; there are ${!caps[*]}" >&2 && exit 2; }
done
mkdir -p "$results" && cp $place/commit "$results/"
[ -e $place/site ] || python3 -m pip install --quiet --no-index --no-deps --no-compile --target $place/site \
    $place/wheels/*.whl || exit
failed=0
for name in "$@"; do
    printf '== %s (at most %s s)\n' "$name" "${caps[$name]}" | tee -a "$OUT/log.txt"
    began=$(date +%s)
    timeout -k 5 "${caps[$name]}" bash device/run.sh --inner "$name" 2>&1 | tee -a "$OUT/log.txt"
    code=${PIPESTATUS[0]}
    printf '%s\t%s\t%s\n' "$name" "$code" $(($(date +%s) - began)) >>"$results/stages.tsv"
    [ "$code" = 0 ] || failed=1
    tar -C "$work" -czf "$OUT/unfinished" results && mv "$OUT/unfinished" "$OUT/results.tar.gz"
done
cat "$results/stages.tsv"
exit $failed
