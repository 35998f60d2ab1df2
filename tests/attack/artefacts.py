"""Damaged inputs and artefacts, each tried in this process: kinds of files in, counts of what happened out.

A try ends well if the file is accepted with all its records, or refused with a ValueError or OSError of one line that
names a file. Anything else is a fault: another exception (a traceback for users), no end within HANG seconds, or a
silent loss: fewer or more vectors than the undamaged file has, or vectors that are no numbers.
"""

import contextlib
import gzip
import io
import json
import random
import shutil
import signal
import traceback
import warnings
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from modeling_dnacse import embed
from modeling_dnacse.loading.encoders import load_encoder
from modeling_dnacse.machine.processes import Process
from modeling_dnacse.reading.rereading import RecordFile
from modeling_dnacse.vectors.files import open_writer, read_vectors
from modeling_dnacse.vectors.formats import OUTPUT_DTYPES
from modeling_dnacse.vectors.shards import ShardWriter
from tests.attack.mutations import mutate_bytes, mutate_json
from trainer.running.resume import RUN, check_files, checkpoint_to_resume, file_digests

HANG = 20  # seconds
RECORDS = 24
SEQUENCES = ["ACGTTGCA" * 12, "GATTACA" * 9]
Use = Callable[[Path], object]  # raises ValueError, or gives back what it read
Damage = Callable[[Path, random.Random], None]


class SilentLossError(Exception):
    """Something was accepted that is not what the file held."""


class Hang(BaseException):
    """A try took too long."""


def attempt(use: Use, path: Path, examples: list[str]) -> str:
    """Try a damaged file: accepted, refused, or the kind of fault, of which some are kept as examples."""

    def stop(*_: object) -> None:
        raise Hang

    former = signal.signal(signal.SIGALRM, stop)
    signal.alarm(HANG)
    try:
        with contextlib.redirect_stderr(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            use(path)
        return "accepted"
    except (ValueError, OSError) as error:
        if type(error) in (ValueError, OSError) and "\n" not in str(error) and path.name in str(error):
            return "refused"
        found = f"unclear: {type(error).__name__}: {str(error)[:300]}"
    except SilentLossError as error:
        found = f"silent loss: {error}"
    except Hang:
        found = "hang"
    except Exception:
        found = f"traceback: {traceback.format_exc(limit=-3)[-600:]}"
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, former)
    if len(examples) < 40:
        examples.append(found)
    return found.partition(":")[0]


def try_damage(
    source: Path, use: Use, damage: Damage, tries: int, rng: random.Random, work: Path, examples: list[str]
) -> Counter[str]:
    """Copy `source`, a file or a folder, damage the copy and use it, `tries` times."""
    outcomes: Counter[str] = Counter()
    for number in range(tries):
        place = work / f"try{number}"
        place.mkdir(parents=True)
        for path in [source] if source.is_dir() else source.parent.glob(f"{source.stem}.*"):
            copy = shutil.copytree if path.is_dir() else shutil.copy
            copy(path, place / path.name)
        damage(place / source.name, rng)
        outcomes[attempt(use, place / source.name, examples)] += 1
        shutil.rmtree(place)
    return outcomes


def damage_file(path: Path, rng: random.Random) -> None:
    """Damage the bytes of a file or of one beside it."""
    chosen = rng.choice(sorted(path.parent.glob(f"{path.stem}.*")))
    chosen.write_bytes(mutate_bytes(chosen.read_bytes(), rng))


def damage_in_folder(*names: str) -> Damage:
    """Damage one of the files of a folder: JSON half of the time as JSON, anything else as bytes; or remove it."""

    def damage(folder: Path, rng: random.Random) -> None:
        path = rng.choice([found for name in names for found in sorted(folder.glob(name))])
        if rng.random() < 0.05:
            path.unlink()
        elif path.suffix == ".json" and rng.random() < 0.7:
            path.write_text(mutate_json(path.read_text(), rng))
        else:
            path.write_bytes(mutate_bytes(path.read_bytes(), rng))

    return damage


def use_vectors(path: Path) -> None:
    """Read vectors; all of them have to be there, and be numbers."""
    blocks = list(read_vectors(path))
    if sum(len(ids) for ids, _ in blocks) != RECORDS:
        raise SilentLossError(f"{path.name}: {sum(len(ids) for ids, _ in blocks)} vectors of {RECORDS}")
    if not all(np.isfinite(vectors).all() for _, vectors in blocks):
        raise SilentLossError(f"{path.name}: NaN")


def use_model(path: Path) -> None:
    """Load a model and embed."""
    model, tokenizer = load_encoder(str(path))
    if not np.isfinite(embed(model, tokenizer, SEQUENCES)).all():
        raise SilentLossError(f"{path.name}: NaN")


def use_records(path: Path) -> None:
    """Read records twice."""
    file = RecordFile(path)
    if list(file.read()) != list(file.read()):
        raise SilentLossError(f"{path.name}: two readings differ")


def use_checkpoint(path: Path) -> None:
    """Check a training checkpoint; none of these was left as it was."""
    checkpoint_to_resume(path.parent, str(path))
    check_files(path)


def write_sources(folder: Path, model: Path, onnx: Path | None) -> dict[str, tuple[Path, Use, Damage]]:
    """Write an undamaged file of each kind: where it is, what reads it, and how to damage it."""
    rng = np.random.default_rng(0)
    ids, vectors = [f"r{number}" for number in range(RECORDS)], rng.normal(size=(RECORDS, 8)).astype(np.float32)
    kinds: dict[str, tuple[Path, Use, Damage]] = {}
    for suffix in (".npy", ".safetensors", ".parquet"):
        for dtype in OUTPUT_DTYPES:
            path = folder / f"{suffix[1:]}-{dtype}{suffix}"
            writer = open_writer(path, RECORDS, 8, sum(map(len, ids)), dtype)
            writer.write(ids, vectors)
            writer.finish()
            kinds[f"vectors {suffix} {dtype}"] = (path, use_vectors, damage_file)
    run = {"input": {"name": "a.fasta", "sha256": "1"}, "options": {"shard_records": 10}}
    shards = ShardWriter(folder / "shards", run, RECORDS, 8, "float32", 10, Process())
    shards.write(ids, vectors)
    shards.finish()
    kinds["vectors in shards"] = (folder / "shards", use_vectors, damage_in_folder("*.json", "*.parquet"))
    kinds["model, config"] = (model, use_model, damage_in_folder("config.json"))
    kinds["model, tokenizer"] = (model, use_model, damage_in_folder("tokenizer*.json"))
    kinds["model, weights"] = (model, use_model, damage_in_folder("*.safetensors"))
    if onnx is not None:
        kinds["model, ONNX"] = (onnx, use_model, damage_in_folder("model.onnx", "config.json"))
    checkpoint = folder / "checkpoint-1"
    shutil.copytree(model, checkpoint)
    (checkpoint / "trainer_state.json").write_text("{}")
    for name in ("optimizer.pt", "scheduler.pt", "rng_state.pth"):
        (checkpoint / name).write_bytes(rng.bytes(500))
    (checkpoint / RUN).write_text(json.dumps({"files": file_digests(checkpoint)}))
    kinds["training checkpoint"] = (checkpoint, use_checkpoint, damage_in_folder("*.pt", "*.safetensors", "*state*"))
    sequences = ["".join(rng.choice(list("ACGT"), 60)) for _ in ids]
    rows = list(zip(ids, sequences, strict=True))
    texts = {
        "a.fasta": "".join(f">{name} species=Apis mellifera family=Apidae\n{s}\n" for name, s in rows),
        "b.fastq": "".join(f"@{name}\n{s}\n+\n{'I' * len(s)}\n" for name, s in rows),
        "c.csv": "id,species,sequence\n" + "".join(f'{name},"Apis, m",{s}\n' for name, s in rows),
        "d.tsv": "id\tspecies\tsequence\n" + "".join(f"{name}\tApis m\t{s}\n" for name, s in rows),
    }
    for name, text in texts.items():
        (folder / name).write_text(text)
        kinds[f"records {name[1:]}"] = (folder / name, use_records, damage_file)
    (folder / "e.fasta.gz").write_bytes(gzip.compress(texts["a.fasta"].encode()))
    kinds["records .fasta.gz"] = (folder / "e.fasta.gz", use_records, damage_file)
    pq.write_table(pa.table({"id": ids, "sequence": sequences}), folder / "f.parquet")
    kinds["records .parquet"] = (folder / "f.parquet", use_records, damage_file)
    return kinds
