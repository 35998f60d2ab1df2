"""Undamaged inputs and artefacts of each kind, with what reads them and how they are damaged (attempts.py).

A silent loss is fewer or more vectors than the undamaged file has, or vectors that are no numbers.
"""

import bz2
import gzip
import json
import lzma
import shutil
import uuid
import zipfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from modeling_dnacse import embed
from modeling_dnacse.identification.calibration.by_queries import StoredCalibration
from modeling_dnacse.identification.calibration.cases import CalibrationData
from modeling_dnacse.identification.encoding import Encoded
from modeling_dnacse.identification.indexes.index import Index, read_index, write_index
from modeling_dnacse.identification.references import References
from modeling_dnacse.loading.encoders import load_encoder
from modeling_dnacse.machine.processes import Process
from modeling_dnacse.reading.rereading import RecordFile
from modeling_dnacse.vectors.at_sites import AtSites
from modeling_dnacse.vectors.files import open_writer, read_vectors
from modeling_dnacse.vectors.formats import OUTPUT_DTYPES
from modeling_dnacse.vectors.shards import ShardWriter
from tests.attack.attempts import Damage, SilentLossError, Use, damage_file, damage_in_folder
from trainer.running.resume import RUN, check_files, checkpoint_to_resume, file_digests

RECORDS = 24
SEQUENCES = ["ACGTTGCA" * 12, "GATTACA" * 9]


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


def use_packed(path: Path) -> None:
    """Read compressed records: damage cannot pass for other ones, since all of these formats have checksums."""
    if (found := [record.id for record in RecordFile(path).read()]) != [f"r{number}" for number in range(RECORDS)]:
        raise SilentLossError(f"{path.name}: {len(found)} records of {RECORDS}, or others")


def use_checkpoint(path: Path) -> None:
    """Check a training checkpoint; none of these was left as it was."""
    checkpoint_to_resume(path.parent, str(path))
    check_files(path)


def write_small_index(folder: Path, ids: list[str]) -> Path:
    """Write an index by sites, of references of two species, with one calibration."""
    count, rng = len(ids), np.random.default_rng(0)
    references = References(ids, {"species": [f"G s{row % 2}" for row in range(count)]}, {}, {"country": ids})
    bases = rng.integers(5, size=(count, 30)).astype(np.uint8)
    sites = AtSites(bases, np.ones(count, np.float32), np.ones(count, bool), np.zeros(count, bool))
    of_rank = np.ones((1, count), np.float32)
    data = CalibrationData(
        similarity=of_rank[0].copy(),  # safetensors takes no array twice
        evidence=of_rank.copy(),
        closeness=of_rank[0].copy(),
        right=of_rank > 0,
        judged=of_rank > 0,
        known_from=np.zeros(count, np.int64),
        taxon=np.zeros(count, np.int64),
    )
    stored, source = StoredCalibration(np.arange(9.0), data), {"name": "a.fasta", "records": count, "digest": "0"}
    write_index(Index(folder, "model", "0", {}, [source], references, Encoded(None, sites), [stored]))
    return folder


def use_index(path: Path) -> None:
    """Read an index; all references have to be there."""
    if (found := len(read_index(path).references.ids)) != RECORDS:
        raise SilentLossError(f"{path.name}: {found} references of {RECORDS}")


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
    kinds["index of a library"] = (
        write_small_index(folder / "index", ids),
        use_index,
        damage_in_folder("*.json", "*.parquet", "*.safetensors"),
    )
    kinds["model, config"] = (model, use_model, damage_in_folder("config.json"))
    kinds["model, tokenizer"] = (model, use_model, damage_in_folder("tokenizer*.json"))
    kinds["model, weights"] = (model, use_model, damage_in_folder("*.safetensors"))
    if onnx is not None:
        kinds["model, ONNX"] = (onnx, use_model, damage_in_folder("model.onnx", "config.json"))
    checkpoint = folder / "checkpoint-1"
    shutil.copytree(model, checkpoint)
    (checkpoint / "trainer_state.json").write_text('{"global_step": 1, "log_history": []}')
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
    halves = [text.encode() for text in (texts["a.fasta"][:1000], texts["a.fasta"][1000:])]
    for name, packer in {"e.fasta.gz": gzip, "g.fasta.bz2": bz2, "h.fasta.xz": lzma}.items():
        (folder / name).write_bytes(b"".join(map(packer.compress, halves)))  # two members, as of files joined by cat
        kinds[f"records {name[1:]}"] = (folder / name, use_packed, damage_file)
    with zipfile.ZipFile(folder / "i.qza", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"{uuid.UUID(int=1)}/data/dna-sequences.fasta", b"".join(halves))
    kinds["records .qza"] = (folder / "i.qza", use_packed, damage_file)
    pq.write_table(pa.table({"id": ids, "sequence": sequences}), folder / "f.parquet")
    kinds["records .parquet"] = (folder / "f.parquet", use_records, damage_file)
    return kinds
