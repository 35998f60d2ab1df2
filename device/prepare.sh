#!/usr/bin/env bash
# Make .device/, what a machine with a GPU and without a network needs beside this checkout: wheels of the packages that
# it lacks, the training and validation records, the tokenizer, and the embeddings fitted in closed form.
#
#   bash device/prepare.sh coi.tsv.gz               # about half an hour on one core, most of it the fit
#   SIZE=toy bash device/prepare.sh barcodes.tsv    # what rehearse.sh takes
#
# The data file has the columns sequence, species, genus and split. Only the splits train, val and unseen_val are taken
# along: arms are chosen there, and the test splits stay at home. The tokenizer and the fit are kept if they are there:
# remove .device after a change of the data. WHEELS=no keeps the wheels, too.
set -euo pipefail
data=$(realpath "$1") && cd "$(dirname "$0")/.."
place=.device most_mib=40
case ${SIZE:-full} in
    full) config=trainer/configs/barcode_small.json vocabulary=1024 ;;
    toy) config=trainer/configs/demo.json vocabulary=256 ;;
    *) echo "prepare.sh: SIZE is $SIZE; it is full or toy" >&2 && exit 2 ;;
esac
mkdir -p $place/wheels
echo "${SIZE:-full}" >$place/size
python -c 'from benchmarks.report.result_files import commit; print(commit())' >$place/commit  # there is no git there

if [ "${WHEELS:-yes}" = yes ]; then
    rm -f $place/wheels/*
    grep -v '^#' device/wheels.txt | xargs -d '\n' python -m pip download --quiet --quiet --no-deps --only-binary=:all: \
        --python-version 3.12 --implementation cp --platform manylinux_2_28_x86_64 --platform manylinux_2_17_x86_64 \
        --platform manylinux2014_x86_64 --dest $place/wheels
fi
python device/table.py "$data" $place/records.tsv.gz
[ -e $place/tokenizer ] ||
    python trainer/train_tokenizer.py --train_file $place/records.tsv.gz --train_split train \
        --vocab_size $vocabulary --max_sequences 5000 --output_dir $place/tokenizer
if [ ! -e $place/fitted.npy ]; then
    start=$(mktemp -d)
    trap 'rm -rf "$start"' EXIT
    python trainer/fit_embeddings.py --train_file $place/records.tsv.gz --train_split train --shrinkage 0.5 \
        --config_name $config --tokenizer_name $place/tokenizer --fitted $place/fitted.npy --output_dir "$start/model"
fi
mib=$(du -sm --exclude=work --exclude=site $place | cut -f 1)
[ "$mib" -le $most_mib ] || { echo "prepare.sh: $place takes $mib MiB, more than $most_mib" >&2 && exit 1; }
echo "$place takes $mib MiB: carry it beside the checkout, then run device/run.sh there"
