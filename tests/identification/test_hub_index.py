"""An index on the Hub: fetched at a revision by the real client from a stand-in, and refused where there is none."""

import json
import os
import subprocess
import sys

import pytest

from tests.support.hub_standin import HubStandIn, Repository

FILES = ("references.parquet", "encoded.safetensors", "calibrations.safetensors")
MORE = {"first": (), "second": ("cells.safetensors",)}  # the second version is of a large library
CODE = """
import sys
arguments, sys.argv = sys.argv[1:], ["dnacse"]  # as the command, which does not wait for torch
from modeling_dnacse.identification.indexes.index_files import hub_index
try:
    folder = hub_index(arguments[0], arguments[1] or None)
    print((folder / "references.parquet").read_text(), (folder / "cells.safetensors").exists())
except ValueError as error:
    print(error)
"""


@pytest.fixture(scope="module")
def hub():
    with HubStandIn("hf_standIn", "me") as server:
        library = server.repositories["model", "me/library"] = Repository()
        for version in ("first", "second"):
            files = {name: version.encode() for name in (*FILES, *MORE[version])}
            library.add(files | {"index.json": json.dumps({"files": dict.fromkeys(files, "")}).encode()}, version)
        server.repositories["model", "me/model"] = Repository()
        yield server


def test_a_revision_is_what_was_asked_for_and_the_rest_is_told(hub, tmp_path):
    def fetch(name, revision="", **more):
        variables = {key: value for key, value in os.environ.items() if not key.startswith("HF_")}
        variables |= hub.environment(tmp_path) | more
        command = [sys.executable, "-c", CODE, name, revision]
        done = subprocess.run(command, env=variables, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    first = hub.repositories["model", "me/library"].commits[1].sha
    assert fetch("me/library", first) == "first False"
    assert fetch("me/library") == "second True"
    assert "the Hub has no such revision of it" in fetch("me/library", "nowhere")
    assert "the Hub does not give its index.json" in fetch("me/model")
    assert "the Hub has no such library that you may read" in fetch("me/nothing")
    assert fetch("me/library", first, HF_HUB_OFFLINE="1") == "first False"  # from the cache
    assert json.dumps(fetch("me/other", HF_HUB_OFFLINE="1")).count("was not downloaded before: unset it") == 1
