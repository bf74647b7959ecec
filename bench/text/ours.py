"""Our program as the benchmarks run it, and what they keep of its answers."""
import json

from process import execute


class Ours:
    """The binary with a folder of runs."""

    def __init__(self, binary, folder, timeout):
        self.binary = binary
        self.runs = folder / "runs"
        self.timeout = timeout

    def call(self, *arguments, threads=None):
        """The JSON that a command prints, or an error; `threads` for a command without such a setting."""
        changes = {"MODELWRIGHT_RUNS": str(self.runs), "LD_PRELOAD": None}
        changes["RAYON_NUM_THREADS"] = threads and str(threads)
        return execute([str(self.binary), *map(str, arguments), "--json"], changes, self.timeout)

    def train(self, source, task, threads, arguments):
        """A new model: the time of its epochs and of all, its scores and baselines."""
        answer = self.call("train", source, "--task", task, "--threads", threads, *arguments)
        if "error" in answer:
            return answer
        events = (self.runs / answer["run"] / "events.jsonl").read_text().splitlines()
        epochs = [e["seconds"] for e in map(json.loads, events) if e["event"] == "epoch-ended"]
        kept = {key: answer[key] for key in ("run", "parameters", "notes", "baselines", "verdict", "others_cpus")}
        times = {"seconds": sum(epochs), "epoch_seconds": epochs, "all_seconds": answer["seconds"]}
        return kept | times | scores(answer["evaluation"]) | memory(answer)

    def classify(self, table, threads, seed, arguments):
        """A text classifier of a table of prepare.py, tested on its test part."""
        columns = ["--text", "text", "--target", "label", "--split", "split"]
        return self.train(table, "text-classification", threads, [*columns, "--seed", seed, *arguments])

    def evaluate(self, run, table):
        """The scores of a model on other data."""
        answer = self.call("evaluate", run, table)
        return answer if "error" in answer else scores(answer)

    def embed(self, model, texts, index, threads, batch):
        """Embeds a text a row and writes an index."""
        options = ["-o", index, "--batch-size", batch, "--quiet"]
        answer = self.call("embed", model, texts, *options, threads=threads)
        return answer if "error" in answer else answer | memory(answer)


def scores(evaluation):
    """The scores of an evaluation; beside them, those of a model that may say that it does not know."""
    found = {key: value for key, value in evaluation.items() if isinstance(value, float)}
    return found | {f"answers_{key}": value for key, value in (evaluation.get("answers") or {}).items()}


def memory(answer):
    """The largest resident set, in the unit of the peer."""
    return {"peak_rss_mb": answer["peak_memory_bytes"] / 2**20}
