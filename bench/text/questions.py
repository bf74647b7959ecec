"""Questions to a FAQ in other words, and sentences to embed."""
import csv
from pathlib import Path

# The program's data set of each language.
FAQS = {"en": "faq", "zh": "faq-zh"}
ASKED = Path(__file__).resolve().parent.parent.parent / "tests/data/faq"


def read(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def write(path, columns, rows):
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return path


def asked(language, folder):
    """The paraphrases with what they mean, and the questions that have no answer, as one table."""
    rows = read(ASKED / f"paraphrases_{language}.csv")
    rows += [row | {"expected": ""} for row in read(ASKED / f"out_of_scope_{language}.csv")]
    return write(folder / f"asked_{language}.csv", ["question", "expected"], rows)


def models(weights):
    """What finds the answers, with the arguments of its training."""
    return [
        ("words", ["--architecture", "linear"]),
        ("MiniLM", ["--architecture", "bert", "--weights", str(weights)]),
    ]


def measure(ours, language, table, threads, arguments):
    """A model of a FAQ and how it answers the questions of a table."""
    made = ours.train(FAQS[language], "question-answering", threads, arguments)
    if "error" in made:
        return made
    scores = ours.evaluate(made["run"], table)
    return scores if "error" in scores else made | scores


def sentences(table, folder, count):
    """The first different sentences of a table, as rows for us and as lines for the peer."""
    texts = list(dict.fromkeys(row["text"] for row in read(table)))[:count]
    rows = write(folder / f"sentences-{count}.csv", ["text"], [{"text": t} for t in texts])
    lines = rows.with_suffix(".txt")
    lines.write_text("".join(f"{t}\n" for t in texts), encoding="utf-8")
    return rows, lines
