"""A tokenizer in, a checkpoint of DNABERT-2's shape with random weights out; in a rehearsal, one of a tiny shape.

python3 device/base_model.py .device/tokenizer .device/work/base
"""

import os
import sys
from pathlib import Path

if not __package__:
    sys.path[0] = str(Path(__file__).resolve().parents[1])

import torch

from modeling_dnacse import DnacseModel
from modeling_dnacse.loading.checkpoints import load_config, load_tokenizer
from modeling_dnacse.loading.repository import write_repository

SHAPES = {"full": "base", "toy": "demo"}

if __name__ == "__main__":
    tokenizer = load_tokenizer(sys.argv[1])
    torch.manual_seed(0)
    shape = f"trainer/configs/{SHAPES[os.environ.get('DNACSE_DEVICE_SIZE', 'full')]}.json"
    write_repository(Path(sys.argv[2]), DnacseModel(load_config(shape, tokenizer)), tokenizer, {"README.md": ""})
