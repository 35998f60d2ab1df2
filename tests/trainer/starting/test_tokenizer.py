"""The tokenizer that trainer/train_tokenizer.py makes, and DNABERT-2's own with cleaned sequences."""

import random
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import AutoTokenizer, PreTrainedTokenizerFast

import trainer.train_tokenizer
from modeling_dnacse.embedding.tokenization import alphabet_normalizer
from modeling_dnacse.machine.locks import Lock
from modeling_dnacse.reading.sequences import clean_sequence
from trainer.train_tokenizer import SPECIAL_TOKENS, bases_per_token, main, train_tokenizer

SCRIPT = Path(__file__).parents[3] / "trainer" / "train_tokenizer.py"
RAW = "acgturyswkmbdhvnxACGTURYSWKMBDHVNX-. \t\n"


def barcodes(number: int = 60, length: int = 300) -> list[str]:
    """Related sequences, so that pairs repeat: one ancestor, 5 % substitutions each, some N."""
    generator = random.Random(0)
    ancestor = generator.choices("ACGT", k=length)
    return [
        "".join(generator.choice("ACGTN") if generator.random() < 0.05 else base for base in ancestor)
        for _ in range(number)
    ]


@pytest.fixture(scope="module")
def tokenizer() -> PreTrainedTokenizerFast:
    return train_tokenizer(barcodes(), vocab_size=200)


def test_special_tokens_have_dnabert2s_ids(tokenizer):
    assert tokenizer.convert_ids_to_tokens(range(9)) == [*SPECIAL_TOKENS, *"ACGT"]
    assert (tokenizer.unk_token_id, tokenizer.cls_token_id, tokenizer.sep_token_id) == (0, 1, 2)
    assert (tokenizer.pad_token_id, tokenizer.mask_token_id) == (3, 4)
    assert len(tokenizer) == 200


def test_template_padding_and_outputs(tokenizer):
    batch = tokenizer(["ACGT", "ACGTACGTNACGT"], padding=True)
    assert set(batch) == {"input_ids", "attention_mask"}
    first = batch["input_ids"][0]
    assert first[0] == 1
    assert first[sum(batch["attention_mask"][0]) - 1] == 2
    assert first[-1] == 3
    assert tokenizer.convert_ids_to_tokens(tokenizer("A", "C")["input_ids"]) == ["[CLS]", "A", "[SEP]", "C", "[SEP]"]
    assert tokenizer.model_max_length > 10**9


def test_tokens_are_bases_only_and_spell_the_sequence(tokenizer):
    learnt = [token for token in tokenizer.get_vocab() if not token.startswith("[")]
    assert all(set(token) <= set("ACGT") for token in learnt)
    sequence = barcodes(1)[0].replace("N", "")
    assert "".join(tokenizer.tokenize(sequence)) == sequence


def test_a_run_of_n_is_one_unknown_token(tokenizer):
    assert tokenizer("ACGTNNNNNNACGT")["input_ids"] == tokenizer("ACGTNACGT")["input_ids"]
    assert tokenizer("NNNN")["input_ids"] == [1, 0, 2]


def test_raw_and_cleaned_sequences_give_the_same_ids(tokenizer):
    generator = random.Random(1)
    for length in range(0, 300, 7):
        raw = "".join(generator.choices(RAW, k=length))
        assert tokenizer(raw)["input_ids"] == tokenizer(clean_sequence(raw))["input_ids"]
        assert alphabet_normalizer().normalize_str(raw) == clean_sequence(raw)


def test_no_merge_crosses_an_n():
    tokenizer = train_tokenizer(["ACNGT" * 50], vocab_size=20)
    assert not {"CG", "ACGT", "ACG", "CGT"} & set(tokenizer.get_vocab())


@pytest.mark.parametrize("longest", [2, 3, 8, None])
def test_tokens_are_no_longer_than_asked(longest):
    vocabulary = train_tokenizer(barcodes(), vocab_size=1000, max_token_length=longest).get_vocab()
    lengths = [len(token) for token in vocabulary if not token.startswith("[")]
    assert (max(lengths) == longest) if longest else (max(lengths) > 16)


def test_training_is_deterministic(tmp_path):
    for folder in ("first", "second"):
        train_tokenizer(barcodes(), vocab_size=300).save_pretrained(tmp_path / folder)
    files = [(tmp_path / folder / "tokenizer.json").read_bytes() for folder in ("first", "second")]
    assert files[0] == files[1]


def test_saved_and_loaded_it_is_the_same(tokenizer, tmp_path):
    tokenizer.save_pretrained(tmp_path)
    loaded = AutoTokenizer.from_pretrained(tmp_path)
    text = ["acgunnnACGT", barcodes(1)[0]]
    assert loaded(text, padding=True).data == tokenizer(text, padding=True).data
    assert loaded.padding_side == "right"
    assert loaded.all_special_ids == tokenizer.all_special_ids


def test_more_entries_give_longer_tokens():
    small, large = (bases_per_token(train_tokenizer(barcodes(), vocab_size=size), barcodes()) for size in (20, 400))
    assert 1 < small < large


@pytest.mark.parametrize(("keywords", "words"), [({"vocab_size": 8}, "at least 9"), ({"max_token_length": 1}, "2 bp")])
def test_too_small_is_refused(keywords, words):
    with pytest.raises(ValueError, match=words):
        train_tokenizer(barcodes(), **keywords)


def test_command_trains_by_split_and_refuses_to_overwrite(tmp_path, caplog):
    caplog.set_level("INFO")
    table = tmp_path / "f.tsv"
    rows = [f"{index}\t{sequence}\ttrain" for index, sequence in enumerate(barcodes())]
    table.write_text("\n".join(["id\tsequence\tsplit", *rows, "x\t" + "GATTACA" * 40 + "\tval"]) + "\n")
    options = f"--train_file {table} --train_split train --vocab_size 100 --output_dir {tmp_path / 'out'}".split()
    main(options)
    assert "Read 60 records" in caplog.text
    assert "bp per token" in caplog.text
    expected = train_tokenizer(barcodes(), vocab_size=100)
    assert AutoTokenizer.from_pretrained(tmp_path / "out").get_vocab() == expected.get_vocab()
    with pytest.raises(SystemExit) as stopped:
        main(options)
    assert stopped.value.code == 2
    assert "holds a tokenizer already" in caplog.text


def test_a_killed_command_that_has_written_its_tokenizer_leaves_no_draft(tmp_path, monkeypatch):
    """The next run is refused then, before it could remove what the killed one left."""
    (tmp_path / "tmp").mkdir()
    (tmp_path / "a.fasta").write_text("".join(f">{number}\n{text}\n" for number, text in enumerate(barcodes())))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    written, write = [], trainer.train_tokenizer.written_whole

    def watched(path):
        assert not list((tmp_path / "tmp").iterdir())
        written.append(path.name)
        return write(path)

    monkeypatch.setattr(trainer.train_tokenizer, "written_whole", watched)
    main(["--train_file", str(tmp_path / "a.fasta"), "--output_dir", str(tmp_path / "out"), "--vocab_size", "100"])
    assert written[-1] == "tokenizer.json"


def test_command_samples_by_its_seed(tmp_path):
    (tmp_path / "f.fa").write_text("".join(f">{index}\n{sequence}\n" for index, sequence in enumerate(barcodes())))
    texts = []
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        options = f"--train_file {tmp_path}/f.fa --max_sequences 10 --vocab_size 100 --seed {seed}"
        main([*options.split(), "--output_dir", str(tmp_path / name)])
        texts.append((tmp_path / name / "tokenizer.json").read_text())
    assert texts[0] == texts[1] != texts[2]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("--train_split nowhere", "no record has the split 'nowhere'"),
        ("--max_token_length 1", "max_token_length 1 is too small"),
    ],
)
def test_command_answers_bad_arguments_in_one_sentence(tmp_path, caplog, options, words):
    (tmp_path / "f.fa").write_text(">a\nACGT\n")
    with pytest.raises(SystemExit) as stopped:
        main(["--train_file", str(tmp_path / "f.fa"), "--output_dir", str(tmp_path / "out"), *options.split()])
    assert stopped.value.code == 2
    assert words in caplog.text
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_script_runs_from_anywhere_and_fails_without_a_traceback(tmp_path):
    script = Path(__file__).parents[3] / "trainer" / "train_tokenizer.py"
    command = [sys.executable, script, "--train_file", "absent.fa", "--output_dir", tmp_path]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == 2
    assert done.stderr == "error: absent.fa: No such file or directory; give the path of a readable file\n"


def dnabert2_lookalike(folder: Path) -> PreTrainedTokenizerFast:
    """DNABERT-2's layout with few merges: no normalizer, white space splits, one [UNK] for each N."""
    tokens = [*SPECIAL_TOKENS, *"ACGT", "AC", "GT", "ACGT"]
    vocabulary = {token: index for index, token in enumerate(tokens)}
    backend = Tokenizer(models.BPE(vocabulary, [("A", "C"), ("G", "T"), ("AC", "GT")], unk_token="[UNK]"))
    backend.pre_tokenizer = pre_tokenizers.Whitespace()
    backend.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 1), ("[SEP]", 2)]
    )
    backend.add_special_tokens(tokens[:5])
    backend.save(str(folder / "tokenizer.json"))
    names = dict(zip(("unk", "cls", "sep", "pad", "mask"), tokens, strict=False))
    return PreTrainedTokenizerFast(
        tokenizer_file=str(folder / "tokenizer.json"), **{f"{name}_token": token for name, token in names.items()}
    )


def test_dnabert2s_tokenizer_works_with_cleaned_sequences(tmp_path):
    theirs = dnabert2_lookalike(tmp_path)
    assert theirs(clean_sequence("acgu-AC gt"))["input_ids"] == [1, 11, 11, 2]
    assert theirs(clean_sequence("acgtRNNa"))["input_ids"] == [1, 11, 0, 0, 0, 5, 2]
    assert 0 in theirs("acgt")["input_ids"], "without cleaning lower case is lost"


def test_two_runs_into_one_folder_do_not_mix(tmp_path, caplog):
    source, output = tmp_path / "in.fasta", tmp_path / "new" / "out"
    source.write_text("".join(f">r{number}\n{text}\n" for number, text in enumerate(barcodes(4))))
    arguments = ["--train_file", str(source), "--output_dir", str(output), "--vocab_size", "20"]
    output.mkdir(parents=True)
    with Lock(output / ".lock", "busy"), pytest.raises(SystemExit) as stop:
        main(arguments)
    assert stop.value.code == 2 and "another run writes to" in caplog.text and not any(output.iterdir())
    main(arguments)
    assert {path.name for path in output.iterdir()} == {"tokenizer.json", "tokenizer_config.json"}
    with pytest.raises(SystemExit):
        main([*arguments[:3], str(tmp_path / "other"), "--train_split", "none"])
    assert not (tmp_path / "other").exists()
