"""Push releases to the Hub: files of a release in, one commit of a model repository out.

Trainer's own pushing stays off: it overwrites the card, and uploads training_args.bin and possibly optimizer states.

- A push is a single commit by `create_commit`, so that a download never gets half a model. (`upload_folder` splits
  long pushes into several commits.)
- A thread pushes the models of checkpoints, one after the other, while training continues. If a push fails, it warns,
  and the next checkpoint is pushed all the same.
- Only this module holds the token. No message, record or checkpoint contains it.
"""

import logging
import shlex
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from huggingface_hub import CommitOperationAdd, HfApi
from huggingface_hub.utils import disable_progress_bars
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from modeling_dnacse.loading.hub_reasons import reason

logger = logging.getLogger("train.py")


class HubRepository:
    """A model repository of the Hub that a run pushes to."""

    def __init__(self, name: str, token: str | None = None, private: bool | None = None) -> None:
        """Note the repository; nothing is sent yet.

        Args:
            name: "owner/model".
            token: with the right to write; None: the token of HF_TOKEN or `hf auth login`.
            private: visibility of a new repository; None: as its owner's settings say.
        """
        self.name, self.private = name, private
        self._api = HfApi(token=token)
        self._pushing: threading.Thread | None = None

    def create(self) -> None:
        """Create the repository unless it exists; a failure is a warning, since a run may take days."""
        try:
            self._api.create_repo(self.name, private=self.private, exist_ok=True)
        except Exception as error:  # HTTP, network, token and name raise different classes
            logger.warning(
                "warning: %s cannot be written to on the Hub (%s); training goes on and tries again at its end",
                self.name,
                reason(error),
            )

    def push(self, folder: Path, files: Sequence[str], message: str) -> str:
        """Commit `files`, paths inside `folder`, after earlier pushes have ended; return the URL of the commit.

        Raises:
            OSError: the push failed; the message has the command that pushes later.
        """
        self.wait()
        try:
            return self._commit(folder, files, message)
        except Exception as error:  # as above; the local release exists in any case
            given = f"{shlex.quote(str(folder))} {self.name} --push{' --private' if self.private else ''}"
            raise OSError(
                f"{folder} is released, but could not be pushed to {self.name} ({reason(error)}); push it later, "
                f"without what else is there, with: python examples/push_model.py {given}"
            ) from None

    def push_later(self, draft: TemporaryDirectory, files: Sequence[str], message: str) -> None:
        """Push in a thread, which then removes the draft; a failure is a warning."""

        def push() -> None:
            with draft as folder:
                try:
                    self._commit(Path(folder), files, message)
                except Exception as error:  # as above; an error in a thread cannot be caught elsewhere
                    text = "warning: %s was not pushed to %s (%s); training goes on, and so does pushing"
                    logger.warning(text, message, self.name, reason(error))

        self.wait()  # so at most one draft takes up disk space
        self._pushing = threading.Thread(target=push)
        self._pushing.start()

    def wait(self) -> None:
        """Wait until no push is in progress."""
        if self._pushing is not None:
            self._pushing.join()

    def _commit(self, folder: Path, files: Sequence[str], message: str) -> str:
        disable_progress_bars()  # useless in a log
        self._api.create_repo(self.name, private=self.private, exist_ok=True)
        additions = [CommitOperationAdd(file, folder / file) for file in files]
        return self._api.create_commit(self.name, additions, commit_message=message).commit_url


class PushOnSave(TrainerCallback):
    """Push the model of every checkpoint but the last, in place of which the release is pushed."""

    def __init__(self, repository: HubRepository, write: Callable[[Path], Sequence[str]]) -> None:
        """Take the repository, and a function that writes the present model to a folder and returns the files."""
        self.repository, self.write = repository, write

    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Write on all processes, since FSDP keeps a part of the model on each, and push from the first."""
        if control.should_training_stop:
            return
        draft = TemporaryDirectory(prefix="dnacse-push-")
        message = f"Step {state.global_step} of {state.max_steps}"
        try:
            files = self.write(Path(draft.name))
        except OSError as error:
            logger.warning("warning: %s was not written to be pushed (%s); training goes on", message, reason(error))
            return
        if args.process_index == 0:
            self.repository.push_later(draft, files, message)
