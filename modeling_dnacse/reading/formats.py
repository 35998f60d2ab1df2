"""A path in; the format of the file out: FASTA or FASTQ, parquet, or a table with its delimiter.

Known suffixes decide. For all other files, the content does.
"""

from pathlib import Path

from .decompression import first_bytes
from .tables import DELIMITERS, find_delimiter, first_line, has_columns, is_crabs

FASTA_SUFFIXES = (".fa", ".fasta", ".fna", ".fas", ".fsa", ".ffn", ".fq", ".fastq")
COMPRESSIONS = (".gz", ".bgz", ".bz2", ".xz", ".zst")
FASTA, PARQUET = "fasta", "parquet"


def kind_of_file(path: str) -> str:
    """Return `FASTA` (also for FASTQ), `PARQUET`, or the usual delimiter of a table.

    Raises:
        ValueError: neither suffix nor content shows the format, or the file cannot be read.
    """
    name = Path(path.lower())
    suffix = Path(name.stem).suffix if name.suffix in COMPRESSIONS else name.suffix
    if suffix in FASTA_SUFFIXES:
        return FASTA
    if name.suffix == ".parquet" or first_bytes(path) == b"PAR1":
        return PARQUET
    if Path(path).exists() and not Path(path).is_file():
        return DELIMITERS.get(suffix, FASTA)  # a pipe cannot be looked into
    line = first_line(path)
    if line.lstrip().startswith((">", "@")):
        return FASTA
    delimiter = DELIMITERS.get(suffix) or find_delimiter(line, "\t", ("sequence",))
    if suffix in DELIMITERS or is_crabs(line) or has_columns(line, delimiter, ("sequence",)):
        return delimiter
    allowed = (*FASTA_SUFFIXES, *DELIMITERS, ".parquet", ".qza")
    raise ValueError(
        f"{path}: neither the suffix {suffix!r} nor the content shows a format: no '>' or '@' at the start, no column "
        f"for the sequence; known suffixes are {' '.join(allowed)}, also followed by {' '.join(COMPRESSIONS)}"
    )
