"""Scripts without the packages they need end in one sentence, and packages are needed only where they are used."""

import os
import shutil
import subprocess
import sys
from importlib import import_module
from itertools import pairwise
from pathlib import Path

import pytest

from tests.support.marker import simulate_marker, write_marker

ROOT = Path(__file__).parents[3]
WITHOUT = """
import runpy, sys
missing, sys.argv = sys.argv[1], sys.argv[2:]
sys.modules |= dict.fromkeys(missing.split(","))  # which makes Python find no such package
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def run_without(missing, script, *options):
    """Run a script of trainer/ where packages are missing: exit code and stderr."""
    command = [sys.executable, "-c", WITHOUT, missing, str(ROOT / "trainer" / script), *options]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    return done.returncode, done.stderr


@pytest.mark.parametrize(
    ("missing", "script"),
    [
        ("accelerate,datasets", "train.py"),
        ("scipy", "fit_embeddings.py"),
        ("torch,transformers,dnaio", "finish.py"),
        ("transformers", "train_tokenizer.py"),
    ],
)
def test_a_missing_package_is_one_sentence(missing, script):
    code, said = run_without(missing, script, "--help")
    assert code == 2 and said == (
        f"{script}: error: Python cannot find {missing.replace(',', ', ')}; install DNACSE with the extra `train`, in "
        "its folder: pip install -c constraints.txt -e '.[train]'\n"
    )


@pytest.mark.slow
def test_what_does_not_train_needs_no_extra():
    """Both in one process, which saves the seconds of importing torch twice."""
    both = "".join(
        f"sys.argv = ['{ROOT}/trainer/{script}', '--help']\ntry: runpy.run_path(sys.argv[0], run_name='__main__')\n"
        "except SystemExit as ended: assert ended.code == 0\n"
        for script in ("finish.py", "train_tokenizer.py")
    )
    missing = "sys.modules |= dict.fromkeys(('accelerate', 'datasets', 'pysam', 'scipy'))"
    done = subprocess.run(
        [sys.executable, "-c", f"import runpy, sys\n{missing}\n{both}"], cwd=ROOT, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "") and done.stdout.count("usage: ") == 2


@pytest.mark.parametrize(
    ("script", "options"),
    [
        (
            "trainer.fit_sites",
            "columns=0 ridge=-1 crop=0 coverage=nan most=0 margin=-1 least_share=inf kmer=0 seed=-1",
        ),
        ("trainer.fit_sites", "site_kmer=14 site_candidates=0 joint_candidates=0 site_block=-1 site_support=-1"),
        ("trainer.fit_sites", "site_reach=501 seed=-1"),
        ("trainer.fit_embeddings", "constant=nan shrinkage=-1 seed=1e9"),
        ("trainer.fit_merges", "rounds=0 seed=-1"),
        ("trainer.finish", "start_share=1.5 sequences=0 seed=-1"),
        ("trainer.train_tokenizer", "vocab_size=99999999999999999999 max_token_length=-1 max_sequences=0 seed=-1"),
        ("benchmarks.run", "max_sequences=0 seed=-1 batch_tokens=0"),
        ("benchmarks.data.simulate", "species=0 records_per_species=-1 shortest=0 error_rate=nan seed=-1"),
        ("benchmarks.data.simulate_genomes", "species=0 strains=0 genome_length=0 shortest=0 longest=0 error_rate=2"),
        ("benchmarks.data.make_contigs", "shortest=0 longest=0 most=0 merge_identity=nan unseen_share=2 seed=-1"),
        ("benchmarks.data.make_classification", "most=0"),
    ],
)
def test_numbers_out_of_their_range_are_refused(script, options, capsys):
    """They gave tracebacks, waited for terabytes, or were taken silently."""
    for option in options.split():
        with pytest.raises(SystemExit, match="2"):
            import_module(script).main([f"--{option}"])
        assert f"argument --{option.partition('=')[0]}: " in capsys.readouterr().err, option


TRAINERS = {
    "fit_sites": ["--output_dir", "out"],
    "fit_embeddings": ["--config_name", "none", "--tokenizer_name", "none", "--output_dir", "out"],
    "fit_merges": ["--model", "none"],
    "finish": ["--model", "none", "--output_dir", "out"],
    "train_tokenizer": ["--output_dir", "out"],
}


@pytest.mark.parametrize("script", TRAINERS)
def test_data_that_are_no_file_or_change_are_refused(script, tmp_path, monkeypatch, caplog, capsys):
    """A FIFO was waited for; a file that was replaced meanwhile gave a model with the digest of the other one."""
    monkeypatch.chdir(tmp_path)
    trainer, options = import_module(f"trainer.{script}"), TRAINERS[script]
    os.mkfifo("fifo.fasta")
    data = tmp_path / "data.fasta"
    data.write_text(">a\nACGT\n")
    monkeypatch.setattr(trainer, "run", lambda _: data.write_text("other"))
    for name, words in (("fifo.fasta", "is no regular file"), ("data.fasta", "changed while it was being read")):
        with pytest.raises(SystemExit, match="2"):
            trainer.main([*options, "--train_file", name])
        assert f"{name} {words}" in caplog.text
    with pytest.raises(SystemExit, match="2"):
        trainer.main([*options, "--train_file", ""])
    assert "an argument is empty" in capsys.readouterr().err


@pytest.mark.parametrize("script", [name for name in TRAINERS if name != "fit_merges"])
def test_a_file_that_is_given_twice_is_refused(script, tmp_path, monkeypatch, caplog):
    """Each of its records counted twice."""
    monkeypatch.chdir(tmp_path)
    Path("data.fasta").write_text(">a\nACGT\n")
    Path("link.fasta").symlink_to("data.fasta")
    with pytest.raises(SystemExit, match="2"):
        import_module(f"trainer.{script}").main([*TRAINERS[script], "--train_file", "data.fasta", "link.fasta"])
    assert "link.fasta is given twice, and each of its records would count twice; give it once" in caplog.text


def test_only_genomes_need_pysam(fasta, tiny_folder, tmp_path, monkeypatch, capsys):
    for name in [name for name in sys.modules if name.split(".")[0] == "trainer"]:
        monkeypatch.delitem(sys.modules, name)  # so that whatever it imports is missed again
    monkeypatch.setattr(sys, "argv", ["train.py"])
    monkeypatch.setitem(sys.modules, "pysam", None)
    monkeypatch.setitem(sys.modules, "scipy", None)
    train = import_module("trainer.train")
    options = [
        *("--train_file", str(fasta), "--model_name_or_path", str(tiny_folder)),
        *("--curriculum", "info_nce:1steps", "--per_device_train_batch_size", "2", "--validation_fraction", "0"),
        *("--save_strategy", "no", "--use_cpu"),
    ]
    train.main([*options, "--output_dir", str(tmp_path / "out")])
    with pytest.raises(SystemExit, match="2"):
        train.main([*options, "--pairing", "same_record_fragments", "--output_dir", str(tmp_path / "other")])
    said = capsys.readouterr().err
    assert "train.py: error: Python cannot find pysam; install DNACSE with the extra" in said
    assert "Traceback" not in said


@pytest.mark.parametrize("script", TRAINERS)
def test_files_with_splits_are_not_read_whole(script, tiny_folder, site_folder, tmp_path, monkeypatch, caplog):
    """Without --train_split, all scripts but train.py learnt from test records silently."""
    monkeypatch.chdir(tmp_path)
    rows = simulate_marker(seed=1)
    for number, row in enumerate(rows):
        row["split"] = ("train", "test")[number % 2]
    write_marker(Path("splits.tsv"), rows)
    model = shutil.copytree(site_folder if script == "fit_merges" else tiny_folder, "model")
    names = {"--model": model, "--config_name": model, "--tokenizer_name": model}
    words = [str(names.get(before, word)) for before, word in pairwise(["", *TRAINERS[script]])]
    with pytest.raises(SystemExit, match="2"):
        import_module(f"trainer.{script}").main([*words, "--train_file", "splits.tsv"])
    assert "the training data have the splits test, train: say which to take with --train_split" in caplog.text
    assert not Path("out").exists()
