"""`import dnacse`: the package under the name it is installed by. Its modules are those of `modeling_dnacse`.

>>> import dnacse
>>> dnacse.DnacseConfig().model_type
'dnacse'
"""

from typing import Any

import modeling_dnacse
from modeling_dnacse import *  # noqa: F403


def __getattr__(name: str) -> Any:
    """What the package imports when it is asked for, such as the classes for scikit-learn."""
    return getattr(modeling_dnacse, name)
