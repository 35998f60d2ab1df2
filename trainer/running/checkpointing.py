"""Checkpoint folders that are complete or not there: written as a draft, synchronised to disk, renamed.

`checkpoint-N` appears by one rename after every process has written its part. So a crash, a full disk or a kill leaves
at most a draft, which nothing loads and the next checkpoint removes. With several machines, the output folder has to
be on a file system that they share.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from safetensors import SafetensorError

from modeling_dnacse.loading.checkpoints import reason_of
from modeling_dnacse.machine.atomic import synchronise, why_no_room

TORCH_WRITER = "inline_container"  # the source file that its errors name
DRAFTS = ".unfinished"  # folder of the draft, beside the checkpoints


def put_folder_in_place(draft: Path, place: Path) -> None:
    """Rename a finished draft to `place`, safely on disk even if the machine fails next."""
    for path in sorted(draft.rglob("*")) + [draft]:
        synchronise(path)
    if place.exists():  # the run was resumed from an earlier checkpoint
        place.rename(draft.with_name("replaced"))
    draft.rename(place)
    synchronise(place.parent)
    shutil.rmtree(draft.parent)


@contextmanager
def failure_in_one_sentence(folder: Path) -> Iterator[None]:
    """Report a failure to write a checkpoint in one sentence.

    Raises:
        OSError: the disk is full or not writable, for which libraries raise errors of their own.
    """
    try:
        yield
    except Exception as error:
        if not (isinstance(error, OSError | RuntimeError | SafetensorError) or why_no_room(error)):
            raise
        reason = reason_of(error)
        if TORCH_WRITER in reason:
            reason = "torch could not write all bytes, as on a full disk"
        raise OSError(
            f"{folder} could not be written ({reason}); make room, then go on with --resume_from_checkpoint last, or "
            "start anew if no checkpoint was saved"
        ) from error
