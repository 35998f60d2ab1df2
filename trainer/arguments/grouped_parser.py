"""The parser of `trainer/train.py`: one dataclass of all arguments in, a `--help` with a section for each idea out."""

from dataclasses import fields
from typing import Any

from transformers import HfArgumentParser

OTHERS = "Options of transformers' TrainingArguments, with their defaults there"


class GroupedParser(HfArgumentParser):
    """HfArgumentParser that lists each option in the section of the class that declares it."""

    def __init__(self, arguments: Any, groups: tuple[type, ...], **options: Any) -> None:
        """Read the options of a dataclass.

        Args:
            arguments: The dataclass, which parsing returns.
            groups: Dataclasses that it extends. The docstring of each is the title of its section.
            options: Passed to ArgumentParser.
        """
        self.groups, self.sections = groups, {}
        super().__init__(arguments, allow_abbrev=False, **options)

    def add_argument(self, *names: str, **options: Any) -> Any:
        """Add an option to its section."""
        if names[0] == "-h":
            return super().add_argument(*names, **options)
        if not self.sections:
            for group in self.groups:
                section = self.add_argument_group((group.__doc__ or "").removesuffix("."))
                self.sections |= {field.name: section for field in fields(group)}
            self.sections[OTHERS] = self.add_argument_group(OTHERS)
        name = options.get("dest", names[0].removeprefix("--"))  # --no_x has the destination x
        return self.sections.get(name, self.sections[OTHERS]).add_argument(*names, **options)
