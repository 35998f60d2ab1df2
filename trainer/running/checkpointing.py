"""Checkpoint folders that are whole or not there: written beside their place, synchronised to disk, renamed.

`checkpoint-N` appears in one rename, when every process has written its part, so a crash, a full disk or a kill leaves
at most the draft, which nothing loads and the next checkpoint sweeps away. With several machines the output folder has
to be on a file system that they share.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from safetensors import SafetensorError

DRAFTS = ".unfinished"  # folder of the draft, beside the checkpoints


def put_in_place(draft: Path, place: Path) -> None:
    """Make a finished draft appear at its place, on disk even if the machine fails next."""
    for path in sorted(draft.rglob("*")) + [draft]:
        synchronise(path)
    if place.exists():  # an earlier run from an earlier checkpoint came this far
        place.rename(draft.with_name("replaced"))
    draft.rename(place)
    synchronise(place.parent)
    shutil.rmtree(draft.parent)


def synchronise(path: Path) -> None:
    """Have a file, or the names in a folder, on disk."""
    descriptor = os.open(path, os.O_RDONLY)
    os.fsync(descriptor)
    os.close(descriptor)


@contextmanager
def one_sentence(folder: Path) -> Iterator[None]:
    """Tell what goes wrong in writing a checkpoint in one sentence.

    Raises:
        OSError: the disk is full or cannot be written to. torch and safetensors have errors of their own for that.
    """
    try:
        yield
    except (OSError, RuntimeError, SafetensorError) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise OSError(
            f"{folder} could not be written ({reason}); make room, then go on with --resume_from_checkpoint last"
        ) from error
