"""Uses of damaged files in this process: a file and what reads it in, what happened out.

A try ends well if the file is accepted with all its records, or refused with a ValueError or OSError of one line that
names a file. Anything else is a fault: another exception (a traceback for users), no end within HANG seconds, or a
silent loss. Nothing here imports torch.
"""

import contextlib
import io
import random
import shutil
import signal
import traceback
import warnings
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from tests.attack.mutations import mutate_bytes, mutate_json

HANG = 20  # seconds
Use = Callable[[Path], object]  # raises ValueError, or gives back what it read
Damage = Callable[[Path, random.Random], None]


class SilentLossError(Exception):
    """Something was accepted that is not what the file held."""


class Hang(BaseException):
    """A try took too long."""


def attempt(use: Use, path: Path, examples: list[str]) -> str:
    """Try a damaged file: accepted, refused, or the kind of fault, of which some are kept as examples."""

    def stop(*_: object) -> None:
        raise Hang

    former = signal.signal(signal.SIGALRM, stop)
    signal.alarm(HANG)
    try:
        with contextlib.redirect_stderr(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            use(path)
        return "accepted"
    except (ValueError, OSError) as error:
        if type(error) in (ValueError, OSError) and "\n" not in str(error) and path.name in str(error):
            return "refused"
        found = f"unclear: {type(error).__name__}: {str(error)[:300]}"
    except SilentLossError as error:
        found = f"silent loss: {error}"
    except Hang:
        found = "hang"
    except Exception:
        found = f"traceback: {traceback.format_exc(limit=-3)[-600:]}"
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, former)
    if len(examples) < 40:
        examples.append(found)
    return found.partition(":")[0]


def try_damage(
    source: Path, use: Use, damage: Damage, tries: int, rng: random.Random, work: Path, examples: list[str]
) -> Counter[str]:
    """Copy `source`, a file or a folder, damage the copy and use it, `tries` times."""
    outcomes: Counter[str] = Counter()
    for number in range(tries):
        place = work / f"try{number}"
        place.mkdir(parents=True)
        for path in [source] if source.is_dir() else source.parent.glob(f"{source.stem}.*"):
            copy = shutil.copytree if path.is_dir() else shutil.copy
            copy(path, place / path.name)
        damage(place / source.name, rng)
        outcomes[attempt(use, place / source.name, examples)] += 1
        shutil.rmtree(place)
    return outcomes


def damage_file(path: Path, rng: random.Random) -> None:
    """Damage the bytes of a file or of one beside it."""
    chosen = rng.choice(sorted(path.parent.glob(f"{path.stem}.*")))
    chosen.write_bytes(mutate_bytes(chosen.read_bytes(), rng))


def damage_in_folder(*names: str) -> Damage:
    """Damage one of the files of a folder: JSON half of the time as JSON, anything else as bytes; or remove it."""

    def damage(folder: Path, rng: random.Random) -> None:
        path = rng.choice([found for name in names for found in sorted(folder.glob(name))])
        if rng.random() < 0.05:
            path.unlink()
        elif path.suffix == ".json" and rng.random() < 0.7:
            path.write_text(mutate_json(path.read_text(), rng))
        else:
            path.write_bytes(mutate_bytes(path.read_bytes(), rng))

    return damage
