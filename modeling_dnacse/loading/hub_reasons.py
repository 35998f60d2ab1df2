"""An error of a request to the Hub in, its reason on one line and without the token out."""

import re

from huggingface_hub.errors import HfHubHTTPError


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
