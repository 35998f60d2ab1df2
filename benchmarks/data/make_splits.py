"""Split labelled sequences for evaluation: any labelled source in, a table with the splits' names and a report out.

    python benchmarks/data/make_splits.py --data bold.tsv.gz --output splits.tsv.gz --drop_leaks unseen_test novel_test
    python benchmarks/data/make_splits.py --data coi.tsv.gz --keep_splits --output checked.tsv.gz --report coi.json

Splits are drawn by hashing names, never by performance, so that records and species stay when others are added:

- `novel_test`: whole genera, a share of `NOVEL`.
- `unseen_test`, `unseen_val`: species of the other genera, shares of `UNSEEN_TEST` and `UNSEEN_VAL`; where a genus
  would keep no seen species, all of its species stay seen.
- `train`, `val`, `test`: the records of the seen species; one with `FEWEST` or more gives about `VAL` and `TEST` of
  them, and always keeps one in train.

Left out: records without a species or genus; sequences of several species, and species of several genera (ambiguous);
repeats of a sequence on either strand, except for the first record.

The leak check counts the records of each split that are identical or near-duplicates (`near_identity`, above 99.5 %)
of a record of an earlier split, in the order of `SPLITS`. Between train and test such pairs are expected, since they
share species; between seen and unseen species they are two names for one barcode. `--report` writes the counts, with
the digests of what was counted, as JSON.
"""

import argparse
import datetime
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

if not __package__:
    sys.path[0] = str(Path(__file__).resolve().parents[2])

from benchmarks.data.labelled_tables import check_table, with_own_ids, write_labelled
from benchmarks.data.name_hashes import position_of
from benchmarks.data.near_identity import DIFFERENT, find_near, index_sequences
from benchmarks.data.readers import SPLITS, files_of_source, pin, read_source
from benchmarks.data.splits import describe, seen_and_unseen, to_split
from benchmarks.report.result_files import commit, write_json
from benchmarks.report.shown_json import check_shown
from modeling_dnacse.commands.options import parsed
from modeling_dnacse.machine.earlier_outputs import check_replaced, holds_near_start
from modeling_dnacse.machine.outputs import check_outputs
from modeling_dnacse.machine.plain_messages import plain_messages, sentence_of
from modeling_dnacse.machine.provenance import package_versions, sha256_of
from modeling_dnacse.machine.signals import ending_on_signals
from modeling_dnacse.reading.sequences import reverse_complement

NOVEL = 0.033  # of the genera
UNSEEN_TEST, UNSEEN_VAL = 0.07, 0.035  # of the species
TEST, VAL = 0.15, 0.10  # of the records of a seen species
FEWEST = 4  # records of a seen species that gives some away
REPORT = holds_near_start(b'{\n "kind": "leaks",\n')

Record = dict[str, str]


def deduplicate(records: Iterable[Record]) -> tuple[list[Record], dict[str, int]]:
    """Keep one record of each sequence, if one species alone has it, and one genus that species.

    Returns:
        The records, and how many were left out as `unlabelled`, `ambiguous` and `repeated`.
    """
    first: dict[str, Record] = {}
    species, genera = defaultdict[str, set[str]](set), defaultdict[str, set[str]](set)
    counts = Counter(unlabelled=0, ambiguous=0, repeated=0)
    for record in records:
        if not (record["species"] and record["genus"]):
            counts["unlabelled"] += 1
            continue
        either = min(record["sequence"], reverse_complement(record["sequence"]))
        counts["repeated"] += either in first
        first.setdefault(either, record)
        species[either].add(record["species"])
        genera[record["species"]].add(record["genus"])
    kept = [r for either, r in first.items() if len(species[either]) == len(genera[r["species"]]) == 1]
    counts["ambiguous"] = len(first) - len(kept)
    return kept, dict(counts)


def split_species(species: Sequence[str], genera: Sequence[str]) -> dict[str, str]:
    """Assign each species to `seen` or to an unseen split (see the head of this file).

    Args:
        species: Distinct names.
        genera: The genus of each.

    >>> split_species(["Apis mellifera"], ["Apis"])
    {'Apis mellifera': 'seen'}
    """
    roles = {}
    for name, genus in zip(species, genera, strict=True):
        share = position_of(name, "unseen")
        roles[name] = "unseen_test" if share < UNSEEN_TEST else "seen"
        if UNSEEN_TEST <= share < UNSEEN_TEST + UNSEEN_VAL:
            roles[name] = "unseen_val"
        if position_of(genus, "novel_test") < NOVEL:
            roles[name] = "novel_test"
    known = {genus for name, genus in zip(species, genera, strict=True) if roles[name] in ("seen", "novel_test")}
    return {name: roles[name] if genus in known else "seen" for name, genus in zip(species, genera, strict=True)}


def split_records(identifiers: Sequence[str]) -> list[str]:
    """Divide the records of one seen species into train, val and test, by hashes of their ids."""
    shares = np.array([position_of(identifier, "record") for identifier in identifiers])
    splits = np.where(shares < TEST, "test", np.where(shares < TEST + VAL, "val", "train"))
    if len(identifiers) < FEWEST:
        splits[:] = "train"
    splits[shares.argmax()] = "train"
    return splits.tolist()


def assign(records: Sequence[Record]) -> list[Record]:
    """Give every record a split, in place of its former one."""
    genus_of = {record["species"]: record["genus"] for record in records}
    roles = split_species(list(genus_of), list(genus_of.values()))
    members: dict[str, list[str]] = {}
    for record in records:
        members.setdefault(record["species"], []).append(record["id"])
    place = {
        (name, identifier): split
        for name, identifiers in members.items()
        for identifier, split in zip(identifiers, split_records(identifiers), strict=True)
    }
    seen = (roles[record["species"]] == "seen" for record in records)
    return [
        record | {"split": place[record["species"], record["id"]] if known else roles[record["species"]]}
        for record, known in zip(records, seen, strict=True)
    ]


def find_leaks(records: Sequence[Record]) -> dict[tuple[str, str], np.ndarray]:
    """Find the records that are near to one of an earlier split.

    Returns:
        For each pair of splits (later, earlier), the rows of the later one's records that are near to one of the
        earlier, ascending; pairs of which one is empty are left out.
    """
    rows = {split: [row for row, record in enumerate(records) if record["split"] == split] for split in SPLITS}
    rows = {split: members for split, members in rows.items() if members}
    leaks = {}
    for number, earlier in enumerate(rows):
        library = index_sequences([records[row]["sequence"] for row in rows[earlier]])
        for later in list(rows)[number + 1 :]:
            bar = tqdm(rows[later], desc=f"{later} against {earlier}", leave=False)
            near = [row for row in bar if find_near(records[row]["sequence"], library) >= 0]
            leaks[later, earlier] = np.array(near, dtype=int)
    return leaks


def read_and_split(source: str, keep_splits: bool) -> tuple[list[Record], dict[str, int]]:
    """Read the records that are in a split, or put those that can be into one.

    Returns:
        The records, and how many were left out, by the reason.

    Raises:
        ValueError: As `read_source`, or no record is left.
    """
    records = list(with_own_ids(read_source(source)))
    if keep_splits:
        chosen = [record for record in records if record["split"] in SPLITS]
        left_out = {"in no split": len(records) - len(chosen)}
    else:
        kept, left_out = deduplicate(records)
        chosen = assign(kept)
    if not chosen:
        raise ValueError(f"{source} has no record to split: it needs species, or with --keep_splits splits.")
    return chosen, left_out


def make_report(records: Sequence[Record], leaks: Mapping[tuple[str, str], np.ndarray]) -> dict[str, Any]:
    """Count the records and species of each split that is there, and the leaking records of each pair of them."""
    splits = {}
    for split in SPLITS:
        names = [record["species"] for record in records if record["split"] == split]
        if names:
            splits[split] = {"records": len(names), "species": len(set(names))}
    pairs = [{"split": later, "like": earlier, "records": len(rows)} for (later, earlier), rows in leaks.items()]
    return {"splits": splits, "leaks": pairs}


def describe_run(source: str, records: Sequence[Record], table: Path) -> dict[str, Any]:
    """Describe what was checked: the data and the table by their content, the code, the day; never a path."""
    data = describe(source, {split: to_split([r for r in records if r["split"] == split]) for split in SPLITS})
    return {
        "kind": "leaks",
        "data": data.name,
        "data_sha256": data.sha256,
        "table_sha256": sha256_of(table),
        "identity_above": 1 - DIFFERENT,
        "versions": package_versions(("edlib", "numpy")),
        "commit": commit(),
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
    }


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description="Split labelled sequences for evaluation.", allow_abbrev=False)
    parser.add_argument("--data", required=True, help="labelled source, see readers.py")
    parser.add_argument("--output", type=Path, required=True, help="the table, .tsv or .tsv.gz")
    parser.add_argument("--report", type=Path, help="also write the counts of records and leaks to this .json")
    parser.add_argument("--keep_splits", action="store_true", help="keep the source's own splits and only check them")
    parser.add_argument(
        "--drop_leaks", nargs="+", default=[], choices=SPLITS[1:], help="drop these splits' leaking records"
    )
    return parsed(parser, arguments)


@plain_messages()
@ending_on_signals()
def main(arguments: list[str] | None = None) -> int:
    """Run the command line: 0, or 2 when arguments or files were wrong."""
    options = parse(arguments)
    try:
        check_outputs([options.output, options.report], files_of_source(options.data))
        check_table(options.output)
        check_replaced(options.report, REPORT, "a report of make_splits.py", None)
        source = pin(options.data)
        check_shown(Path(source).name if options.report else "", "rename the data")
        chosen, left_out = read_and_split(source, options.keep_splits)
        reasons = ", ".join(f"{count} {reason}" for reason, count in left_out.items())
        sys.stdout.write(f"{len(chosen) + sum(left_out.values())} records, {len(chosen)} kept; left out: {reasons}\n")
        if both := seen_and_unseen(chosen):
            sys.stderr.write(f"{len(both)} species are in a split of seen and in one of unseen ones: {both[0]} …\n")
        leaks = find_leaks(chosen)
        dropped = {row for (later, _), rows in leaks.items() if later in options.drop_leaks for row in rows.tolist()}
        write_labelled([record for row, record in enumerate(chosen) if row not in dropped], options.output)
        report = make_report(chosen, leaks)
        if options.report:
            asked = {"keep_splits": options.keep_splits, "drop_leaks": options.drop_leaks}
            counts = {"left_out": left_out, **report, "dropped": len(dropped)}
            write_json(describe_run(source, chosen, options.output) | asked | counts, options.report)
    except (ValueError, OSError) as error:
        sys.stderr.write(f"make_splits.py: {sentence_of(error)}\n")
        return 2
    for split, counts in report["splits"].items():
        sys.stdout.write(f"{split}: {counts['records']} records of {counts['species']} species\n")
    for (later, earlier), rows in leaks.items():
        sys.stdout.write(f"{later}: {len(rows)} records above 99.5 % identical to one of {earlier}\n")
    sys.stdout.write(f"{len(dropped)} leaking records dropped\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
