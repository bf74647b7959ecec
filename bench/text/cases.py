"""What is compared: fine-tunings, architectures, questions and embeddings, each with what both sides are told."""
import dataclasses

# Told to both sides.
EPOCHS, BATCH, MAX_LENGTH = 3, 32, 128
WEIGHT_DECAY, WARMUP, CLIP_NORM = 0.01, 0.3, 1.0
RANK, ALPHA = 8, 16
# Adapters start from nothing and take a larger rate than weights that know something.
RATES = {"full": 5e-5, "lora": 1e-3}
MODES = tuple(RATES)
PRECISIONS = ("f32", "bf16")
# The peers of embedding.
ENGINES = ("sentence-transformers", "onnxruntime")
# Trained by us alone, at the defaults that the program chooses for the data.
SMALL = ("text-cnn", "bert-mini")


@dataclasses.dataclass(frozen=True)
class Tuning:
    """A fine-tuning of the pretrained model on a table."""

    data: str
    mode: str
    precision: str

    @property
    def name(self):
        return f"{self.data} {self.mode}" + (" bf16" if self.precision == "bf16" else "")

    def ours(self, weights):
        """Arguments of `modelwright train`."""
        common = ["--architecture", "bert", "--weights", str(weights), "--max-length", str(MAX_LENGTH)]
        common += ["--epochs", str(EPOCHS), "--batch-size", str(BATCH), "--keep", "last"]
        common += ["--optimizer", "adamw", "--learning-rate", str(RATES[self.mode])]
        common += ["--weight-decay", str(WEIGHT_DECAY), "--schedule", "cosine", "--warmup", str(WARMUP)]
        common += ["--clip-norm", str(CLIP_NORM)]
        lora = ["--lora-rank", str(RANK), "--lora-alpha", str(ALPHA)]
        return common + lora * (self.mode == "lora") + ["--precision", self.precision]

    def peer(self, weights):
        """Arguments of peer.py."""
        common = ["--weights", str(weights), "--max-length", str(MAX_LENGTH), "--mode", self.mode]
        common += ["--epochs", str(EPOCHS), "--batch-size", str(BATCH)]
        common += ["--learning-rate", str(RATES[self.mode])]
        common += ["--weight-decay", str(WEIGHT_DECAY), "--warmup", str(WARMUP), "--clip-norm", str(CLIP_NORM)]
        lora = ["--lora-rank", str(RANK), "--lora-alpha", str(ALPHA)]
        return common + lora * (self.mode == "lora") + ["--bf16"] * (self.precision == "bf16")


@dataclasses.dataclass(frozen=True)
class Setting:
    """One way to run the peer."""

    name: str
    flags: tuple[str, ...]
    preload: str | None = None
    engine: str = "peer"


def tuning_settings(tcmalloc, compiled):
    """All ways that the peer's makers support and that may be its fastest."""
    suffix = "+tcmalloc" if tcmalloc else ""
    length = ("--fused", "--group-by-length")
    ways = [
        Setting("plain", ()),
        Setting(f"fused{suffix}", ("--fused",), tcmalloc),
        Setting(f"fused{suffix}+length", length, tcmalloc),
    ]
    if compiled:
        ways.append(Setting(f"compile{suffix}+length", (*length, "--compile"), tcmalloc))
    return ways


def embedding_settings(engine, tcmalloc):
    """The same for embeddings; ONNX Runtime also with its optimizer for BERT."""
    suffix = "+tcmalloc" if tcmalloc else ""
    base = ("--engine", engine)
    if engine == "onnxruntime":
        more = Setting(f"fused{suffix}", (*base, "--fuse"), tcmalloc, engine)
        return [Setting(f"plain{suffix}", base, tcmalloc, engine), more]
    ways = [Setting("plain", base, None, engine)]
    return ways + [Setting("tcmalloc", base, tcmalloc, engine)] * bool(tcmalloc)
