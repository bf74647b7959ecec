"""Makes text/: tiny random encoders of each family as Hugging Face folders, and what transformers makes
of two padded texts with them; and text_minilm.json: sentence-transformers' embeddings by MiniLM.

Run:  python text_encoders.py            (the tiny encoders)
      python text_encoders.py --minilm FOLDER   (MiniLM's real weights, as scripts/fetch-test-data places them)
Made with torch 2.15.0, transformers 5.23.0, sentence-transformers 6.2.0, tokenizers 0.23.3, safetensors 0.8.0,
Python 3.11 (CPU, f32).

text/FOLDER/ (bert, roberta, xlm-roberta, distilbert)
    config.json         as `save_pretrained` writes it: 2 layers, 32 features, 60 tokens, three classes
    weights             of the `ForSequenceClassification` class, in half precision to be small: the network
                        below runs in f32 on exactly these values. `model.safetensors`, but for DistilBERT
                        `pytorch_model.bin`; BERT's norms are called gamma and beta, as in old files.
    tokenizer.json      BERT and DistilBERT: vocab.txt. Words of 60 entries, enough to open the folder.
text/expected.safetensors, all f32, for each FOLDER
    FOLDER.ids          [2, 7]; the second row has 4 tokens and 3 of padding
    FOLDER.mask         [2, 7], 1 for tokens
    FOLDER.types        [2, 7] (BERT alone): the second half of each text is of type 1
    FOLDER.hidden       [2, 7, 32] last hidden states (rows of padding mean nothing)
    FOLDER.logits       [2, 3]
    bert.pooled         [2, 32] `pooler_output`
    roberta.pooler.{weight,bias}, roberta.pooled   a pooler as `RobertaModel` has it, which its classifier
                        has not, and its `pooler_output`
    bert.spans          [2, 7, 2] logits of `BertForQuestionAnswering` with the body above and the head
    bert.spans.{weight,bias}
text_minilm.json
    {"texts": ten sentences, "embeddings": ten unit vectors of 384}: mean of the tokens, length 1
"""

import argparse
import copy
import json
import shutil
from pathlib import Path

import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import (
    BertConfig,
    BertForQuestionAnswering,
    BertForSequenceClassification,
    DistilBertConfig,
    DistilBertForSequenceClassification,
    RobertaConfig,
    RobertaForSequenceClassification,
    RobertaModel,
    XLMRobertaConfig,
    XLMRobertaForSequenceClassification,
)

HERE = Path(__file__).resolve().parent
VOCABULARY = 60
LABELS = {0: "bad", 1: "good", 2: "neither"}
SENTENCES = [
    "A man is eating food.",
    "A man is eating a piece of bread.",
    "The girl is carrying a baby.",
    "How do I reset my password?",
    "I forgot my password and cannot log in.",
    "Shipping to Switzerland takes five working days.",
    "Two men pushed carts through the woods, although it had been raining for three days.",
    "x",
    "Modelwright trains, evaluates and serves models on a CPU; nothing leaves the machine!",
    "你好，世界",
]


def words(special):
    return special + [f"w{i}" for i in range(VOCABULARY - len(special))]


def write_tokenizer(folder, special):
    vocabulary = words(special)
    if special[0] == "[PAD]":
        (folder / "vocab.txt").write_text("\n".join(vocabulary) + "\n")
        return
    ids = {word: i for i, word in enumerate(vocabulary)}
    tokenizer = Tokenizer(models.WordLevel(ids, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", ids["</s>"]), ("<s>", ids["<s>"]))
    tokenizer.save(str(folder / "tokenizer.json"))


def randomize(net):
    """Values far from where training starts, so that no term is too small to be missed."""
    with torch.no_grad():
        for name, p in net.named_parameters():
            if name.endswith("LayerNorm.weight") or name.endswith("layer_norm.weight"):
                p.copy_(1 + 0.3 * torch.randn_like(p))
            else:
                p.copy_(0.25 * torch.randn_like(p))
            p.copy_(p.half().float())


def save(folder, net, config):
    folder.mkdir(parents=True)
    config.architectures = [type(net).__name__]
    config.save_pretrained(folder)
    state = {name: p.half().contiguous() for name, p in net.state_dict().items()}
    if folder.name == "distilbert":
        torch.save(state, folder / "pytorch_model.bin")
        return
    if folder.name == "bert":
        rename = lambda n: n.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta")
        state = {rename(name): p for name, p in state.items()}
    save_file(state, folder / "model.safetensors", metadata={"format": "pt"})


def batch(pad, first):
    ids = torch.randint(first, VOCABULARY, (2, 7))
    mask = torch.ones_like(ids)
    mask[1, 4:] = 0
    ids[mask == 0] = pad
    return ids, mask


@torch.no_grad()
def tiny():
    out = {}
    shutil.rmtree(HERE / "text", ignore_errors=True)
    common = dict(vocab_size=VOCABULARY, id2label=LABELS, label2id={v: k for k, v in LABELS.items()})
    usual = dict(hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64)
    cases = {
        "bert": (
            BertForSequenceClassification,
            BertConfig(**common, **usual, hidden_act="gelu", max_position_embeddings=24),
        ),
        "roberta": (
            RobertaForSequenceClassification,
            RobertaConfig(**common, **usual, hidden_act="gelu_new", max_position_embeddings=26, type_vocab_size=1,
                          layer_norm_eps=1e-5, classifier_dropout=0.3),
        ),
        "xlm-roberta": (
            XLMRobertaForSequenceClassification,
            XLMRobertaConfig(**common, **usual, hidden_act="gelu", max_position_embeddings=26, type_vocab_size=1,
                             layer_norm_eps=1e-5),
        ),
        "distilbert": (
            DistilBertForSequenceClassification,
            DistilBertConfig(**common, dim=32, n_layers=2, n_heads=2, hidden_dim=48, activation="relu",
                             max_position_embeddings=24),
        ),
    }
    for index, (name, (kind, config)) in enumerate(cases.items()):
        torch.manual_seed(index)
        net = kind(config).eval()
        randomize(net)
        folder = HERE / "text" / name
        save(folder, net, config)
        special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
        if "roberta" in name:
            special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
        write_tokenizer(folder, special)
        ids, mask = batch(config.pad_token_id, len(special))
        inputs = dict(input_ids=ids, attention_mask=mask)
        if name == "bert":
            types = torch.zeros_like(ids)
            types[:, 3:] = 1
            types[mask == 0] = 0
            inputs["token_type_ids"] = types
            out["bert.types"] = types
        body = net.base_model(**inputs)
        out[f"{name}.ids"], out[f"{name}.mask"] = ids, mask
        out[f"{name}.hidden"] = body.last_hidden_state
        out[f"{name}.logits"] = net(**inputs).logits
        if name == "bert":
            out["bert.pooled"] = body.pooler_output
            two = copy.deepcopy(config)
            two.num_labels = 2
            spans = BertForQuestionAnswering(two).eval()
            randomize(spans)
            spans.bert.load_state_dict(net.bert.state_dict(), strict=False)
            logits = spans(**inputs)
            out["bert.spans"] = torch.stack([logits.start_logits, logits.end_logits], 2)
            out["bert.spans.weight"], out["bert.spans.bias"] = spans.qa_outputs.weight, spans.qa_outputs.bias
        if name == "roberta":
            base = RobertaModel(config, add_pooling_layer=True).eval()
            randomize(base)
            base.load_state_dict(net.roberta.state_dict(), strict=False)
            out["roberta.pooled"] = base(**inputs).pooler_output
            dense = base.pooler.dense
            out["roberta.pooler.weight"], out["roberta.pooler.bias"] = dense.weight, dense.bias
    out = {name: t.detach().clone().float().contiguous() for name, t in out.items()}
    save_file(out, HERE / "text" / "expected.safetensors")


def minilm(folder):
    from sentence_transformers import SentenceTransformer

    unit = SentenceTransformer(folder, device="cpu").encode(SENTENCES, normalize_embeddings=True)
    rows = ",\n".join(json.dumps([round(float(v), 7) for v in row]) for row in unit)
    texts = json.dumps(SENTENCES, ensure_ascii=False)
    (HERE / "text_minilm.json").write_text(f'{{"texts": {texts},\n"embeddings": [\n{rows}\n]}}\n')


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--minilm", help="folder of MiniLM; makes text_minilm.json alone")
    args = parser.parse_args()
    if args.minilm:
        minilm(args.minilm)
    else:
        tiny()
