"""Makes explain_texts.json: integrated gradients by Captum of the tiny encoders in text/.

Run:  python explain_texts.py
Made with torch 2.15.0, transformers 5.23.0, captum 0.9.0, Python 3.11 (CPU, f64).

The text is "w3 w17 w8 w3 w40 w21 w9"; its tokens stand between those that frame a text. The path goes from word
vectors of padding (framing tokens stay) to those of the text, 50 points by Gauss and Legendre's rule; the
output is the logit of a class.

Layout: {"versions", "text", "models": {FOLDER: {"ids", "class", "score", "base", "values" (a number a word, added up
over the features of its vector), "delta" (Captum's)}}} for bert, roberta, xlm-roberta and distilbert.
"""

import json
import sys
from pathlib import Path

import captum
import torch
import transformers
from captum.attr import IntegratedGradients
from transformers import AutoModelForSequenceClassification

HERE = Path(__file__).resolve().parent
WORDS = [3, 17, 8, 3, 40, 21, 9]
# Framing tokens, padding, and where w0 is in each vocabulary.
FAMILIES = {
    "bert": ("[CLS]", "[SEP]", "[PAD]"),
    "roberta": ("<s>", "</s>", "<pad>"),
    "xlm-roberta": ("<s>", "</s>", "<pad>"),
    "distilbert": ("[CLS]", "[SEP]", "[PAD]"),
}


def vocabulary(folder):
    if (folder / "vocab.txt").exists():
        return {word: i for i, word in enumerate((folder / "vocab.txt").read_text().split())}
    return json.loads((folder / "tokenizer.json").read_text())["model"]["vocab"]


def explained(name, target):
    folder = HERE / "text" / name
    net = AutoModelForSequenceClassification.from_pretrained(folder, dtype=torch.float32).eval().double()
    ids = vocabulary(folder)
    start, end, pad = (ids[token] for token in FAMILIES[name])
    text = [start, *(ids[f"w{i}"] for i in WORDS), end]
    blank = [start, *[pad] * len(WORDS), end]
    embed = net.get_input_embeddings()
    words, baseline = embed(torch.tensor([text])).detach(), embed(torch.tensor([blank])).detach()

    def forward(words):
        mask = torch.ones(words.shape[:2], dtype=torch.long)
        return net(inputs_embeds=words, attention_mask=mask).logits

    values, delta = IntegratedGradients(forward).attribute(
        words, baselines=baseline, target=target, n_steps=50, return_convergence_delta=True)
    with torch.no_grad():
        score, base = forward(words)[0, target].item(), forward(baseline)[0, target].item()
    return {"ids": text, "class": target, "score": score, "base": base,
            "values": values[0, 1:-1].sum(-1).tolist(), "delta": delta.item()}


def main():
    versions = {"python": sys.version.split()[0], "torch": torch.__version__, "captum": captum.__version__,
                "transformers": transformers.__version__}
    models = {name: explained(name, i % 3) for i, name in enumerate(FAMILIES)}
    out = {"versions": versions, "text": " ".join(f"w{i}" for i in WORDS), "models": models}
    (HERE / "explain_texts.json").write_text(json.dumps(out, indent=1) + "\n", encoding="utf-8")
    for name, of in models.items():
        print(name, of)


if __name__ == "__main__":
    main()
