"""A number of bp in, a FASTA of 256 random sequences of that length out, to measure training on long sequences.

python3 device/long_sequences.py .device/work/long.fasta 10000
"""

import sys
from pathlib import Path

if not __package__:
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from benchmarks.speed.workloads import random_sequences

SEQUENCES = 256

if __name__ == "__main__":
    sequences = random_sequences(int(sys.argv[2]), SEQUENCES)
    Path(sys.argv[1]).write_text("".join(f">s{n}\n{sequence}\n" for n, sequence in enumerate(sequences)))
