"""The text of a model card in; the metadata at its head, or one sentence about what is wrong with them, out."""

from pathlib import Path
from typing import Any

from .model_folders import REMEDY


def card_data(path: Path, text: str) -> Any:
    """Read the metadata of a card, a `ModelCardData`; without any, an empty one.

    Raises:
        ValueError: they are not YAML, or hold aliases.
    """
    import yaml
    from huggingface_hub import ModelCard, ModelCardData
    from huggingface_hub.repocard import REGEX_YAML_BLOCK

    try:
        head = REGEX_YAML_BLOCK.search(text)
        aliases = [token for token in yaml.scan(head[2] if head else "") if isinstance(token, yaml.AliasToken)]
        data = ModelCard(text, ignore_metadata_errors=True).data if head and not aliases else ModelCardData()
    except Exception as error:  # the parser of YAML raises classes of its own
        raise ValueError(f"{path}: the metadata at its head cannot be read; {REMEDY}") from error
    if aliases:  # a card needs none, and nine levels of nine in 300 bytes would be shown for ever
        raise ValueError(f"{path}: the metadata at its head hold an alias (*{aliases[0].value}); {REMEDY}")
    return data
