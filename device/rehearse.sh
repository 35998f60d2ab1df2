#!/usr/bin/env bash
# Rehearse what a machine with a GPU would do: all stages at toy size on a CPU, from the carried folder alone, without
# network and without ../shared, in an environment with that machine's versions (image.txt).
#
#   bash device/rehearse.sh OUT [DATA]
#
# OUT gets the results of the stages and, in OUT/collected, what collect.py makes of them. DATA is a labelled table with
# splits; by default barcodes are simulated. DEVICE_VENV keeps the environment (it takes 7 GB, since torch's CUDA build is
# what that machine has); `python` is that of this project, `python3.12` or DEVICE_PYTHON makes the environment. HERE=yes
# takes this project's environment instead, without wheels: `make rehearse`, as in CI. STAGES names some stages only.
set -euo pipefail
out=$(realpath -m "$1") data=${2:+$(realpath "$2")}
cd "$(dirname "$0")/.."
venv=${DEVICE_VENV:-$HOME/.cache/dnacse/device-venv}
if [ "${HERE:-no}" = yes ]; then
    venv=$(python -c 'import sys; print(sys.prefix)')
elif [ ! -e "$venv/.ready" ]; then
    "${DEVICE_PYTHON:-python3.12}" -m venv --clear "$venv"
    PIP_CONFIG_FILE=/dev/null "$venv/bin/python" -m pip install --quiet -r device/image.txt
    touch "$venv/.ready"
fi
mkdir -p "$out"
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
# --cached --others: what travels is what git knows or does not ignore
git ls-files -z --cached --others --exclude-standard | tar --null --files-from=- --ignore-failed-read -cf - |
    tar -C "$place" -xf -
if [ -z "$data" ]; then
    python benchmarks/data/simulate.py --output "$place/data" --species 120 --records_per_species 12
    data=$place/data/barcodes.tsv
fi
wheels=yes
if [ "${HERE:-no}" = yes ]; then
    wheels=no && mkdir -p "$place/.device/site"
fi
(cd "$place" && SIZE=toy WHEELS=$wheels PYTHONPATH=$place bash device/prepare.sh "$data")
rm -rf "$place/data"
echo "carried: $(du -sm --apparent-size "$place" | cut -f 1) MiB with the checkout"
no_network=(unshare --net --map-root-user)
"${no_network[@]}" true || { echo "rehearse.sh: unshare cannot take the network away here" >&2 && exit 1; }
# a fresh environment but for PATH: nothing of this project's own environment may help
env -i HOME="$place/home" PATH="$venv/bin:/usr/bin:/bin" OUT="$out" OMP_NUM_THREADS="${OMP_NUM_THREADS:-}" \
    "${no_network[@]}" bash "$place/device/run.sh" ${STAGES:-machine tests embedding speed arms best scores}
python device/collect.py "$out" --output "$out/collected"
