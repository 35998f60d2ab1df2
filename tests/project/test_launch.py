"""accelerate takes our configurations as they stand, and starts processes that train as one, on one machine or two."""

import json
import os
import re
import shlex
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from accelerate.commands.config.config_args import load_config_from_file
from accelerate.commands.launch import launch_command_parser
from accelerate.utils import DistributedType

from modeling_dnacse import DnacseModel

ROOT = Path(__file__).parents[2]
FSDP, MULTI_NODE = "trainer/configs/fsdp.yaml", "trainer/configs/multi_node.yaml"


def command_of(path):
    """The command in the head of a configuration, as accelerate reads it, and the options of train.py in it."""
    head = re.sub(r"^# ?", "", (ROOT / path).read_text().partition("compute_environment")[0], flags=re.M)
    command = re.search(r"accelerate launch ((?:.*\\\n)*.*)", head).group(1)
    options = launch_command_parser().parse_args(
        [word for word in shlex.split(command.replace("\\\n", " ")) if word != "…"]
    )
    assert options.config_file == path and options.training_script == "trainer/train.py"
    return options


def test_the_fsdp_configuration_is_accelerates():
    config = load_config_from_file(str(ROOT / FSDP))
    assert config.distributed_type == DistributedType.FSDP
    assert (config.num_machines, config.num_processes, config.mixed_precision) == (1, 8, "bf16")
    options = command_of(FSDP)
    assert config.fsdp_config.keys() <= vars(options).keys()  # one that accelerate does not know would do nothing
    assert options.training_script_args == ["--cached_chunk_size", "64"]
    assert config.fsdp_config["fsdp_version"] == 2
    assert config.fsdp_config["fsdp_state_dict_type"] == "FULL_STATE_DICT"  # checkpoints load anywhere
    assert [config.fsdp_config["fsdp_transformer_layer_cls_to_wrap"]] == DnacseModel._no_split_modules


def test_the_multi_node_configuration_is_accelerates():
    config = load_config_from_file(str(ROOT / MULTI_NODE))
    assert config.distributed_type == DistributedType.MULTI_GPU
    assert (config.num_machines, config.num_processes, config.mixed_precision) == (2, 16, "bf16")
    assert (config.machine_rank, config.main_process_port, config.rdzv_backend) == (0, 29500, "static")
    assert config.same_network
    options = command_of(MULTI_NODE)
    assert (options.machine_rank, options.main_process_ip) == (0, "HOST0")
    assert options.training_script_args == ["--ddp_timeout", "3600"]


@pytest.fixture
def launch(fasta, tiny_folder, tmp_path):
    """Start `accelerate launch` with these options and train two steps on CPUs, which gloo joins."""
    training = [
        *("--train_file", str(fasta), "--config_name", str(tiny_folder), "--tokenizer_name", str(tiny_folder)),
        *("--curriculum", "weighted_simclr:2steps", "--per_device_train_batch_size", "4", "--logging_steps", "1"),
        *("--validation_fraction", "0", "--save_strategy", "no", "--disable_tqdm", "true"),
        *("--use_cpu", "--ddp_backend", "gloo", "--output_dir", str(tmp_path / "out")),
    ]

    def start(*options):
        launcher = [sys.executable, "-m", "accelerate.commands.launch", *options, "trainer/train.py", *training]
        environment = os.environ | {"OMP_NUM_THREADS": "1"}
        return subprocess.Popen(
            launcher, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )

    return start


@pytest.mark.slow
def test_two_machines_train_as_the_configuration_says(launch, tmp_path):
    """The command of multi_node.yaml once a machine, here both on this one and with one process each."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    meeting = ["--main_process_ip", "127.0.0.1", "--main_process_port", str(port)]
    machines = [
        launch("--config_file", MULTI_NODE, "--num_processes", "2", "--machine_rank", rank, *meeting)
        for rank in ("0", "1")
    ]
    said = [machine.communicate(timeout=300)[0] for machine in machines]
    assert [machine.returncode for machine in machines] == [0, 0], "\n".join(said)
    assert ["released" in text for text in said] == [True, False]  # one process of all tells
    record = json.loads((tmp_path / "out" / "training.json").read_text())
    assert (record["processes"], record["steps"]) == (2, 2)
    steps = [entry for entry in json.loads((tmp_path / "out" / "training_log.json").read_text()) if "loss" in entry]
    assert len(steps) == 2 and all(entry["loss"] > 0 for entry in steps)
