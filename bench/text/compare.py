#!/usr/bin/env python3
"""Our texts and the peer's on this machine in alternation; writes the section "Text" of BENCHMARKS.md.

    bench/peer/install.sh && bench/text/install.sh      # once
    scripts/fetch-test-data minilm                      # once
    cargo build --release
    python3 bench/text/compare.py DATA

DATA is the folder with the sources (see README.md). All lines are kept in bench/results.
"""
import argparse
import dataclasses
import functools
import json
import os
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "bench"))
import machine  # noqa: E402
import report  # noqa: E402
from process import execute  # noqa: E402
from rounds import Rounds  # noqa: E402

import cases  # noqa: E402
import prepare  # noqa: E402
import questions  # noqa: E402
import table  # noqa: E402
from ours import Ours  # noqa: E402

PARTS = ("tuning", "small", "questions", "embedding")
PROBE_STEPS = 16
SEED = 42
# Prints the versions that matter to the peer.
VERSIONS = (
    "from importlib.metadata import version as v; "
    "print(*(f'{p} {v(p)}' for p in ('torch', 'transformers', 'peft', 'sentence-transformers', 'onnxruntime')), sep=', ')"
)


@dataclasses.dataclass(frozen=True)
class Run:
    """What is run: by whom, which case of which part, and in which round; a probe is in none."""

    side: str
    part: str
    case: str
    threads: int
    batch: int = 0
    round: int | None = None
    setting: str | None = None


class Comparison(Rounds):
    """Runs both sides and keeps what they say."""

    def __init__(self, args, folder, results):
        super().__init__(args, results)
        self.folder = folder
        self.ours = Ours(args.ours, folder, args.timeout)
        found = sorted(args.python.parents[2].glob("alloc/**/libtcmalloc_minimal.so.4"))
        self.tcmalloc = str(found[0]) if found else None
        self.tables = {}

    def measured(self, run, work):
        """A run; returns its record."""
        who = " ".join(filter(None, (run.side, run.setting)))
        return self.made(dataclasses.asdict(run), lambda record: say(f"    {who}: {table.told(record)}"), work)

    def peer(self, script, setting, *arguments):
        """What a script of the peer prints."""
        command = [str(self.args.python), str(Path(__file__).parent / script), *map(str, arguments), *setting.flags]
        return execute(command, {"LD_PRELOAD": setting.preload}, self.args.timeout)

    def best(self, ways, probe):
        """The way that is fastest in a short run; `None` if none works."""
        if len(ways) == 1:
            return ways[0]
        tried = [(probe(way), way) for way in ways]
        good = [(record["seconds"], i) for i, (record, _) in enumerate(tried) if "error" not in record]
        return tried[min(good)[1]][1] if good else None

    def data(self, name):
        """The table of a source, made once."""
        if name not in self.tables:
            path, counts = prepare.table(self.args.data, name, self.folder, self.args.limit)
            say(f"  {name}: " + ", ".join(f"{n} {part}" for part, n in counts.items()))
            self.tables[name] = path
        return self.tables[name]

    def tuning(self, threads):
        for data in self.args.data_sets:
            for mode in self.args.modes:
                for precision in self.args.precisions:
                    self.tune(cases.Tuning(data, mode, precision), threads)

    def tune(self, case, threads):
        """A fine-tuning by both sides, with another seed in each round."""
        say(f"{case.name}, threads {threads}")
        file = self.data(case.data)

        def peer(setting, round_=None):
            arguments = [file, *case.peer(self.args.weights), "--threads", threads]
            arguments += ["--steps", PROBE_STEPS] if round_ is None else ["--seed", SEED + round_]
            return self.measured(
                Run("peer", "tuning", case.name, threads, cases.BATCH, round_, setting.name),
                lambda: self.peer("peer.py", setting, *arguments),
            )

        def ours(round_):
            return self.measured(
                Run("ours", "tuning", case.name, threads, cases.BATCH, round_),
                lambda: self.ours.classify(file, threads, SEED + round_, case.ours(self.args.weights)),
            )

        setting = self.best(cases.tuning_settings(self.tcmalloc, self.args.compile), peer)
        self.alternate([ours, *([lambda i: peer(setting, i)] if setting else [])])

    def small(self, threads):
        for data in self.args.data_sets:
            for architecture in cases.SMALL:
                self.scratch(data, architecture, threads)

    def scratch(self, data, architecture, threads):
        """A small network that knows nothing at first, and the baselines beside it: ours alone."""
        name = f"{data} {architecture}"
        say(f"{name}, threads {threads}")
        file = self.data(data)
        # Epochs are the program's choice but for a smoke test.
        arguments = ["--architecture", architecture, *(["--epochs", 1] if self.args.quick else [])]
        self.measured(
            Run("ours", "small", name, threads, round=0),
            lambda: self.ours.classify(file, threads, SEED, arguments),
        )

    def questions(self, threads):
        for language in questions.FAQS:
            for model, arguments in questions.models(self.args.weights):
                self.ask(language, model, arguments, threads)

    def ask(self, language, model, arguments, threads):
        """Which answer of a FAQ a model finds for a question in other words: ours alone."""
        name = f"faq_{language} {model}"
        say(f"{name}, threads {threads}")
        asked = questions.asked(language, self.folder)
        self.measured(
            Run("ours", "questions", name, threads, round=0),
            lambda: questions.measure(self.ours, language, asked, threads, arguments),
        )

    def embedding(self, threads):
        for batch, count in self.args.sentences.items():
            self.embed(batch, count, threads)

    def embed(self, batch, count, threads):
        """Sentences a second, by us and by both peers."""
        name = f"batch {batch}"
        say(f"embedding, {name}, threads {threads}")
        rows, lines = questions.sentences(self.data("sentiment_en"), self.folder, count)

        def ours(round_):
            index = self.folder / f"index-{batch}-{threads}-{round_}"
            return self.measured(
                Run("ours", "embedding", name, threads, batch, round_),
                lambda: self.ours.embed(self.args.weights, rows, index, threads, batch),
            )

        def peer(setting, round_=None):
            arguments = [lines, "--weights", self.args.weights, "--max-length", cases.MAX_LENGTH]
            arguments += ["--threads", threads, "--batch-size", batch, "--cache", self.folder / "onnx"]
            return self.measured(
                Run(setting.engine, "embedding", name, threads, batch, round_, setting.name),
                lambda: self.peer("embed_peer.py", setting, *arguments),
            )

        sides = [ours]
        for engine in cases.ENGINES:
            if setting := self.best(cases.embedding_settings(engine, self.tcmalloc), peer):
                sides.append(functools.partial(peer, setting))
        self.alternate(sides)


def say(text):
    print(text, flush=True)


def some(known):
    """A reader of some of the known words, with commas between them."""

    def read(text):
        words = text.split(",")
        unknown = [w for w in words if w not in known]
        if unknown:
            raise argparse.ArgumentTypeError(f"no {unknown[0]!r}; there are {', '.join(known)}")
        return [w for w in known if w in words]

    return read


def arguments():
    target = Path(os.environ.get("CARGO_TARGET_DIR") or ROOT / "target")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "modelwright/test-data/minilm"
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("data", type=Path, help="folder with the sources")
    p.add_argument("--ours", type=Path, default=target / "release/modelwright", help="our program")
    p.add_argument("--python", type=Path, default=ROOT / "bench/peer/venv/bin/python", help="the peer's Python")
    p.add_argument("--weights", type=Path, default=cache, help="folder of MiniLM")
    p.add_argument("--parts", type=some(PARTS), default=list(PARTS), help=", ".join(PARTS))
    p.add_argument("--data-sets", type=some(prepare.SOURCES), default=list(prepare.SOURCES), help="some of them")
    p.add_argument("--modes", type=some(cases.MODES), default=list(cases.MODES), help="full, lora")
    p.add_argument("--precisions", type=some(cases.PRECISIONS), default=["f32"], help="f32, bf16")
    p.add_argument("--threads", default="2", help="numbers of threads, with commas")
    p.add_argument("--rounds", type=int, help="alternating rounds; the median counts (3; 1 with --quick)")
    p.add_argument("--limit", type=int, help="at most so many rows of each part of a table")
    p.add_argument("--compile", action="store_true", help="also try torch.compile")
    p.add_argument("--quick", action="store_true", help="few rows: a smoke test, no measurement")
    p.add_argument("--merge", type=Path, help="earlier results for the cases that are not run now")
    p.add_argument("--output", type=Path, default=ROOT / "BENCHMARKS.md", help="file with the section")
    p.add_argument("--timeout", type=float, default=7200, help="seconds for one run")
    args = p.parse_args()
    args.threads = sorted({int(t) for t in args.threads.split(",")})
    args.rounds = args.rounds if args.rounds is not None else 1 if args.quick else 3
    args.limit = args.limit or (96 if args.quick else None)
    # A sentence alone takes longer.
    args.sentences = {1: 64, 32: 256} if args.quick else {1: 1000, 32: 10000}
    # Not `resolve`: Python knows its virtual environment by the link that it is called through.
    args.ours, args.python, args.weights = (path.absolute() for path in (args.ours, args.python, args.weights))
    if args.rounds > 0:
        wanted = {
            args.ours: "cargo build --release",
            args.python: "run bench/peer/install.sh and bench/text/install.sh",
            args.weights: "scripts/fetch-test-data minilm",
        }
        for path, how in wanted.items():
            if not path.exists():
                p.error(f"{path} is missing: {how}")
    elif not args.merge:
        p.error("--rounds 0 measures nothing: name earlier results with --merge")
    return args


def facts(args):
    """What the figures depend on besides the code."""
    return machine.facts("text/compare.py") | {
        "ours": machine.output_of([args.ours, "--version"]),
        "peer": machine.output_of([args.python, "-c", VERSIONS]),
        "rounds": args.rounds,
        "quick": args.quick,
        "limit": args.limit,
    }


def main():
    args = arguments()
    results = ROOT / "bench/results" / f"{machine.now():%Y-%m-%d}-text.jsonl"
    results.parent.mkdir(exist_ok=True)
    # Read before this run appends to what may be the same file.
    earlier = [json.loads(line) for line in args.merge.read_text().splitlines()] if args.merge else []
    records = []
    if args.rounds > 0:
        with tempfile.TemporaryDirectory() as folder:
            comparison = Comparison(args, Path(folder), results)
            comparison.keep(facts(args))
            for part in args.parts:
                for threads in args.threads:
                    getattr(comparison, part)(threads)
            records = comparison.records
    text = table.section(report.latest(earlier + records))
    report.insert(args.output, text, table.MARKERS)
    say(f"wrote {args.output.name}" + (f", all lines are in {results.name}" if records else ""))
    return 1 if any("error" in r and r["round"] is not None for r in records) else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
