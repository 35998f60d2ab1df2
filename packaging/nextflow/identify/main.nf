// DNACSE_IDENTIFY: identify barcodes with a labelled library, with probabilities.
// The containers exist once the recipe of ../../bioconda is released.

process DNACSE_IDENTIFY {
    tag "${meta.id}"
    label 'process_medium'

    conda "${moduleDir}/environment.yml"
    container "${ workflow.containerEngine in ['singularity', 'apptainer'] && !task.ext.singularity_pull_docker_container ?
        'https://depot.galaxyproject.org/singularity/dnacse:0.1.0--pyhdfd78af_0':
        'quay.io/biocontainers/dnacse:0.1.0--pyhdfd78af_0' }"

    input:
    tuple val(meta), path(queries)
    path reference

    output:
    tuple val(meta), path("*.calls.tsv"), emit: calls
    tuple val(meta), path("*.calls.png"), emit: plot, optional: true
    tuple val("${task.process}"), val('dnacse'), eval("dnacse --version | sed 's/dnacse //'"), emit: versions_dnacse, topic: versions

    when:
    task.ext.when == null || task.ext.when

    script:
    def args = task.ext.args ?: ''
    def prefix = task.ext.prefix ?: "${meta.id}"
    """
    dnacse identify \\
        $queries \\
        --reference $reference \\
        --output ${prefix}.calls.tsv \\
        --threads $task.cpus \\
        $args
    """

    stub:
    def prefix = task.ext.prefix ?: "${meta.id}"
    """
    touch ${prefix}.calls.tsv
    """
}
