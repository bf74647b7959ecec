"""The section "Text" of BENCHMARKS.md."""
from report import Row, cell, divided, judged

from cases import ENGINES

MARKERS = ("<!-- text:begin -->", "<!-- text:end -->")
# Time of a fine-tuning over the peer's, and the accuracy that it may cost, in points.
TIME_TARGET, ACCURACY_TARGET = 0.6, 0.5
SIMPLE = ("naive Bayes on n-grams", "logistic regression on n-grams")


def told(record):
    """A run in a few words."""
    if "error" in record:
        return f"failed: {record['error']}"
    words = [f"{record['seconds']:.1f} s"] if "seconds" in record else []
    if "sentences_per_second" in record:
        words.append(f"{record['sentences_per_second']:.0f} sentences/s")
    for name in ("accuracy", "recall_at_1"):
        if name in record:
            words.append(f"{name} {percent(record[name])}")
    if record["busy"]:
        words.append(f"(busy: others {record['others_cpus']})")
    return ", ".join(words)


def percent(value):
    return f"{100 * value:.2f} %"


class Case:
    """What was measured of one case with one number of threads."""

    def __init__(self, records):
        self.sides = {}
        for record in records:
            if record["round"] is not None and "error" not in record:
                self.sides.setdefault(record["side"], []).append(record)

    def median(self, side, what):
        return Row.median(self.sides.get(side, []), what)

    def mean(self, side, what):
        values = [r[what] for r in self.sides.get(side, []) if what in r]
        return sum(values) / len(values) if values else None

    def seconds(self, side, what="seconds"):
        mark = "*" if any(r["busy"] for r in self.sides.get(side, [])) else ""
        return cell(self.median(side, what), lambda v: f"{v:.1f}") + mark

    def setting(self, side):
        records = self.sides.get(side)
        return records[0]["setting"] if records else "-"

    def memory(self, side):
        """The peer's is less what it holds after its import."""
        return self.median(side, lambda r: r["peak_rss_mb"] - r.get("rss_import_mb", 0))


def of_part(rows, part):
    """The cases of a part, with their names and numbers of threads."""
    return {
        (name, threads): Case(records)
        for (name, _, threads), records in rows.items()
        if any(r.get("part") == part for r in records)
    }


def row(*cells):
    return f"| {' | '.join(cells)} |"


def tunings(found):
    lines = [
        "### Fine-tuning MiniLM",
        "",
        "Means of accuracy on the test part, medians of time and memory over the rounds, each of which has another seed. "
        "`epochs` is training with a look at the validation part after each; `all` is from reading the table to the scores "
        "of the test part, ours with its baselines and the bundle.",
        "",
        "| data, what is trained | threads | accuracy, ours / peer | epochs, ours / peer, s | ratio | all, ours / peer, s "
        "| ratio | peer's setting | memory, ours / peer, MB |",
        "|---|--:|--:|--:|--:|--:|--:|---|--:|",
    ]
    for (name, threads), case in found.items():
        ours, peer = case.mean("ours", "accuracy"), case.mean("peer", "accuracy")
        as_good = None not in (ours, peer) and 100 * (peer - ours) <= ACCURACY_TARGET
        ratios = [divided(case.median("ours", k), case.median("peer", k)) for k in ("seconds", "all_seconds")]
        epochs, whole = (judged(r, "{:.2f}".format, lambda v: v <= TIME_TARGET and as_good) for r in ratios)
        memory = [cell(case.memory(side), "{:.0f}".format) for side in ("ours", "peer")]
        lines.append(
            row(
                name,
                str(threads),
                f"{judged(ours, percent, lambda _: as_good)} / {cell(peer, percent)}",
                f"{case.seconds('ours')} / {case.seconds('peer')}",
                epochs,
                f"{case.seconds('ours', 'all_seconds')} / {case.seconds('peer', 'all_seconds')}",
                whole,
                case.setting("peer"),
                " / ".join(memory),
            )
        )
    return lines


def models(small, tuned):
    """Accuracy and time of every model on every table: rows are tables, columns models."""
    grid = {}
    for found in (small, tuned):
        for (name, _), case in found.items():
            data, model = name.split(" ", 1)
            if model.endswith("bf16"):
                continue
            for record in case.sides.get("ours", []):
                for simple in record.get("baselines", []):
                    grid.setdefault(data, {})[simple["name"]] = (simple["score"], simple["seconds"])
            if model in ("full", "lora"):
                model = f"MiniLM {model}"
            if case.sides.get("ours"):
                figures = case.mean("ours", "accuracy"), case.median("ours", "all_seconds")
                grid.setdefault(data, {})[model] = figures
    columns = list(dict.fromkeys([*SIMPLE, *(m for models in grid.values() for m in models)]))
    lines = [
        "### What a larger model earns",
        "",
        "Accuracy on the test part (time of the whole training in seconds), ours. Bold: the best.",
        "",
        row("data", *columns),
        "|---|" + "--:|" * len(columns),
    ]
    for data, cells in grid.items():
        best = max(accuracy for accuracy, _ in cells.values())
        shown = []
        for accuracy, seconds in (cells.get(c, (None, None)) for c in columns):
            text = "-" if accuracy is None else f"{percent(accuracy)} ({seconds:.1f})"
            shown.append(f"**{text}**" if accuracy == best else text)
        lines.append(row(data, *shown))
    return lines


def answers(found):
    lines = [
        "### Answers of a FAQ",
        "",
        "60 questions in other words than the FAQ's and 20 that it has no answer to, in each language, all written by hand "
        "([tests/data/faq](tests/data/faq/README.md)). `right of answered` leaves out what the model said it does not know; "
        "`refused` is the share of the 20 of which it said so.",
        "",
        row("FAQ, model", "recall@1", "recall@5", "MRR", "answered", "right of answered", "refused", "made in, s"),
        "|---|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for (name, _), case in found.items():
        scores = [cell(case.mean("ours", k), percent) for k in ("recall_at_1", "recall_at_5")]
        scores.append(cell(case.mean("ours", "mrr"), "{:.3f}".format))
        scores += [cell(case.mean("ours", k), percent) for k in ("answers_answered", "answers_right", "answers_refusal_recall")]
        lines.append(row(name, *scores, case.seconds("ours", "all_seconds")))
    return lines


def embeddings(found):
    lines = [
        "### Embedding with MiniLM",
        "",
        "Sentences a second of English reviews, tweets and newspapers, tokens and network, in f32. ONNX Runtime with all "
        "of its optimizations, and its optimizer for BERT where that is faster.",
        "",
        "| case | threads | ours | sentence-transformers | ONNX Runtime | ours over sentence-transformers | ours over ONNX Runtime |",
        "|---|--:|--:|--:|--:|--:|--:|",
    ]
    for (name, threads), case in found.items():
        ours, *peers = (case.median(side, "sentences_per_second") for side in ("ours", *ENGINES))
        rates = [cell(rate, "{:.0f}".format) for rate in (ours, *peers)]
        more = [judged(divided(ours, rate), "{:.2f}".format, lambda v: v > 1) for rate in peers]
        lines.append(row(name, str(threads), *rates, *more))
    return lines


def section(found):
    """Everything between the markers."""
    machines, rows = found
    lines = [
        "## Text",
        "",
        "Classification, answers and embeddings with MiniLM (`all-MiniLM-L6-v2`), ours and the peer's (PyTorch with transformers, "
        "PEFT and sentence-transformers at the fastest of their settings; ONNX Runtime), on the same rows. "
        "[bench/text/README.md](bench/text/README.md) says how to repeat it. Bold: the target is met.",
        "",
    ]
    if machines:
        m = machines[-1]
        lines += [
            f"- Processor: {m['cpu']}, {m['cores']} cores; {', '.join(m['sets'])}",
            f"- Versions: {m['rustc']}; {m['ours']}; {m['peer']}",
            f"- Date: {m['date']}; alternating rounds: {m['rounds']}",
            f"- Command: `{m['command']}`",
            "",
        ]
        if len(machines) > 1:
            lines += ["Rows come from several runs of the command; these are the particulars of the last.", ""]
        if any(m["quick"] for m in machines):
            lines += ["**Quick run with few rows: a smoke test, not a measurement.**", ""]
        elif limits := {m["limit"] for m in machines if m["limit"]}:
            lines += [f"At most {max(limits)} rows of each part.", ""]
    tuned, small = of_part(rows, "tuning"), of_part(rows, "small")
    parts = [
        (tunings, [tuned]),
        (models, [small, tuned]),
        (answers, [of_part(rows, "questions")]),
        (embeddings, [of_part(rows, "embedding")]),
    ]
    for write, cases in parts:
        if any(cases):
            lines += [*write(*cases), ""]
    return "\n".join(lines).rstrip()
