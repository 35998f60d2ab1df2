"""Push the folder of a model to the Hub as one commit, or show what would be pushed.

python examples/push_model.py FOLDER OWNER/NAME          lists the files, and checks them and the card
hf auth login
python examples/push_model.py FOLDER OWNER/NAME --push   pushes them

What else is in the folder, such as checkpoints of train.py, which hold optimizer states, is left out.
"""

import argparse
import sys
from pathlib import Path

from huggingface_hub import ModelCard
from yaml import YAMLError

from modeling_dnacse import DnacseModel, load_checkpoint
from modeling_dnacse.loading.repository import released_files


def main(arguments: list[str] | None = None) -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("name", help="OWNER/NAME on the Hub")
    parser.add_argument("--push", action="store_true")
    parser.add_argument("--private", action="store_true", default=None, help="make a new repository private")
    args = parser.parse_args(arguments)
    try:
        load_checkpoint(DnacseModel, str(args.folder))
        card = ModelCard.load(args.folder / "README.md")
    except YAMLError as error:
        reason = " ".join(str(error).split())
        parser.error(f"{args.folder / 'README.md'} begins with metadata that is no YAML ({reason}); correct it")
    except (ValueError, OSError) as error:
        parser.error(str(error))
    names = released_files(args.folder)
    for path in sorted(args.folder.iterdir()):
        if not any(name.split("/")[0] == path.name for name in names):
            sys.stdout.write(f"left out, since it is of no release: {path.name}\n")
    for name in names:
        sys.stdout.write(f"{(args.folder / name).stat().st_size:>12,}  {name}\n")
    sys.stdout.write(f"{len(names)} files for {args.name}, licence {card.data.to_dict().get('license', 'not told')}\n")
    if args.push:
        from trainer.releasing.hub import HubRepository

        repository = HubRepository(args.name, private=args.private)
        try:
            sys.stdout.write(repository.push(args.folder, names, "Push the model") + "\n")
        except OSError as error:
            parser.error(str(error))


if __name__ == "__main__":
    main()
