#!/usr/bin/env python3
"""Makes the tables of the text benchmarks: `text`, `label` and, in `split`, the part of each row.

    python3 bench/text/prepare.py DATA OUTPUT

DATA is the folder with the sources (see README.md). Both sides read the same table, so they train and
are tested on the same rows.
"""
import argparse
import csv
import gzip
import hashlib
from pathlib import Path

# Of each source, the columns of the table; `split` where it divides itself.
SOURCES = ("sentiment_en", "sentiment_zh", "spam", "news20")
VALIDATION, TEST = 0.1, 0.2
SEED = 42


def position(text, purpose):
    """A number from 0 to 1 that depends on the text alone, so that equal texts land in one part."""
    digest = hashlib.sha256(f"{SEED} {purpose} {text}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


def part(row):
    """The part of a row. A source's own test part is kept, and its training part gives up some for validation."""
    place = position(row["text"], "split")
    given = row.get("split")
    if given == "test" or (given is None and place < TEST):
        return "test"
    return "validation" if place > 1 - VALIDATION else "train"


def rows(path):
    """The rows of a source, with their parts; a row without text is left out."""
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if row["text"].strip():
                yield {"text": row["text"], "label": row["label"], "split": part(row)}


def limited(found, limit):
    """At most `limit` rows of each part, drawn by their text."""
    counts = {}
    for row in sorted(found, key=lambda r: position(r["text"], "limit")):
        counts[row["split"]] = counts.get(row["split"], 0) + 1
        if counts[row["split"]] <= limit:
            yield row


def table(data, name, output, limit=None):
    """Writes the table of a source into the folder `output`; returns its path and the rows of each part."""
    found = list(rows(data / f"{name}.csv.gz"))
    if limit is not None:
        found = list(limited(found, limit))
    path = output / f"{name}.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, ["text", "label", "split"], lineterminator="\n")
        writer.writeheader()
        writer.writerows(found)
    return path, {p: sum(r["split"] == p for r in found) for p in ("train", "validation", "test")}


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("data", type=Path, help="folder with the sources")
    p.add_argument("output", type=Path, help="folder for the tables")
    p.add_argument("--limit", type=int, help="at most so many rows of each part")
    args = p.parse_args()
    args.output.mkdir(parents=True, exist_ok=True)
    for name in SOURCES:
        path, counts = table(args.data, name, args.output, args.limit)
        print(path, ", ".join(f"{count} {part}" for part, count in counts.items()))


if __name__ == "__main__":
    main()
