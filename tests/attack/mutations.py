"""Damage to files: bytes or JSON in, the same with something wrong out, as disks, editors and attackers leave it."""

import json
import random
from typing import Any

NASTY: list[Any] = [
    *(None, True, [], {}, "", "x" * 300, "\u0000", "[PAD]", "../../etc/passwd", [[]], {"a": 1}),
    *(-1, 0, 1, 3, 2**31, 2**63, 10**30, 0.5, -0.0, 1e308, float("nan"), float("inf")),
]
FRAGMENTS = (
    b"\0",
    b"\xff\xfe",
    b"\xef\xbb\xbf",
    b">",
    b"@",
    b"\r",
    b"\n\n",
    b"\t",
    b'"',
    b",",
    b"\x1a3e",
    b"{",
    b"NaN",
)


def mutate_bytes(data: bytes, rng: random.Random) -> bytes:
    """Cut, flip, insert, repeat, remove or blank some bytes, one to three times."""
    for _ in range(rng.randint(1, 3)):
        size = len(data)
        start = rng.randrange(size + 1)
        stop = min(size, start + rng.choice((1, 2, 8, 64, 4096)))
        kind = rng.choice(("cut", "flip", "insert", "repeat", "remove", "blank", "head"))
        if kind == "cut":
            data = data[:start]
        elif kind == "flip" and start < size:
            data = data[:start] + bytes([data[start] ^ (1 << rng.randrange(8))]) + data[start + 1 :]
        elif kind == "insert":
            data = data[:start] + rng.choice((*FRAGMENTS, rng.randbytes(rng.randint(1, 40)))) + data[start:]
        elif kind == "repeat":
            data = data[:stop] + data[start:stop] + data[stop:]
        elif kind == "remove":
            data = data[:start] + data[stop:]
        elif kind == "blank":
            data = data[:start] + bytes(stop - start) + data[stop:]
        elif kind == "head":  # where formats keep shapes and lengths
            place = rng.randrange(min(size, 256) + 1)
            data = data[:place] + rng.randbytes(1) + data[place + 1 :]
    return data


def mutate_json(text: str, rng: random.Random) -> str:
    """Replace, remove or add values of a JSON file, one to three times; now and then the whole."""
    value = json.loads(text)
    for _ in range(rng.randint(1, 3)):
        places = list(places_in(value))
        if not places or rng.random() < 0.03:
            value = rng.choice(NASTY)
            continue
        holder, key = rng.choice(places)
        kind = rng.choice(("replace", "replace", "remove", "add"))
        if kind == "replace":
            holder[key] = rng.choice(NASTY)
        elif kind == "remove":
            del holder[key]
        elif isinstance(holder, dict):
            holder[rng.choice(("extra", "type", "dtype", "shape"))] = rng.choice(NASTY)
        else:
            holder.insert(key, rng.choice(NASTY))
    return json.dumps(value)


def places_in(value: Any) -> Any:
    """Yield each pair of a container and a key or index in it; of long lists the first entries."""
    if isinstance(value, dict):
        for key in list(value):
            yield value, key
            yield from places_in(value[key])
    elif isinstance(value, list):
        for index, entry in enumerate(value[:20]):
            yield value, index
            yield from places_in(entry)
