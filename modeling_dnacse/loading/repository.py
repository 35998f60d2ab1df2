"""Write a trained encoder as a complete Hub repository: weights, code, tokenizer, pipeline, card and more.

Everything is first written to a temporary folder and then moved, the weights last. So a folder never holds half a
model.
"""

import json
import re
import shutil
import tempfile
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from ..machine.atomic import give_usual_modes, naming_what_has_no_room
from ..modeling_dnacse import DnacseModel
from .checkpoints import check_finite

WEIGHTS = "model.safetensors"
CARD = "README.md"
RECORD = "training.json"
POOLING = "1_Pooling"  # a folder
WRITTEN = (".json", ".safetensors", ".py", ".md")  # suffixes of the files
RELEASED = (  # the files but the code
    rf"{CARD}|LICENSE(\.\w+)?|(generation_)?config\.json|model(-\d+-of-\d+)?\.safetensors(\.index\.json)?"
    r"|(tokenizer|tokenizer_config|special_tokens_map|added_tokens|training|training_log)\.json|vocab\.txt"
    rf"|(modules|sentence_bert_config|config_sentence_transformers|{POOLING}/config)\.json"
)
# the entry in config.json, as transformers' Pipeline.save_pretrained would write it
PIPELINES = {"dna-embedding": {"impl": "pipeline_dnacse.DnaEmbeddingPipeline", "pt": ["AutoModel"], "type": "text"}}


def write_repository(
    folder: Path, model: DnacseModel, tokenizer: PreTrainedTokenizerBase, files: dict[str, str]
) -> list[str]:
    """Write the repository of `model` to `folder`; `files` are further texts by name, with the card (README.md).

    Returns:
        The files written, as paths inside the folder, which may hold others, such as checkpoints.

    Raises:
        ValueError: a weight is NaN or infinite; nothing is written.
        OSError: the disk is full or not writable; earlier files in `folder` remain.
    """
    check_finite(model, "the model to release")
    folder.mkdir(parents=True, exist_ok=True)
    with naming_what_has_no_room(folder), tempfile.TemporaryDirectory(dir=folder, prefix=".release-") as draft:
        model.save_pretrained(draft)  # the configuration copies the code files, see modeling_dnacse/__init__.py
        tokenizer.save_pretrained(draft)
        config = json.loads(Path(draft, "config.json").read_text(encoding="utf-8")) | {"custom_pipelines": PIPELINES}
        tables = {"config.json": config} | sentence_transformers_files(model)
        texts = files | {name: json.dumps(value, indent=2) + "\n" for name, value in tables.items()}
        for name, text in texts.items():
            path = Path(draft, name)
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
        give_usual_modes(Path(draft))
        finished = sorted(
            (path for path in Path(draft).rglob("*") if path.is_file()), key=lambda path: path.name == WEIGHTS
        )
        names = [path.relative_to(draft).as_posix() for path in finished]
        for path, name in zip(finished, names, strict=True):
            target = folder / name
            target.parent.mkdir(exist_ok=True)
            shutil.move(path, target)
    return names


def released_files(folder: Path) -> list[str]:
    """The files of a folder that belong to a released model, as paths inside it; it may hold others, too.

    Args:
        folder: What `write_repository` wrote, or `save_pretrained`, which may have divided the weights.
    """
    code = {path.name for path in Path(__file__).parents[1].glob("*.py")} - {"__init__.py", "cli.py"}
    paths = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    return [path for path in paths if path in code or re.fullmatch(RELEASED, path)]


def halve(weights: Path) -> None:
    """Store the floating-point tensors of a safetensors file in float16; other tensors stay.

    Raises:
        ValueError: a number is too large for float16; the file stays as it is.
    """
    tensors = load_file(weights)
    for name, tensor in tensors.items():
        if tensor.is_floating_point():
            tensors[name] = tensor.half()
            if not torch.isfinite(tensors[name]).all():
                raise ValueError(
                    f"the weight {name} of {weights.name} reaches {float(tensor.abs().max()):g}, and float16 ends at "
                    "65,504; give a model whose weights are smaller, or other training data"
                )
    save_file(tensors, weights, metadata={"format": "pt"})


def forget_thresholds(model: PreTrainedModel) -> None:
    """Remove the similarity thresholds of a configuration, since the vectors of the model change."""
    config: Any = model.config
    config.species_similarity = config.bin_similarity = config.species_merges = None


def sentence_transformers_files(model: DnacseModel) -> dict[str, Any]:
    """The files with which `SentenceTransformer(folder, trust_remote_code=True)` gives the model's pooled vectors.

    "mean" and "cls" are written as its Pooling module, which every release reads. It has no module for the other two
    poolings and would silently take the mean. For those, the files select the model's own pooler, with keys that
    releases before 6 refuse to read.
    """
    transformer = {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"}
    pooling = {"idx": 1, "name": "1", "path": POOLING, "type": "sentence_transformers.models.Pooling"}
    reading = {"max_seq_length": None, "do_lower_case": False}
    files: dict[str, Any] = {"config_sentence_transformers.json": {"similarity_fn_name": "cosine"}}
    if model.config.pooling in ("mean", "cls"):
        mode = {"mean": "pooling_mode_mean_tokens", "cls": "pooling_mode_cls_token"}
        modes = {key: name == model.config.pooling for name, key in mode.items()}
        return files | {
            "modules.json": [transformer, pooling],
            "sentence_bert_config.json": reading,
            f"{POOLING}/config.json": {"word_embedding_dimension": model.config.hidden_size, **modes},
        }
    own = {
        "modality_config": {"text": {"method": "forward", "method_output_name": "pooler_output"}},
        "module_output_name": "sentence_embedding",
    }
    return files | {"modules.json": [transformer], "sentence_bert_config.json": reading | own}
