"""An error of a request to the Hub in, its reason on one line and without the token out."""

import re

from huggingface_hub.constants import is_offline_mode
from huggingface_hub.errors import (
    HfHubHTTPError,
    LocalEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)


def reason(error: Exception) -> str:
    """What went wrong with a request to the Hub, on one line and without the token.

    >>> reason(ValueError("Illegal header value b'Bearer hf_x' \\n and advice"))
    "Illegal header value b'Bearer ***"
    """
    if isinstance(error, HfHubHTTPError):
        status = f"{error.response.status_code} {error.response.reason_phrase}"
        text = f"{status}: {error.server_message}" if error.server_message else status
    else:
        text = str(error).strip() or type(error).__name__
    return re.sub("Bearer .*", "Bearer ***", text.splitlines()[0].strip().rstrip("."))


def why_not_found(error: Exception, what: str, file: str) -> str:
    """Say why a repository could not be fetched, and what to do.

    Args:
        error: What the request raised; HTTP, network, cache and name raise different classes.
        what: The kind of repository, such as "model".
        file: The requested file.
    """
    if is_offline_mode():
        return f"this process is offline (HF_HUB_OFFLINE is set), and the {what} was not downloaded before: unset it"
    if isinstance(error, RevisionNotFoundError):
        return "the Hub has no such revision of it: check the revision"
    if isinstance(error, RepositoryNotFoundError):
        return f"the Hub has no such {what} that you may read: check the name, or run `hf auth login`"
    if isinstance(error, LocalEntryNotFoundError):
        return f"the Hub cannot be reached, and the {what} was not downloaded before: check the network"
    return f"the Hub does not give its {file} ({reason(error)}): check the name and the network"
