"""The provenance of a figure: device, package versions and file hashes, for results and model cards."""

import hashlib
import platform
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import torch


def device_name(device: torch.device) -> str:
    """The name of the GPU, or that of the processor with the number of threads in use."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    cpuinfo = Path("/proc/cpuinfo")
    names = (
        [line.partition(":")[2].strip() for line in cpuinfo.read_text().splitlines() if line.startswith("model name")]
        if cpuinfo.exists()
        else []
    )
    return f"{names[0] if names else platform.machine()}, {torch.get_num_threads()} threads"


def package_versions(packages: Iterable[str]) -> dict[str, str]:
    """Installed versions; packages that are not installed are omitted."""
    found = {}
    for package in packages:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file's content, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sha256_of_all(files: Iterable[Path]) -> str:
    """The SHA-256 of the output of `sha256sum` for files of one folder, in their order."""
    return hashlib.sha256("".join(f"{sha256_of(file)}  {file.name}\n" for file in files).encode()).hexdigest()


def source_of(file: str) -> str:
    """Name and content hash of a file; for a folder, the number of files and the hash of their names and hashes."""
    path = Path(file)
    if not path.is_dir():
        return f"{path.name} (sha256 {sha256_of(path)})"
    parts = sorted(part for part in path.iterdir() if part.is_file())
    return f"{path.name} ({len(parts)} files, sha256 of sha256sum's lines {sha256_of_all(parts)})"
