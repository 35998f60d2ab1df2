"""One run at a time writes to an output folder: the folder in; a context in which it is checked and locked."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from modeling_dnacse.loading.repository import WRITTEN
from modeling_dnacse.machine.atomic import remove
from modeling_dnacse.machine.locks import Lock
from modeling_dnacse.machine.outputs import check_folder, check_text
from trainer.running.checkpointing import DRAFTS


@contextmanager
def locked_output(output: Path, inputs: Iterable[str | None], writes: bool) -> Iterator[None]:
    """Check the output folder, and let no other run write to it; what killed runs left in it is removed.

    Args:
        output: The output folder of the run.
        inputs: files and folders that the run reads.
        writes: whether this process is the one that writes; the others only check.

    Raises:
        ValueError: the folder is an input, might replace one or cannot be written to; or another run writes to it.
    """
    check_text(output)
    check_folder(output, inputs, WRITTEN, True)
    if not writes:
        yield
        return
    is_new = not output.exists()
    output.mkdir(parents=True, exist_ok=True)
    busy = f"another run is training into {output}; wait for it, or choose another --output_dir"
    lock = Lock(output / ".lock", busy)
    for leftover in (output / DRAFTS, *output.glob(".release-*")):
        remove(leftover)
    try:
        yield
    finally:
        remove(output / DRAFTS)
        lock.release()
        if is_new and not any(output.iterdir()):  # refused before anything was written
            output.rmdir()
