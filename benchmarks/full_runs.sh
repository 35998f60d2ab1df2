#!/usr/bin/env bash
# The runs on real data: every method that installs here, on the tasks that it can do within hours. Where only a part of
# the data is used, a comment says so.
#
#   bash benchmarks/full_runs.sh DATA RUNS [GROUP …]
#
# DATA holds coi.tsv.gz, 12s.tsv.gz, … and genomes/ (benchmarks/DATA.md says where from); RUNS takes tables made of them
# and cached embeddings. What is finished is not run again, so it can be stopped at any time and started anew; groups can
# run side by side. MODEL and GENOME_MODEL are the shipped checkpoints unless set. Hardware: CPU, 16 GB; it takes
# hours; RESULTS (by default benchmarks/results) is where results go, `make tables` renders them.
set -euo pipefail
absolute() { python -c 'import os, sys; print(os.path.abspath(sys.argv[1]))' "$1"; }
data=$(absolute "$1") runs=$(absolute "$2")
cd "$(dirname "$0")/.."
results=${RESULTS:-benchmarks/results} model=${MODEL:-checkpoints/dnacse-barcode-mini}
genome_model=${GENOME_MODEL:-checkpoints/dnacse-genome-mini}
mkdir -p "$runs" "$results/leaks"

queries="strand.queries=500 length.queries=500 dimensions.queries=500 mutation.queries=500"
run() { python benchmarks/run.py --resume --cache "$runs/cache" --batch_tokens 4096 --set $queries "$@"; }

coi() { # all of COI; a linear layer only on vectors so narrow that it takes minutes: it costs columns x species
    local barcodes=(--data "$data/coi.tsv.gz" --output "$results/coi")
    local tasks=(knn species_clustering zero_shot_clustering open_set few_shot strand length mutation dimensions)
    run "${barcodes[@]}" --model tnf tnf_k kmer5 kmer6 canonical7 kmer_mlp kmer_mlp6 "$model" --task "${tasks[@]}"
    run "${barcodes[@]}" --model canonical6 --task knn species_clustering
    run "${barcodes[@]}" --model tnf kmer5 kmer_mlp kmer_mlp6 "$model" --task linear_probe
}

alignment() { # the tools that align, on all of COI, too; few_shot would take vsearch hours; of blast only knn and strand were run
    local barcodes=(--data "$data/coi.tsv.gz" --output "$results/coi")
    local tasks=(knn open_set strand length mutation)
    run "${barcodes[@]}" --model sintax blast --task "${tasks[@]}" few_shot
    run "${barcodes[@]}" --model vsearch --task species_clustering zero_shot_clustering "${tasks[@]}"
}

fine_tuning() { # an even smaller part, since every epoch costs what embedding the whole does
    local part=(--data "$data/coi.tsv.gz" --output "$results/fine_tuning" --max_sequences 5000)
    run "${part[@]}" --model kmer6 canonical7 kmer_mlp6 "$model" --task linear_probe knn
    run "${part[@]}" --model sintax blast vsearch --task knn
    run "${part[@]}" --model "$model" --task fine_tune --set fine_tune.epochs=6 fine_tune.learning_rate=1e-3
}

leaks() { # records of COI that are near-duplicates of another split's; those of the markers are counted as their splits are made
    if [ ! -e "$results/leaks/coi.json" ]; then
        python benchmarks/data/make_splits.py --data "$data/coi.tsv.gz" --keep_splits --output "$runs/coi.tsv.gz" \
            --report "$results/leaks/coi.json"
    fi
}

markers() { # other markers than the shipped model saw, in splits of their own
    local marker
    for marker in its 12s cytb its2 16s_bact; do
        if [ ! -e "$runs/$marker.tsv.gz" ]; then
            python benchmarks/data/make_splits.py --data "$data/$marker.tsv.gz" --output "$runs/$marker.tsv.gz" \
                --report "$results/leaks/$marker.json"
        fi
        local table=(--data "$runs/$marker.tsv.gz" --output "$results/$marker")
        local tasks=(knn species_clustering zero_shot_clustering open_set few_shot)
        run "${table[@]}" --model tnf kmer6 canonical7 kmer_mlp6 "$model" vsearch --task "${tasks[@]}"
        run "${table[@]}" --model sintax blast --task knn open_set few_shot
        if [ "$marker" = cytb ] || [ "$marker" = 12s ]; then
            run "${table[@]}" --model "checkpoints/dnacse-barcode-$marker" --task "${tasks[@]}"
        fi
        if [ "$marker" = 12s ]; then # small enough for vsearch, too
            run "${table[@]}" --model tnf kmer6 canonical7 kmer_mlp6 "$model" checkpoints/dnacse-barcode-12s vsearch sintax blast \
                --task strand length mutation
        fi
    done
    local fishes=(--data "$data/12s_fish.tsv.gz" --output "$results/12s_fish") # with splits of its own
    run "${fishes[@]}" --model checkpoints/dnacse-barcode-12s vsearch canonical7 --task knn open_set
    run "${fishes[@]}" --model checkpoints/dnacse-barcode-12s canonical7 --task few_shot species_clustering
}

cut_genomes() {
    if [ ! -e "$runs/genomes.tsv.gz" ]; then
        python benchmarks/data/make_contigs.py --genomes "$data/genomes" --merge_identity 0.95 --output "$runs/genomes.tsv.gz"
    fi
}

genomes() { # contigs of 2.5 to 20 kb of bacteria and archaea, which are too long for vsearch
    cut_genomes
    local contigs=(--data "$runs/genomes.tsv.gz" --output "$results/genomes")
    run "${contigs[@]}" --model tnf tnf_k kmer5 canonical6 kmer_mlp "$genome_model" --task species_clustering binning \
        zero_shot_clustering few_shot knn open_set strand length mutation dimensions linear_probe
    run "${contigs[@]}" --model blast sintax --task knn open_set few_shot strand length mutation
    run "${contigs[@]}" --model tnf "$genome_model" metabat2 --task bin
}

long_contigs() { # 20 to 30 kb, since `length` asks only queries as long as its longest window; whole genera of them
    if [ ! -e "$runs/long_contigs.tsv.gz" ]; then
        python benchmarks/data/make_contigs.py --genomes "$data/genomes" --merge_identity 0.95 \
            --shortest 20000 --longest 30000 --output "$runs/long_contigs.tsv.gz"
    fi
    run --data "$runs/long_contigs.tsv.gz" --output "$results/long_contigs" --max_sequences 1500 --task length \
        --set length.queries=200 --model tnf tnf_k kmer5 canonical6 kmer_mlp "$genome_model"
}

organelles() { # pieces of more than 1,000 unseen species, for methods that were trained on none of them
    if [ ! -e "$runs/organelles.tsv.gz" ]; then
        python benchmarks/data/make_contigs.py --table "$data/organelle_genomes.tsv.gz" --shortest 1000 --longest 5000 \
            --unseen_share 0.3 --output "$runs/organelles.tsv.gz"
    fi
    local pieces=(--data "$runs/organelles.tsv.gz" --output "$results/organelles")
    run "${pieces[@]}" --model tnf tnf_k canonical6 kmer_mlp "$genome_model" --task species_clustering knn
}

classification() { # GUE's and Genomic Benchmarks' layouts filled with what is here: orders and genera of unseen species
    local folder=$runs/classification
    mkdir -p "$folder"
    if [ ! -e "$folder/coi_orders" ]; then
        python benchmarks/data/make_classification.py --data "$data/coi.tsv.gz" --rank order --most 40 \
            --output "$folder/coi_orders"
    fi
    if [ ! -e "$folder/contig_genera" ]; then
        python benchmarks/data/make_contigs.py --genomes "$data/genomes" --merge_identity 0.95 \
            --shortest 1000 --longest 2000 --output "$folder/pieces.tsv.gz"
        python benchmarks/data/make_classification.py --data "$folder/pieces.tsv.gz" --rank genus --most 40 \
            --layout genomic_benchmarks --output "$folder/contig_genera"
    fi
    run --data "$folder/coi_orders" --output "$results/classification-coi_orders" --model tnf kmer6 canonical7 "$model" \
        --task gue --set gue.epochs=3 gue.learning_rate=1e-3
    run --data "$folder/contig_genera" --output "$results/classification-contig_genera" --model tnf kmer5 canonical6 "untrained:$genome_model" \
        "$genome_model" --task genomic_benchmarks \
        --set genomic_benchmarks.epochs=3 genomic_benchmarks.learning_rate=1e-3
}

pictures() { # of the vectors themselves; `make tables` draws those of the results
    cut_genomes
    local barcodes=(--data "$data/coi.tsv.gz" --cache "$runs/cache")
    python benchmarks/plots.py map --projection umap --model canonical7 "$model" "${barcodes[@]}" \
        --output "$results/coi/coi.map.png"
    python benchmarks/plots.py confusion --model "$model" "${barcodes[@]}" --output "$results/coi/coi.confusion.png"
    python benchmarks/plots.py map --model tnf "$genome_model" --colour_by genus --data "$runs/genomes.tsv.gz" \
        --cache "$runs/cache" --output "$results/genomes/genomes.map.png"
}

groups=(leaks coi alignment fine_tuning markers genomes long_contigs organelles classification pictures)
if [ $# -gt 2 ]; then groups=("${@:3}"); fi
for group in "${groups[@]}"; do "$group"; done
