"""A map in, an interactive page out: one HTML file that needs no network, by bokeh.

Hovering shows the id and names of a point. A search box finds points by any part of these. The lasso selects points,
and the selection can be saved as FASTA or as a list of ids. Bokeh escapes ids and names, which may hold any character.
"""

from collections import Counter
from pathlib import Path
from typing import Any

from bokeh.embed import file_html
from bokeh.layouts import column, row
from bokeh.models import (
    Button,
    ColumnDataSource,
    CustomJS,
    Div,
    HoverTool,
    LassoSelectTool,
    PlainText,
    TextInput,
    Title,
)
from bokeh.plotting import figure
from bokeh.resources import INLINE

from ..machine.atomic import written_whole
from .points import GREY, MapPoints

MAKER = '<meta name="generator" content="dnacse map">'
DARK = "<style>body { background: #15191C; color-scheme: dark }</style>"  # as around plots of the theme
PALE = "#E0E0E0"  # text on dark pages
HINT = "Hover to see names. Search, or draw around points with the lasso, then download what is selected."
FIND = """
const asked = cb_obj.value_input.trim().toLowerCase();
const {id, label} = source.data;
const found = [];
if (asked) for (let i = 0; i < id.length; i++)
    if (id[i].toLowerCase().includes(asked) || label[i].toLowerCase().includes(asked)) found.push(i);
source.selected.indices = found;
if (!found.length) said.text = asked ? "Nothing selected" : hint;
"""
COUNT = """
const chosen = source.selected.indices.length;
said.text = chosen ? `${chosen} of ${source.data.id.length} selected` :
    search.value_input.trim() ? "Nothing selected" : hint;
"""
SAVE = """
const {id, label} = source.data;
const rows = source.selected.indices.length ? source.selected.indices : id.map((_, i) => i);
const line = {
    fasta: i => `>${id[i]} ${label[i]}\\n${source.data.sequence[i]}\\n`, ids: i => `${id[i]}\\n`,
}[kind];
const link = document.createElement("a");
link.href = URL.createObjectURL(new Blob(rows.map(line), {type: "text/plain"}));
link.download = kind == "fasta" ? "selected.fasta" : "selected.txt";
link.click();
URL.revokeObjectURL(link.href);
"""


def write_page(path: Path, points: MapPoints, title: str) -> None:
    """Write the page of this module."""
    styles = [points.styles[group] for group in points.groups]
    groups = list(points.styles)
    order = sorted(range(len(styles)), key=lambda row: (styles[row] != GREY, groups.index(points.groups[row])))
    counts = Counter(points.groups)
    columns = {
        "x": points.positions[:, 0],
        "y": points.positions[:, 1],
        "id": points.ids,
        "label": points.labels,
        "group": [f"{group} ({counts[group]:,})" for group in points.groups],
        "colour": [style.colour for style in styles],
        "shape": [style.shape for style in styles],
    }
    if points.sequences:
        columns["sequence"] = points.sequences
    source = ColumnDataSource({name: [values[row] for row in order] for name, values in columns.items()})
    plot = figure(
        title=Title(text=PlainText(text=title), text_font_size="16px"),
        tools="pan,wheel_zoom,box_zoom,reset,save",
        active_scroll="wheel_zoom",
        sizing_mode="stretch_both",
        min_height=480,
        output_backend="webgl",
    )
    legend: Any = {"legend_group": "group"} if points.coloured_by else {}
    plot.scatter(
        "x",
        "y",
        source=source,
        marker="shape",
        color="colour",
        size=9 if len(styles) < 3000 else 6,
        line_color="black" if points.dark else "white",
        line_width=0.3,
        nonselection_alpha=0.08,
        **legend,
    )
    plot.add_tools(HoverTool(tooltips=[("id", "@id"), ("", "@label")]), LassoSelectTool())
    plot.axis.visible = False
    plot.grid.visible = False
    if points.coloured_by:
        plot.add_layout(plot.legend[0], "right")
        plot.legend.title = points.coloured_by
        plot.legend.label_text_font_size = "14px"
        if points.dark:  # the theme leaves the title as it is on light pages
            plot.legend.title_text_color = PALE

    of_text: dict[str, str | None] = {"font-size": "14px", "color": PALE if points.dark else "inherit"}
    said = Div(text=HINT, styles=of_text)
    search = TextInput(placeholder="find an id or a name", width=280)
    args = {"source": source, "said": said, "search": search, "hint": HINT}
    search.js_on_change("value_input", CustomJS(args=args, code=FIND))
    source.selected.js_on_change("indices", CustomJS(args=args, code=COUNT))
    buttons = []
    for kind, name in (("fasta", "Download FASTA"), ("ids", "Download ids")):
        if kind in ("ids", *(["fasta"] if points.sequences else [])):
            button = Button(label=name, button_type="primary" if kind == "fasta" else "default", width=150)
            button.js_on_click(CustomJS(args={"source": source, "kind": kind}, code=SAVE))
            buttons.append(button)
    page = column(row(search, *buttons), said, plot, sizing_mode="stretch_both")
    text = file_html(page, INLINE, title=title, theme="dark_minimal" if points.dark else None)
    text = text.replace("<head>", f"<head>\n    {MAKER}{DARK if points.dark else ''}", 1)
    with written_whole(path) as hidden:
        hidden.write_text(text, encoding="utf-8")
