"""What the vectors of a run depend on: its input, model and options in, the record that run.json holds out."""

import argparse
from pathlib import Path
from typing import Any

from ..embedding.options import EmbedOptions
from ..loading.model_digests import digest_of_release
from ..machine.provenance import sha256_of

# Batches and the device change a vector by rounding only, so they may change between two runs into one folder
SHAPING = ("normalize", "both_strands", "window_tokens", "overlap_tokens", "dimensions")


def describe_run(args: argparse.Namespace, options: EmbedOptions, records: int) -> dict[str, Any]:
    """Describe what the vectors depend on, in the types of JSON, without paths of this machine."""
    shaping = {name: getattr(options, name) for name in SHAPING}
    return {
        "input": {"name": args.input.name, "sha256": sha256_of(args.input), "records": records},
        "model": {
            "name": Path(args.model).resolve().name if Path(args.model).is_dir() else args.model,
            "digest": digest_of_release(args.model),
        },
        "options": shaping
        | {"dtype": args.dtype, "output_dtype": args.output_dtype, "shard_records": args.shard_records},
    }
