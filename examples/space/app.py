"""A web page that names barcodes: upload sequences and a labelled library; get a table, a map, and both as files.

    pip install 'dnacse[map]' gradio
    python examples/space/app.py

This folder is ready to be a Space of the Hub: `hf upload OWNER/NAME examples/space . --repo-type space`.
"""

import csv
import html
import subprocess
import sys
import tempfile
from pathlib import Path

import gradio as gr

SHOWN = ["id", "call", "rank", "probability", "new_species_probability", "nearest", "identity", "note"]
MOST_ROWS = 1000  # shown; the file has all


def run(*arguments: str) -> None:
    """Run a command of dnacse, and tell its user in one sentence what was wrong."""
    done = subprocess.run([sys.executable, "-m", "modeling_dnacse.cli", *arguments], capture_output=True, text=True)
    if done.returncode:
        raise gr.Error(done.stderr.strip().splitlines()[-1].partition("error: ")[2] or "the command failed")


def identify(queries: str | None, library: str | None) -> tuple[list[list[str]], str, str, str]:
    """Name sequences: rows of the table, the map, and the files of both."""
    if not queries or not library:
        raise gr.Error("give both files: the sequences to name, and the library")
    folder = Path(tempfile.mkdtemp(prefix="dnacse-"))
    calls, page = folder / "calls.tsv", folder / "map.html"
    run("identify", queries, "--reference", library, "-o", str(calls))
    run("map", queries, "-o", str(page), "--labels", str(calls), "--colour_by", "call")
    with calls.open(encoding="utf-8", newline="") as file:
        rows = [[row.get(column, "") for column in SHOWN] for row in csv.DictReader(file, delimiter="\t")]
    frame = f'<iframe style="width:100%;height:640px;border:0" srcdoc="{html.escape(page.read_text())}"></iframe>'
    return rows[:MOST_ROWS], frame, str(calls), str(page)


with gr.Blocks(title="dnacse") as app:
    gr.Markdown(
        "# Name barcodes\nUpload sequences and a labelled library (FASTA, FASTQ, CSV, TSV or parquet). Each sequence "
        "is called at the lowest rank whose name has a probability of 0.95 or more. The model is of animal COI."
    )
    with gr.Row():
        given = [gr.File(label="Sequences", type="filepath"), gr.File(label="Library", type="filepath")]
    button = gr.Button("Identify", variant="primary")
    table = gr.Dataframe(headers=SHOWN, label="Calls", wrap=True)
    shown_map = gr.HTML(label="Map")
    with gr.Row():
        files = [gr.File(label="Table"), gr.File(label="Map")]
    button.click(identify, given, [table, shown_map, *files], api_name="identify")

if __name__ == "__main__":
    app.launch()
