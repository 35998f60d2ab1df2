"""The name of a checkpoint in, its model and tokenizer out; every error is one sentence that names the checkpoint."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import torch
from huggingface_hub import hf_hub_download
from huggingface_hub.errors import StrictDataclassError
from torch import nn
from transformers import PreTrainedTokenizerFast
from transformers.utils import logging

from ..configuration_dnacse import DnacseConfig
from ..embedding.tokenization import apply_alphabet_policy, check_tokens, vocabulary_of
from ..kmers import spelling_of
from ..machine.file_names import given_path
from ..machine.json_files import read_object
from ..modeling_dnacse import DnacsePreTrainedModel
from .config_values import check_config
from .hub_reasons import why_not_found
from .model_folders import CONFIG, REMEDY, TOKENIZER, check_model, is_hub_id

Model = TypeVar("Model", bound=DnacsePreTrainedModel)


def load_checkpoint(
    model_class: type[Model], name: str, tokenizer_name: str | None = None, **options: Any
) -> tuple[Model, PreTrainedTokenizerFast]:
    """Load a model of `model_class` and its tokenizer from a folder or the Hub; no code of the repository is run.

    Args:
        name: folder or Hub id of a DNACSE, DNABERT-2 or DNABERT-S checkpoint, as text or as a Path.
        tokenizer_name: folder or Hub id of the tokenizer; None: the checkpoint's own.
        options: further arguments of `from_pretrained`: values that replace those of the configuration, such as
            pooling="cls", and arguments of the model, such as with_mlm_head=True.

    Raises:
        ValueError: there is no such checkpoint, it is of another architecture, or the tokenizer is another model's; or
            a name is no path.
    """
    name, tokenizer_name = given_path(name), None if tokenizer_name is None else given_path(tokenizer_name)
    check_model(name, with_tokenizer=tokenizer_name is None)
    find_on_hub(name)
    tokenizer = load_tokenizer(tokenizer_name or name)
    check_size(name)
    with one_sentence(f"{name} cannot be loaded as a model"), without_bar_of_weights():
        model = model_class.from_pretrained(name, **{"dtype": torch.float32} | options)
    check_finite(model, name)
    check_tables(model, name)
    check_tokens(model.config, tokenizer, f"the tokenizer of {tokenizer_name or name}")
    check_framing(tokenizer, tokenizer_name or name)
    return model, tokenizer


def check_finite(model: nn.Module, name: str) -> None:
    """Check the weights of a model.

    Raises:
        ValueError: one of them is NaN or infinite.
    """
    for key, tensor in model.state_dict().items():
        if tensor.is_floating_point() and not torch.isfinite(tensor).all():
            raise ValueError(f"{name}: the weight {key} holds NaN or infinity; give a model whose weights are numbers")


def check_tables(model: DnacsePreTrainedModel, name: str) -> None:
    """Check the tensors of a model that hold numbers of sites, of markers, and of letters.

    Raises:
        ValueError: one of them is none of the configuration's.
    """
    sites, starts = model.config.gene_sites, torch.tensor(model.config.marker_starts or [0])
    for key, tensor in model.state_dict().items():
        right, table = True, key.rpartition(".")[2]
        if table == "spelling":
            right = torch.equal(tensor, spelling_of(model.config))  # pyright: ignore[reportArgumentType]
        elif table == "marker_of_site":
            right = torch.equal(tensor.long(), torch.searchsorted(starts, torch.arange(sites), right=True) - 1)
        elif table in ("kmer_sites", "kept_sites"):
            right = bool(((tensor >= 0) & (tensor < sites)).all())
        if not right or (table == "kept_sites" and not (tensor.diff() > 0).all()):
            raise ValueError(f"{name}: {key} does not fit {CONFIG}, so one of them is damaged; {REMEDY}")


def load_config(name: str, tokenizer: PreTrainedTokenizerFast) -> DnacseConfig:
    """Load an architecture from a config.json, a folder or the Hub, for the vocabulary of a tokenizer.

    Raises:
        ValueError: there is no such configuration, or a value in it is not allowed.
    """
    find_on_hub(name)
    check_config(name)
    with one_sentence(f"{name} cannot be loaded as a configuration"):
        config = DnacseConfig.from_pretrained(name, vocab_size=len(tokenizer), pad_token_id=tokenizer.pad_token_id)
    config.vocabulary = vocabulary_of(tokenizer) if config.kmer or config.sites else None
    return config


def load_tokenizer(name: str) -> PreTrainedTokenizerFast:
    """Load a tokenizer from a folder or the Hub.

    Raises:
        ValueError: there is no such tokenizer, or it is damaged.
    """
    if Path(name).is_dir():
        for path in (Path(name, TOKENIZER), Path(name, "tokenizer_config.json")):
            if path.name == TOKENIZER or path.exists():
                read_object(path, REMEDY)
    else:
        find_on_hub(name, TOKENIZER)
    with one_sentence(f"{name} cannot be loaded as a tokenizer"):
        return apply_alphabet_policy(PreTrainedTokenizerFast.from_pretrained(name))


def check_framing(tokenizer: PreTrainedTokenizerFast, name: str) -> None:
    """Check that a tokenizer frames tokens with [CLS] and [SEP], has a token for every base, and can read N.

    Raises:
        ValueError: it does not.
    """
    with one_sentence(f"the tokenizer of {name} cannot be used"):
        ids = tokenizer("ACGT")["input_ids"]
        if [ids[0], ids[-1]] != [tokenizer.cls_token_id, tokenizer.sep_token_id] or tokenizer.unk_token_id in ids:
            raise ValueError(f"it makes {tokenizer.convert_ids_to_tokens(ids)} of ACGT")
        tokenizer("N")  # which may be unknown, but needs a token for what is unknown


def check_size(name: str) -> None:
    """Check that a local checkpoint can hold the weights of its configuration, before these take memory.

    Raises:
        ValueError: its files are too small.
    """
    if not Path(name).is_dir():
        return
    config = read_object(Path(name, CONFIG), REMEDY)
    fields = ("vocab_size", "type_vocab_size", "num_hidden_layers", "intermediate_size", "hidden_size")
    words, kinds, layers, wide, hidden = (
        value if isinstance(value := config.get(field), int) else 0 for field in fields
    )
    least = hidden * (words + kinds + layers * (4 * hidden + 3 * wide))
    size = sum(path.stat().st_size for path in Path(name).iterdir() if path.suffix in (".safetensors", ".bin"))
    if least > size:  # a weight takes one byte or more
        raise ValueError(
            f"{name}: {CONFIG} asks for {least:,} weights or more, and the files of weights have {size:,} bytes, so "
            f"one of them is damaged; {REMEDY}"
        )


def find_on_hub(name: str, file: str = CONFIG) -> None:
    """Check that a name is a path, or the id of a model on the Hub or in the cache of downloads.

    Raises:
        ValueError: there is no such model, or the Hub cannot be asked.
    """
    if Path(name).exists():
        return
    if not is_hub_id(name):
        raise ValueError(f"there is no folder {name}; give the folder of a model or a Hub id OWNER/MODEL")
    try:
        hf_hub_download(name, file)
    except Exception as error:
        said = why_not_found(error, "model", file)
        raise ValueError(f"there is no folder {name} here, and {said}, or give the folder of a model") from None


@contextmanager
def without_bar_of_weights() -> Iterator[None]:
    """Hide the bar that transformers shows while it copies weights, which takes no time; bars of downloads stay."""
    former = logging.set_tqdm_hook(lambda bar, given, options: bar(*given, **options | {"disable": True}))
    try:
        yield
    finally:
        logging.set_tqdm_hook(former)


@contextmanager
def one_sentence(failure: str) -> Iterator[None]:
    """Turn any error that a library raises while it reads a model into a ValueError of one sentence.

    Raises:
        ValueError: the library raised an error; tokenizers also raises bare exceptions and those of a panic in Rust.
    """
    try:
        yield
    except (KeyboardInterrupt, SystemExit, GeneratorExit):
        raise
    except BaseException as error:
        raise ValueError(f"{failure}: {reason_of(error)}") from error


def reason_of(error: BaseException) -> str:
    """The first line of a library's error, without its advice; for a refused value also the last line, its reason."""
    lines = [line[:300] for line in str(error).strip().splitlines()] or [type(error).__name__]
    return " ".join([lines[0], lines[-1].strip()]) if isinstance(error, StrictDataclassError) else lines[0]
