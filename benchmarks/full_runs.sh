#!/usr/bin/env bash
# The full runs on real data: every method that installs here, on the tasks that it can do. Not all have been made yet:
# what stands in benchmarks/results is committed.
#
#   bash benchmarks/full_runs.sh DATA RUNS [GROUP …]
#
# DATA holds coi.tsv.gz, 12s.tsv.gz, … and genomes/ (benchmarks/DATA.md says where from); RUNS takes tables made of them
# and cached embeddings. What is finished is not run again, so it can be stopped at any time and started anew; groups can
# run side by side. MODEL and GENOME_MODEL are the shipped checkpoints unless set. Hardware: CPU; RESULTS (by default
# benchmarks/results) is where results go, `make tables` renders them.
set -euo pipefail
absolute() { python -c 'import os, sys; print(os.path.abspath(sys.argv[1]))' "$1"; }
data=$(absolute "$1") runs=$(absolute "$2")
cd "$(dirname "$0")/.."
results=${RESULTS:-benchmarks/results} model=${MODEL:-checkpoints/dnacse-barcode-mini}
genome_model=${GENOME_MODEL:-checkpoints/dnacse-genome-mini}
mkdir -p "$runs"

queries="strand.queries=500 length.queries=500 dimensions.queries=500 mutation.queries=500"
run() { python benchmarks/run.py --resume --cache "$runs/cache" --batch_tokens 4096 --set $queries "$@"; }

coi() { # all of COI; alignment takes hours here, so it has a group of its own
    local barcodes=(--data "$data/coi.tsv.gz" --output "$results")
    run "${barcodes[@]}" --model tnf tnf_k kmer4 kmer5 kmer6 canonical6 canonical7 kmer_mlp kmer_mlp6 "$model" \
        --task knn species_clustering open_set few_shot strand length mutation dimensions
    run "${barcodes[@]}" --model tnf kmer6 canonical7 kmer_mlp6 "$model" --task zero_shot_clustering linear_probe
    run "${barcodes[@]}" --model sintax --task knn open_set few_shot strand length mutation
}

side_by_side() { # whole genera of COI that make 15,000 sequences, with tools that align
    local part=(--data "$data/coi.tsv.gz" --output "$results/side_by_side" --max_sequences 15000)
    run "${part[@]}" --model kmer6 canonical7 kmer_mlp6 "$model" \
        --task knn species_clustering zero_shot_clustering open_set few_shot
    run "${part[@]}" --model vsearch --task knn species_clustering zero_shot_clustering open_set few_shot
    run "${part[@]}" --model blast --task knn open_set few_shot
    run "${part[@]}" --model kmer6 kmer_mlp6 "$model" --task linear_probe
}

markers() { # other markers than the shipped model saw, in splits of their own
    local marker
    for marker in 12s its 16s_bact its2 cytb; do
        if [ ! -e "$runs/$marker.tsv.gz" ]; then
            python benchmarks/make_splits.py --data "$data/$marker.tsv.gz" --output "$runs/$marker.tsv.gz"
        fi
        local table=(--data "$runs/$marker.tsv.gz" --output "$results")
        run "${table[@]}" --model tnf kmer6 canonical7 kmer_mlp6 "$model" \
            --task knn species_clustering zero_shot_clustering open_set few_shot
        run "${table[@]}" --model sintax blast --task knn open_set
        run "${table[@]}" --model vsearch --task knn species_clustering open_set
    done
}

genomes() { # contigs of 2.5 to 20 kb of bacteria and archaea
    if [ ! -e "$runs/genomes.tsv.gz" ]; then
        python benchmarks/make_contigs.py --genomes "$data/genomes" --merge_identity 0.95 --output "$runs/genomes.tsv.gz"
    fi
    local contigs=(--data "$runs/genomes.tsv.gz" --output "$results")
    contigs+=(--max_sequences 9000) # whole genera of half of the data
    run "${contigs[@]}" --model tnf tnf_k canonical6 kmer_mlp "$genome_model" --task species_clustering binning
}

organelles() { # more than 1,000 unseen species, for methods that were trained on none of them
    if [ ! -e "$runs/organelles.tsv.gz" ]; then
        python benchmarks/make_contigs.py --table "$data/organelle_genomes.tsv.gz" --shortest 1000 --longest 5000 \
            --unseen_share 0.3 --output "$runs/organelles.tsv.gz"
    fi
    run --data "$runs/organelles.tsv.gz" --output "$results" --model tnf canonical6 --task species_clustering binning
}

if [ $# -gt 2 ]; then groups=("${@:3}"); else groups=(coi side_by_side markers genomes organelles); fi
for group in "${groups[@]}"; do "$group"; done
