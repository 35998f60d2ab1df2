"""Push the folder of a model to the Hub as one commit, or show what would be pushed.

python examples/push_model.py FOLDER OWNER/NAME          lists the files, and checks them and the card
hf auth login
python examples/push_model.py FOLDER OWNER/NAME --push   pushes them

Checkpoints of train.py in the folder, which hold optimizer states, and hidden files are left out.
"""

import argparse
import sys
from pathlib import Path

from huggingface_hub import ModelCard

from modeling_dnacse import DnacseModel, load_checkpoint

LEFT_OUT = (".", "checkpoint-")  # how names of files and folders begin


def main(arguments: list[str] | None = None) -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("name", help="OWNER/NAME on the Hub")
    parser.add_argument("--push", action="store_true")
    args = parser.parse_args(arguments)
    try:
        load_checkpoint(DnacseModel, str(args.folder))
        card = ModelCard.load(args.folder / "README.md")
    except (ValueError, OSError) as error:
        parser.error(str(error))
    paths = sorted(path.relative_to(args.folder) for path in args.folder.rglob("*") if path.is_file())
    names = [path.as_posix() for path in paths if not any(part.startswith(LEFT_OUT) for part in path.parts)]
    for name in names:
        sys.stdout.write(f"{(args.folder / name).stat().st_size:>12,}  {name}\n")
    sys.stdout.write(f"{len(names)} files for {args.name}, licence {card.data.to_dict().get('license', 'not told')}\n")
    if args.push:
        from trainer.releasing.hub import HubRepository

        repository = HubRepository(args.name)
        repository.create()
        sys.stdout.write(repository.push(args.folder, names, "Push the model") + "\n")


if __name__ == "__main__":
    main()
