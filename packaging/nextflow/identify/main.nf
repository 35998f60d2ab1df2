// DNACSE_IDENTIFY: name barcodes after a labelled library, with probabilities.

process DNACSE_IDENTIFY {
    tag "$meta.id"
    label 'process_medium'

    conda "${moduleDir}/environment.yml"

    input:
    tuple val(meta), path(queries)
    path reference

    output:
    tuple val(meta), path("*.calls.tsv"), emit: calls
    tuple val(meta), path("*.calls.png"), emit: plot, optional: true
    path "versions.yml"                 , emit: versions

    when:
    task.ext.when == null || task.ext.when

    script:
    def args   = task.ext.args ?: ''
    def prefix = task.ext.prefix ?: "${meta.id}"
    """
    dnacse identify \\
        $queries \\
        --reference $reference \\
        --output ${prefix}.calls.tsv \\
        --threads $task.cpus \\
        $args

    cat <<-END_VERSIONS > versions.yml
    "${task.process}":
        dnacse: \$(dnacse --version | sed 's/dnacse //')
    END_VERSIONS
    """

    stub:
    def prefix = task.ext.prefix ?: "${meta.id}"
    """
    touch ${prefix}.calls.tsv

    cat <<-END_VERSIONS > versions.yml
    "${task.process}":
        dnacse: \$(dnacse --version | sed 's/dnacse //')
    END_VERSIONS
    """
}
