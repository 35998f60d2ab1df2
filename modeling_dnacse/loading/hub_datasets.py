"""Data sets of the Hub: a name and a revision in, the tables of exactly that commit out.

A branch may move between two reads. And if the Hub does not answer, the library datasets silently uses what it loaded
last, at any revision. So the commit is looked up once; then exactly this commit is read, or an error is raised.
"""

import re
from pathlib import Path
from typing import Any

from huggingface_hub import HfApi

from .checkpoints import reason_of
from .hub_reasons import reason


def dataset_commit(name: str, revision: str | None) -> str | None:
    """Find the commit of a branch, tag or commit id of a Hub data set; None for a local folder.

    Args:
        name: Hub id, or a local folder.
        revision: branch, tag or commit; None: the newest commit of main. A full commit id needs no network.

    Raises:
        ValueError: there is no such data set or revision, the name is empty, or the Hub cannot be reached.
    """
    if not name:
        raise ValueError("got an empty name of a data set; give its Hub id, as ORG/NAME, or a folder")
    if Path(name).is_dir():
        if revision is not None:
            raise ValueError(f"{name} is a local folder, which has no revisions; leave {revision!r} out")
        return None
    if revision is not None and re.fullmatch("[0-9a-f]{40}", revision):
        return revision
    try:
        return str(HfApi().dataset_info(name, revision=revision).sha)
    except Exception as error:  # HTTP, network, token and name: a class each
        raise ValueError(
            f"data set {name}, revision {revision or 'main'}, cannot be found on the Hub ({reason(error)}); check "
            "the name, the revision and the network, or give files"
        ) from None


def load_commit(name: str, commit: str | None) -> Any:
    """Load the tables of a data set by the names of its splits, a DatasetDict.

    Args:
        name: Hub id, or a local folder.
        commit: from `dataset_commit`.

    Raises:
        ValueError: the data set cannot be loaded, or only another commit of it.
    """
    from datasets import load_dataset_builder  # here, since the import takes seconds and dnacse does not require it
    from datasets.exceptions import DatasetsError

    try:
        builder = load_dataset_builder(name, revision=commit)
        if commit not in (None, builder.hash):
            raise ValueError(f"the Hub does not answer, and the cache holds revision {builder.hash}, not {commit}")
        builder.download_and_prepare()
        return builder.as_dataset()
    except (DatasetsError, OSError, ValueError) as error:
        raise ValueError(f"data set {name} cannot be loaded: {reason_of(error)}") from error
