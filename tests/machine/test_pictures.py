"""Pictures are written whole, or the reason is told."""

import resource

import pytest
from matplotlib.figure import Figure

from modeling_dnacse.machine.pictures import EARLIER, save_picture


@pytest.mark.parametrize("suffix", EARLIER)
def test_a_picture_without_room_is_one_sentence(tmp_path, suffix):
    """Matplotlib ended a PDF on a full disk with an AttributeError."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (300, limits[1]))
        with pytest.raises(OSError, match="File too large"):
            save_picture(Figure(), tmp_path / f"out{suffix}")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert list(tmp_path.iterdir()) == []
    save_picture(Figure(), tmp_path / f"out{suffix}")
    assert EARLIER[suffix](tmp_path / f"out{suffix}")
