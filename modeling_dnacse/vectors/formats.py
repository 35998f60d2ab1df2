"""How vectors can be stored: formats, types of numbers, records in a shard. Imports neither torch nor numpy."""

from pathlib import Path

SUFFIXES = (".parquet", ".npy", ".safetensors")
WHOLE = (".h5ad", ".npz")  # for other programs, with names (whole_files.py)
LONGEST_TEXT = 1000  # letters of an id or name in .npz, where each takes 4 bytes for every letter of the longest
OUTPUT_DTYPES = ("float32", "float16", "int8")
SHARD_RECORDS = 16_384  # 4 blocks of embed(), so that a barcode is in the same batch whichever process makes the shard


def ids_file(path: Path) -> Path:
    """The file of ids beside an .npy file."""
    return path.with_suffix(".ids.txt")


def scales_file(path: Path) -> Path:
    """The file of scales beside an .npy file of int8."""
    return path.with_suffix(".scales.npy")


def files_beside(path: Path) -> list[Path]:
    """The files that belong to a file of vectors, whether or not they exist."""
    return [ids_file(path), scales_file(path)] if path.suffix == ".npy" else []


def check_parts(path: Path) -> None:
    """Check that an .npy file and its file of ids are both there, if one of them is.

    Raises:
        ValueError: only one of them is.
    """
    if path.suffix == ".npy" and path.exists() != ids_file(path).exists():
        there, missing = (path, ids_file(path)) if path.exists() else (ids_file(path), path)
        raise ValueError(
            f"{missing}: No such file or directory, and dnacse embed writes it beside {there}; copy it there too, or "
            "embed again"
        )
