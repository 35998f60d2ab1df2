"""Write and recognise pictures: each file names dnacse as its maker, so that the next run may replace it."""

from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from .atomic import written_whole
from .earlier_outputs import holds_near_start

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MAKER = {".png": "Software", ".svg": "Creator", ".pdf": "Creator"}  # suffix -> key of the metadata that say it
EARLIER = {  # suffix -> recognises an earlier picture
    ".png": holds_near_start(b"\x89PNG", b"Software\0dnacse"),
    ".svg": holds_near_start(b"<?xml", b"<dc:title>dnacse</dc:title>"),
    ".pdf": lambda path: b"/Creator (dnacse)" in path.read_bytes(),
}


def save_picture(figure: "Figure", path: Path) -> None:
    """Write a picture; the suffix selects the format."""
    drawn = BytesIO()  # matplotlib hides the reason if a PDF cannot be written
    figure.savefig(drawn, format=path.suffix[1:], dpi=150, metadata={MAKER[path.suffix]: "dnacse"})
    with written_whole(path) as hidden:
        hidden.write_bytes(drawn.getbuffer())


def no_formula(text: str) -> str:
    """Keep matplotlib from reading what is between dollar signs as a formula."""
    return text.replace("$", r"\$")
