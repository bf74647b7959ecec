"""Trains small text models and compares them with what Python's libraries make of their bundles."""
import csv
import json
import os
import shutil
import sys
import tempfile
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"
import torch  # noqa: E402
import transformers  # noqa: E402
from peft import PeftModel  # noqa: E402
from sentence_transformers import SentenceTransformer  # noqa: E402
from transformers import (  # noqa: E402
    AutoModelForCausalLM,
    AutoModelForQuestionAnswering,
    AutoModelForSequenceClassification,
    AutoTokenizer,
)

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "protocol"))
from program import Program  # noqa: E402

transformers.logging.set_verbosity_error()
transformers.logging.disable_progress_bar()

MINILM = Path(os.environ["MODELWRIGHT_TEST_DATA"]) / "minilm"
TOLERANCE = 1e-4
# Most tokens of an answer.
LONGEST = 30
TEXTS = [
    "My printer does not print.",
    "Who wrote Frankenstein, and when?",
    "wifi is down AGAIN :(",
    "什么是人工智能？",
    "é à ü, 1,000.50 $ and a very long word: antidisestablishmentarianism",
    "Which planet is the hottest? " * 40,
    "ok",
]
CLASSIFIER = ["--task", "text-classification", "--text", "question", "--target", "category", "--exclude", "answer"]
BERT = ["--architecture", "bert", "--weights", str(MINILM)]


class Check:
    """The program with a folder for its models and files."""

    def __init__(self, folder):
        self.folder = folder
        self.program = Program(os.environ["MODELWRIGHT"], folder)

    def bundle(self, source, *arguments):
        return self.folder / "runs" / self.program.train(source, "--limit", "128", *arguments) / "bundle"

    def predicted(self, bundle, columns, rows):
        """What `modelwright predict` says of rows."""
        file = self.folder / "rows.csv"
        with file.open("w", newline="", encoding="utf-8") as f:
            csv.writer(f).writerows([columns, *rows])
        return self.program.predict(str(bundle), file)

    def probabilities(self, bundle):
        rows = self.predicted(bundle, ["question"], [[t] for t in TEXTS])
        return [list(row["probabilities"].values()) for row in rows]


def tokens(bundle, *texts, **more):
    """One text, or a question and its context, as a batch of one."""
    length = json.loads((bundle / "config.json").read_text())["model"]["max_length"]
    return AutoTokenizer.from_pretrained(bundle)(*texts, truncation=True, max_length=length, return_tensors="pt", **more)


def apart(ours, theirs):
    """The largest difference between two tables of numbers."""
    ours, theirs = torch.tensor(ours), torch.stack(theirs)
    assert ours.shape == theirs.shape, f"{tuple(ours.shape)} and {tuple(theirs.shape)}"
    return (ours - theirs).abs().max().item()


def same(ours, theirs):
    """An error unless two tables of numbers are near each other."""
    difference = apart(ours, theirs)
    assert difference < TOLERANCE, f"{difference} apart"


@torch.inference_mode()
def classes(model, bundle, multi_label=False):
    """Probabilities of the classes in the order of the model's labels."""
    model.eval()
    logits = [model(**tokens(bundle, text)).logits[0] for text in TEXTS]
    return [x.sigmoid() if multi_label else x.softmax(-1) for x in logits]


def a_fine_tuned_classifier(check):
    bundle = check.bundle("faq", *CLASSIFIER, *BERT)
    model = AutoModelForSequenceClassification.from_pretrained(bundle)
    same(check.probabilities(bundle), classes(model, bundle))
    labels = json.loads((bundle / "labels.json").read_text())
    assert [model.config.id2label[i] for i in range(len(labels))] == labels, "the labels differ"


# Adapters begin as nothing; a large step makes them matter.
LORA = [*BERT, "--lora-rank", "4", "--learning-rate", "0.02"]


def merged_adapters(check):
    bundle = check.bundle("faq", *CLASSIFIER, *LORA)
    same(check.probabilities(bundle), classes(AutoModelForSequenceClassification.from_pretrained(bundle), bundle))


def adapters_apart(check):
    bundle = check.bundle("faq", *CLASSIFIER, *LORA, "--adapter", "apart")
    ours = check.probabilities(bundle)
    # transformers finds the adapters in the folder; PEFT puts them on a model that has none.
    same(ours, classes(AutoModelForSequenceClassification.from_pretrained(bundle), bundle))
    base = check.folder / "base"
    shutil.copytree(bundle, base, ignore=shutil.ignore_patterns("adapter_*"))
    without = AutoModelForSequenceClassification.from_pretrained(base)
    assert apart(ours, classes(without, base)) > 0.01, "the adapters change nothing"
    same(ours, classes(PeftModel.from_pretrained(without, bundle), bundle))


def a_classifier_from_scratch(check):
    bundle = check.bundle("faq", *CLASSIFIER, "--architecture", "bert-mini", "--pooling", "cls")
    same(check.probabilities(bundle), classes(AutoModelForSequenceClassification.from_pretrained(bundle), bundle))


def several_labels(check):
    file = check.folder / "labels.csv"
    rows = [[f"{a} and {b}, number {i}", f"{a}|{b}"] for i in range(20) for a in ("red", "green") for b in ("cat", "dog")]
    with file.open("w", newline="", encoding="utf-8") as f:
        csv.writer(f).writerows([["question", "labels"], *rows])
    task = ["--task", "text-classification", "--text", "question", "--target", "labels", "--label-separator", "|"]
    bundle = check.bundle(str(file), *task, *BERT)
    model = AutoModelForSequenceClassification.from_pretrained(bundle)
    assert model.config.problem_type == "multi_label_classification", model.config.problem_type
    same(check.probabilities(bundle), classes(model, bundle, multi_label=True))


def sentence_vectors(check):
    file = check.folder / "pairs.csv"
    rows = [[f"question number {i}", f"the answer to question {i}"] for i in range(40)]
    with file.open("w", newline="", encoding="utf-8") as f:
        csv.writer(f).writerows([["question", "answer"], *rows])
    bundle = check.bundle(str(file), "--task", "text-embedding", "--text", "question", "--target", "answer", *BERT)
    ours = [row["vector"] for row in check.predicted(bundle, ["question"], [[t] for t in TEXTS])]
    model = SentenceTransformer(str(bundle), device="cpu")
    same(ours, list(torch.tensor(model.encode(TEXTS))))


CONTEXT = "Modelwright is a program. It was made in 2026 by four people in a small house near the sea."
ASKED = ["Who made it?", "When was it made?", "Where is the house?"]


def squad(folder):
    """A small file in SQuAD's format."""
    answers = ["four people", "2026", "near the sea"]
    questions = [
        {"id": str(i), "question": q, "answers": [{"text": a, "answer_start": CONTEXT.index(a)}]}
        for i, (q, a) in enumerate(zip(ASKED * 8, answers * 8, strict=True))
    ]
    file = folder / "squad.json"
    file.write_text(json.dumps({"data": [{"title": "t", "paragraphs": [{"context": CONTEXT, "qas": questions}]}]}))
    return file


@torch.inference_mode()
def spans_in_a_text(check):
    bundle = check.bundle(str(squad(check.folder)), "--task", "question-answering", *BERT)
    model = AutoModelForQuestionAnswering.from_pretrained(bundle).eval()
    ours = check.predicted(bundle, ["context", "question"], [[CONTEXT, q] for q in ASKED])
    for row, question in zip(ours, ASKED, strict=True):
        batch = tokens(bundle, question, CONTEXT, return_offsets_mapping=True)
        inside = torch.tensor([s == 1 for s in batch.sequence_ids(0)])
        offsets = batch.pop("offset_mapping")[0].tolist()
        said = model(**batch)
        start, end = (x[0].masked_fill(~inside, -torch.inf) for x in (said.start_logits, said.end_logits))
        # A span ends where it begins or after that, and has at most so many tokens.
        possible = torch.ones(len(start), len(end), dtype=torch.bool).triu().tril(LONGEST - 1)
        scores = (start[:, None] + end[None, :]).masked_fill(~possible, -torch.inf)
        first, last = divmod(scores.argmax().item(), len(end))
        expected = CONTEXT[offsets[first][0] : offsets[last][1]]
        # Ours says that there is no answer where that scores higher.
        none = (said.start_logits[0, 0] + said.end_logits[0, 0]).item() > scores.max().item()
        assert row["answer"] == (None if none else expected), f"{row['answer']!r}, not {expected!r}"


TINY = Path(__file__).resolve().parent.parent.parent / "tests/golden/decoders/llama-tied"


def talk(i):
    """A conversation of two turns."""
    said = [("user", f"hi {i}"), ("assistant", f"yes {i * i}"), ("user", "why?"), ("assistant", f"as {i} is")]
    return [{"role": role, "content": content} for role, content in said]


def talks(folder):
    """A file of conversations, of which every fourth is held out."""
    file = folder / "talks.jsonl"
    rows = [{"messages": talk(i), "split": "test" if i % 4 == 0 else "train"} for i in range(64)]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(file)


def held_out(check, bundle):
    """What the run says of its held-out conversations."""
    return json.loads((bundle.parent / "evaluation.json").read_text())["perplexity"]


@torch.inference_mode()
def perplexity(model, bundle):
    """The same of a model of transformers: of what the assistant says, up to the end of its turn."""
    tokenizer = AutoTokenizer.from_pretrained(bundle)
    model.eval()
    lost, count = 0.0, 0
    for i in range(0, 64, 4):
        messages = talk(i)
        write = lambda n, open_: tokenizer.apply_chat_template(messages[:n], tokenize=False, add_generation_prompt=open_)
        encoded = tokenizer(write(4, False), add_special_tokens=False, return_offsets_mapping=True, return_tensors="pt")
        spans = [(len(write(n, True)), len(write(n + 1, False).rstrip())) for n in (1, 3)]
        logp = model(encoded["input_ids"]).logits[0].float().log_softmax(-1)
        for t, (start, end) in enumerate(encoded["offset_mapping"][0].tolist()):
            if any(start < b and end > a for a, b in spans):
                lost -= logp[t - 1, encoded["input_ids"][0, t]].item()
                count += 1
    return torch.tensor(lost / count).exp().item()


def near(ours, theirs):
    """An error unless two perplexities are near each other."""
    assert abs(ours - theirs) < 1e-3 * theirs, f"{ours} and {theirs}"


TALK = ["--task", "chat", "--max-length", "64"]


def a_tuned_language_model(check):
    bundle = check.bundle(talks(check.folder), *TALK, "--weights", str(TINY), "--learning-rate", "0.01")
    near(held_out(check, bundle), perplexity(AutoModelForCausalLM.from_pretrained(bundle, dtype=torch.float32), bundle))


def a_language_model_with_its_adapters_apart(check):
    tuned = ["--weights", str(TINY), "--learning-rate", "0.01", "--adapter", "apart"]
    bundle = check.bundle(talks(check.folder), *TALK, *tuned)
    base = check.folder / "base"
    shutil.copytree(bundle, base, ignore=shutil.ignore_patterns("adapter_*"))
    without = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    ours = held_out(check, bundle)
    assert abs(ours - perplexity(without, bundle)) > 0.01, "the adapters change nothing"
    near(ours, perplexity(PeftModel.from_pretrained(without, bundle), bundle))


def a_language_model_from_scratch(check):
    small = ["--architecture", "gpt-mini", "--layers", "2", "--width", "64", "--vocabulary", "400"]
    bundle = check.bundle(talks(check.folder), *TALK, *small)
    near(held_out(check, bundle), perplexity(AutoModelForCausalLM.from_pretrained(bundle), bundle))


CHECKS = [
    a_fine_tuned_classifier,
    merged_adapters,
    adapters_apart,
    a_classifier_from_scratch,
    several_labels,
    sentence_vectors,
    spans_in_a_text,
    a_tuned_language_model,
    a_language_model_with_its_adapters_apart,
    a_language_model_from_scratch,
]


def main():
    failures = 0
    for check in CHECKS:
        name = check.__name__.replace("_", " ")
        with tempfile.TemporaryDirectory() as folder:
            try:
                check(Check(Path(folder)))
                print(f"passed: {name}")
            except Exception as error:
                failures += 1
                print(f"FAILED: {name}: {type(error).__name__}: {error}")
    if failures:
        sys.exit(f"check-transformers: {failures} checks failed")
    print("check-transformers: all passed")


if __name__ == "__main__":
    main()
