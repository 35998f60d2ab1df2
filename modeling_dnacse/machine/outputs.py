"""Refuse outputs that would destroy something, before anything is read and without torch.

No output may be an input of the same call, whether by path, symbolic link, hard link or as `< FILE`.
"""

import os
import sys
from collections.abc import Iterable
from pathlib import Path

from .atomic import lock_output, partial_path, refuse_full_folder
from .streams import STDOUT, is_stream

STDIN = Path("/dev/stdin")  # `-` reads a copy of it
Names = Iterable[Path | str | None]  # None: not asked for
COMPRESSED = (".gz", ".bgz", ".bz2", ".xz", ".zst")


def check_outputs(outputs: Names, inputs: Names = ()) -> None:
    """Check that the outputs can be written and destroy no input; remove what killed processes left of them.

    Args:
        outputs: Files to write, with the files beside them; or folders to create.
        inputs: Files and folders that are read. In a folder, such as a model, each file counts. Hub ids may be among
            them.

    Raises:
        ValueError: An output is an input, another output, a folder or a device; its folder does not exist or cannot be
            written to; another process is writing it; or an input is a FIFO, a device or a socket.
    """
    given = [Path(path) for path in outputs if path is not None]
    inputs = list(inputs)
    check_plain(inputs)
    read = [file for path in (*inputs, STDIN) if path is not None for file in files_of(Path(path))]
    for number, path in enumerate(given):
        check_place(path)
        if any(same_file(path, other) for other in given[:number]):
            raise ValueError(f"got one name for several outputs ({path}, ...); give each its own")
        if source := next((source for source in read if same_file(path, source)), None):
            raise ValueError(f"{path} is an output, but also an input ({source}); give the output another name")
    for path in given:
        if not is_stream(path):
            check_writable(path)


def check_folder(folder: Path, inputs: Names, suffixes: tuple[str, ...] = (), parents: bool = False) -> None:
    """Check a folder to write to, which may exist.

    Args:
        folder: The output.
        inputs: Files and folders that are read.
        suffixes: Suffixes of the files to write. An input in the folder must not have one of these.
        parents: Whether parent folders are created too; otherwise the parent must exist.

    Raises:
        ValueError: The folder is an input or a file; it holds an input that might be replaced; or neither it nor its
            parent can be written to.
    """
    if is_stream(folder) or os.path.lexists(folder) and not folder.is_dir():
        what = "the standard output" if folder in STDOUT else "a file"
        raise ValueError(f"{folder} is {what}, and the output is a folder; give another name")
    for path in (Path(given) for given in (*inputs, resolved(STDIN)) if given is not None):
        if same_file(folder, path):
            raise ValueError(f"{folder} is an output, but also an input; give the output another name")
        if path.suffix in suffixes and path.exists() and same_file(folder, resolved(path).parent):
            raise ValueError(f"{path} is an input, and the output {folder} might replace it; give another folder")
    around = [folder.absolute(), *folder.absolute().parents]
    place = next(path for path in around if path.is_dir() or (os.path.lexists(path) if parents else path != around[0]))
    if not place.is_dir():
        raise ValueError(f"{folder}: there is no folder {place}; make it first")
    if not os.access(place, os.W_OK | os.X_OK):
        raise ValueError(f"{folder} cannot be written to; give a folder that can")


def check_new_folder(folder: Path, inputs: Names, parents: bool = False) -> None:
    """Check a folder to create: it does not exist or is empty; remove what killed processes left of it.

    Args:
        folder: The output.
        inputs: Files and folders that are read.
        parents: Whether parent folders are created too; otherwise the parent must exist.

    Raises:
        ValueError: It already holds files, is a link, lies in an input, or cannot be created; another process is
            creating it; or an input is a FIFO, a device or a socket.
    """
    inputs = list(inputs)
    check_plain(inputs)
    if folder.is_file():
        raise ValueError(f"{folder} is there already; give a new folder, or remove it first")
    refuse_full_folder(folder)
    given = [Path(path) for path in inputs if path is not None]
    check_folder(folder, given, parents=parents)
    if folder.is_symlink():
        raise ValueError(f"{folder} is a link to a folder; give the folder itself, or another name")
    if around := next((path for path in given if path.is_dir() and lies_in(folder, path)), None):
        raise ValueError(f"{folder} would lie in {around}, which is an input; give another place")
    if folder.parent.is_dir():
        check_writable(folder)


def check_model_folder(folder: Path, inputs: Names, parents: bool = False) -> None:
    """Check a folder to create for a model or an index, as `check_new_folder`, and that the libraries can write it.

    Raises:
        ValueError: As there, or its path is no text.
    """
    check_text(folder)
    check_new_folder(folder, inputs, parents)


def check_text(folder: Path) -> None:
    """Check that the libraries that write models and indexes can write to a path.

    Raises:
        ValueError: It is no text.
    """
    try:
        str(folder.absolute()).encode()
    except UnicodeEncodeError:
        raise ValueError(
            f"the path {folder} is not UTF-8, and models and indexes need one that is; give another name"
        ) from None


def lies_in(path: Path, folder: Path) -> bool:
    """Whether a path is inside a folder, links followed."""
    return resolved(path).is_relative_to(resolved(folder))


def check_place(path: Path) -> None:
    """Check that a file can be written at `path`.

    Raises:
        ValueError: There is a folder or a device, the folder around it does not exist, or standard output is closed.
    """
    if is_stream(path):
        if path in STDOUT and sys.stdout is None:
            raise ValueError(f"{path} is the standard output, which is closed; give the name of a file")
        return
    if path.is_dir():
        raise ValueError(f"{path} is a folder; give the name of a file")
    if path.exists() and not path.is_file():
        raise ValueError(f"{path} is a device or a socket; give the name of a file")
    if not path.parent.is_dir():
        raise ValueError(f"{path}: there is no folder {path.parent}; make it first")


def check_uncompressed(texts: Names) -> None:
    """Check that no text is named as if it were compressed, since it is written plain.

    Raises:
        ValueError: One is.
    """
    for path in (Path(text) for text in texts if text is not None):
        if path.suffix in COMPRESSED and not is_stream(path):
            plain = path.with_suffix("")
            raise ValueError(f"{path} would not be compressed; write {plain}, and compress it afterwards")


def check_writable(path: Path) -> None:
    """Write an empty file beside `path` and remove it; remove what killed processes left.

    Raises:
        ValueError: It cannot be written, or another process is writing `path`.
    """
    probe = partial_path(path)
    try:
        with lock_output(path):
            probe.touch()
            probe.unlink()
    except OSError as error:
        raise ValueError(f"{path} cannot be written ({error.strerror}); write to another folder") from None


def check_plain(inputs: Names) -> None:
    """Check that inputs, and the files in those that are folders, are files: whoever opens a FIFO waits for a writer.

    A pipe of the shell, `<(zcat TABLE.gz)`, has a writer and passes.

    Raises:
        ValueError: One is a FIFO, a device or a socket.
    """
    for file in (file for path in inputs if path is not None for file in files_of(Path(path))):
        named = not file.is_relative_to("/dev/fd") and not file.is_relative_to("/proc")
        if named and file.exists() and not file.is_file() and not file.is_dir():
            raise ValueError(f"{file} is no regular file; write its content to a file first")


def files_of(path: Path) -> list[Path]:
    """A file, or a folder and the files in it."""
    return [path, *(path.iterdir() if path.is_dir() else [])]


def same_file(one: Path, other: Path) -> bool:
    """Whether two names are of the same file or folder, which need not exist."""
    one, other = (STDOUT[1] if path in STDOUT else path for path in (one, other))
    try:
        return resolved(one) == resolved(other) or one.samefile(other)
    except OSError:  # one of them does not exist
        return False


def resolved(path: Path) -> Path:
    """Follow links; a link that leads to itself stays as it is, where `Path.resolve` raises a RuntimeError."""
    return Path(os.path.realpath(path))
