"""One reader for every labelled source that the benchmarks know: a name in, a stream of records out.

A record is a dict of strings with the keys `id`, `sequence` (cleaned), the six ranks of `modeling_dnacse.labels` and
`split`, "" where the source does not say.
"""

from collections.abc import Iterator

from modeling_dnacse.labels import read_labelled


def read_records(source: str) -> Iterator[dict[str, str]]:
    """Stream the labelled records of a source.

    Args:
        source: FASTA, FASTQ, CSV, TSV or parquet as `read_labelled` takes it.

    Raises:
        ValueError: With file and line, as `read_labelled`.
    """
    yield from read_labelled(source)
