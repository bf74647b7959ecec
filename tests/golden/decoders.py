"""Makes decoders/: tiny random language models of each family as Hugging Face folders and GGUF files, and
the logits that transformers computes with them.

Run:  python decoders.py            (the tiny models)
      python decoders.py --smollm2 FILE   (SmolLM2's real weights, as scripts/fetch-test-data places them)
Made with torch 2.15.0, transformers 5.23.0, tokenizers 0.23.3, safetensors 0.8.0, gguf 0.19.0, numpy 2.4.6,
Python 3.11 (CPU, f32).

decoders/FOLDER/
    config.json, model.safetensors as `save_pretrained` writes them, tokenizer.json (byte pairs, 96 tokens)
    llama       untied, 4 heads of queries and 2 of keys, rotation scaled as Llama 3.1's; bf16 in two files
    llama-tied  tied, biases of attention and perceptron, rotation scaled linearly; f32
    mistral     a window of 6 tokens; f16
    qwen2       biases of queries, keys and values; f16
    qwen3       norms of queries and keys, heads of 16 features; bf16
    gpt2        f16
decoders/FOLDER.gguf
    the same weights as llama.cpp's converter lays them out (rows of queries and keys of Llama and Mistral
    permuted): llama f16, llama-tied f32, mistral f16 with a SentencePiece vocabulary, qwen2 q8_0, qwen3
    bf16, gpt2 q8_0
decoders/quants.gguf
    a Llama whose layers are of all formats: q4_0, q4_1, q5_0, q5_1, q8_0 by gguf's quantizers, q4_K, q5_K
    and q6_K of random blocks
decoders/expected.safetensors, f32
    ids                     [2, 12] tokens
    FOLDER.logits           [2, 12, 96] of the folder's weights
    FOLDER.gguf.logits      of the file's weights, dequantized by gguf
    quants.gguf.logits
decoders_smollm2.json
    of SmolLM2-135M-Instruct Q4_1, its tokenizer and dequantized weights as transformers reads them from the
    file: {"texts": [{"text", "ids", "top": the 8 likeliest next tokens, "logits": theirs}]}
"""

import argparse
import copy
import json
import math
import shutil
from pathlib import Path

import numpy as np
import torch
from gguf import GGMLQuantizationType as Q
from gguf import GGUFWriter, TokenType, quants
from safetensors.torch import save_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import (
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    MistralConfig,
    MistralForCausalLM,
    Qwen2Config,
    Qwen2ForCausalLM,
    Qwen3Config,
    Qwen3ForCausalLM,
)

HERE = Path(__file__).resolve().parent / "decoders"
VOCABULARY = 96
SPECIAL = ["<|end|>", "<|start|>", "<|stop|>"]
TEMPLATE = (
    "{% for m in messages %}<|start|>{{ m['role'] }}\n{{ m['content'] }}<|stop|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|start|>assistant\n{% endif %}"
)
SIZES = dict(
    vocab_size=VOCABULARY,
    hidden_size=32,
    intermediate_size=64,
    num_hidden_layers=2,
    num_attention_heads=4,
    num_key_value_heads=2,
    max_position_embeddings=64,
)
ENDS = dict(bos_token_id=1, eos_token_id=2)
LLAMA3 = dict(
    rope_type="llama3",
    rope_theta=10000.0,
    factor=4.0,
    low_freq_factor=1.0,
    high_freq_factor=4.0,
    original_max_position_embeddings=32,
)


def byte_pairs():
    """Tokens and merges: special ones, printable characters as bytes, and some pairs."""
    letters = [chr(c) for c in range(97, 123)] + [chr(c) for c in range(48, 58)]
    letters += [chr(c) for c in range(65, 91)] + ["Ġ", "Ċ", ".", ",", "!", "?", "<", ">", "|", "_"]
    merges = [("t", "h"), ("th", "e"), ("Ġ", "a"), ("Ġ", "the"), ("i", "n"), ("a", "n")]
    merges += [("an", "d"), ("Ġ", "and"), ("e", "r"), ("o", "u"), ("Ġ", "w"), ("Ġ", "h")]
    tokens = SPECIAL + letters + [a + b for a, b in merges]
    tokens += [f"[unused{i}]" for i in range(VOCABULARY - len(tokens))]
    assert len(tokens) == VOCABULARY == len(set(tokens))
    return tokens, merges


def write_tokenizer(folder):
    tokens, merges = byte_pairs()
    tokenizer = Tokenizer(models.BPE({t: i for i, t in enumerate(tokens)}, merges))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(SPECIAL)
    tokenizer.save(str(folder / "tokenizer.json"))
    settings = {"bos_token": SPECIAL[1], "eos_token": SPECIAL[2], "chat_template": TEMPLATE}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings, indent=1))
    (folder / "generation_config.json").write_text(json.dumps({"eos_token_id": [2, 0]}))


def randomize(model, seed):
    """Weights large enough for every part to matter."""
    generator = torch.Generator().manual_seed(seed)
    for name, p in model.named_parameters():
        noise = torch.randn(p.shape, generator=generator)
        if "norm" in name or ".ln_" in name:
            p.data = noise * 0.2 + (0.0 if name.endswith("bias") else 1.0)
        else:
            p.data = noise * (0.3 if p.dim() == 1 else 0.25)
    return model.eval()


def logits(model, ids):
    with torch.no_grad():
        return model(ids).logits.contiguous()


def half(model, dtype):
    """Rounds all weights; the network goes on in f32 on exactly these values."""
    for p in model.parameters():
        p.data = p.data.to(dtype).float()
    return model


def save(name, model, dtype, shard=None):
    folder = HERE / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    options = {"max_shard_size": shard} if shard else {}
    # A copy, because the frequencies of the rotation would be rounded with the weights.
    copy.deepcopy(model).to(dtype).save_pretrained(folder, **options)
    write_tokenizer(folder)


def permute(weight, heads):
    """As llama.cpp's converter: neighbours are rotated with each other."""
    rows = weight.shape[0]
    return weight.reshape(heads, 2, rows // heads // 2, *weight.shape[1:]).swapaxes(1, 2).reshape(weight.shape)


def unpermute(weight, heads):
    rows = weight.shape[0]
    return weight.reshape(heads, rows // heads // 2, 2, *weight.shape[1:]).swapaxes(1, 2).reshape(weight.shape)


LLAMA_NAMES = {
    "model.embed_tokens": "token_embd",
    "model.norm": "output_norm",
    "lm_head": "output",
    "input_layernorm": "attn_norm",
    "post_attention_layernorm": "ffn_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "self_attn.q_norm": "attn_q_norm",
    "self_attn.k_norm": "attn_k_norm",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}
GPT2_NAMES = {
    "transformer.wte": "token_embd",
    "transformer.wpe": "position_embd",
    "transformer.ln_f": "output_norm",
    "ln_1": "attn_norm",
    "ln_2": "ffn_norm",
    "attn.c_attn": "attn_qkv",
    "attn.c_proj": "attn_output",
    "mlp.c_fc": "ffn_up",
    "mlp.c_proj": "ffn_down",
}


def to_gguf(name):
    layer, leaf = name.rsplit(".", 1)
    for prefix, names in (("model.layers.", LLAMA_NAMES), ("transformer.h.", GPT2_NAMES)):
        if layer.startswith(prefix):
            block, part = layer[len(prefix) :].split(".", 1)
            return f"blk.{block}.{names[part]}.{leaf}"
    return f"{(LLAMA_NAMES | GPT2_NAMES)[layer]}.{leaf}"


def sentence_pieces():
    tokens = ["<unk>", "<s>", "</s>"]
    pieces = ["▁t", "he", "▁the", "in", "▁a", "an", "er", "▁w", "ou", "nd", "and", "▁and", "▁h"]
    letters = ["▁"] + [chr(c) for c in range(97, 123)] + [chr(c) for c in range(65, 91)] + list(".,!?")
    scores = [0.0] * 3 + [-float(i) for i in range(len(pieces))] + [-100.0 - i for i in range(len(letters))]
    tokens += pieces + letters
    kinds = [TokenType.UNKNOWN, TokenType.CONTROL, TokenType.CONTROL] + [TokenType.NORMAL] * (len(tokens) - 3)
    spare = VOCABULARY - len(tokens)
    tokens += [f"<spare{i}>" for i in range(spare)]
    return tokens, scores + [-1000.0] * spare, kinds + [TokenType.UNUSED] * spare


def write_vocabulary(writer, pieces):
    if pieces:
        tokens, scores, kinds = sentence_pieces()
        writer.add_tokenizer_model("llama")
        writer.add_token_list(tokens)
        writer.add_token_scores(scores)
        writer.add_token_types(kinds)
        writer.add_bos_token_id(1)
        writer.add_eos_token_id(2)
        writer.add_unk_token_id(0)
        return
    tokens, merges = byte_pairs()
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(tokens)
    unused = lambda t: TokenType.UNUSED if t.startswith("[unused") else TokenType.NORMAL
    writer.add_token_types([TokenType.CONTROL if t in SPECIAL else unused(t) for t in tokens])
    writer.add_token_merges([f"{a} {b}" for a, b in merges])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_chat_template(TEMPLATE)


def write_config(writer, c, arch):
    gpt2 = arch == "gpt2"
    writer.add_name(f"tiny {arch}")
    writer.add_block_count(c.num_hidden_layers)
    writer.add_context_length(c.max_position_embeddings)
    writer.add_embedding_length(c.hidden_size)
    writer.add_feed_forward_length(4 * c.hidden_size if gpt2 else c.intermediate_size)
    writer.add_head_count(c.num_attention_heads)
    if gpt2:
        writer.add_layer_norm_eps(c.layer_norm_epsilon)
        return
    writer.add_head_count_kv(c.num_key_value_heads)
    writer.add_layer_norm_rms_eps(c.rms_norm_eps)
    writer.add_rope_freq_base(c.rope_parameters["rope_theta"])
    dim = getattr(c, "head_dim", None) or c.hidden_size // c.num_attention_heads
    writer.add_key_length(dim)
    writer.add_value_length(dim)
    writer.add_rope_dimension_count(dim)
    if getattr(c, "sliding_window", None) and arch == "llama":
        writer.add_sliding_window(c.sliding_window)
    rope = c.rope_parameters
    if rope["rope_type"] == "linear":
        writer.add_string(f"{arch}.rope.scaling.type", "linear")
        writer.add_float32(f"{arch}.rope.scaling.factor", rope["factor"])
    if rope["rope_type"] == "llama3":
        writer.add_tensor("rope_freqs.weight", llama3_factors(rope, dim))


def llama3_factors(rope, dim):
    """As llama.cpp's converter: what each frequency is divided by."""
    low = rope["original_max_position_embeddings"] / rope["low_freq_factor"]
    high = rope["original_max_position_embeddings"] / rope["high_freq_factor"]
    factors = []
    for i in range(0, dim, 2):
        wave = 2 * math.pi * rope["rope_theta"] ** (i / dim)
        if wave < high:
            factors.append(1.0)
        elif wave > low:
            factors.append(rope["factor"])
        else:
            smooth = (rope["original_max_position_embeddings"] / wave - rope["low_freq_factor"]) / (
                rope["high_freq_factor"] - rope["low_freq_factor"]
            )
            factors.append(1 / ((1 - smooth) / rope["factor"] + smooth))
    return np.array(factors, dtype=np.float32)


def random_blocks(shape, kind):
    """Blocks of a K format with small scales, which gguf can read but not write."""
    rng = np.random.default_rng(int(kind))
    size, length = {Q.Q4_K: (144, 256), Q.Q5_K: (176, 256), Q.Q6_K: (210, 256)}[kind]
    blocks = rng.integers(0, 256, (math.prod(shape) // length, size), dtype=np.uint8)
    scale = lambda factor: (rng.random(len(blocks)) * factor + factor / 2).astype(np.float16)
    as_bytes = lambda x: x[:, None].view(np.uint8)
    if kind == Q.Q6_K:
        blocks[:, 208:210] = as_bytes(scale(3e-4))
    else:
        blocks[:, 0:2] = as_bytes(scale(6e-4))
        blocks[:, 2:4] = as_bytes(scale(5e-3))
    return blocks.reshape(*shape[:-1], shape[-1] // length * size)


def write_gguf(name, model, arch, kind_of, pieces=False):
    """Writes the file, and leaves in `model` the weights as the file has them."""
    c = model.config
    writer = GGUFWriter(HERE / f"{name}.gguf", arch)
    write_config(writer, c, arch)
    write_vocabulary(writer, pieces)
    state = dict(model.named_parameters())
    for theirs, parameter in state.items():
        value = parameter.data.float().numpy()
        turned = arch == "gpt2" and value.ndim == 2 and ".h." in theirs
        if turned:
            value = value.T
        heads = None
        if arch == "llama" and "q_proj" in theirs:
            heads = c.num_attention_heads
        if arch == "llama" and "k_proj" in theirs:
            heads = c.num_key_value_heads
        if heads:
            value = permute(value, heads)
        value = np.ascontiguousarray(value)
        kind = kind_of(to_gguf(theirs)) if value.ndim == 2 else Q.F32
        if kind in (Q.Q4_K, Q.Q5_K, Q.Q6_K):
            data = random_blocks(value.shape, kind)
        else:
            data = quants.quantize(value, kind)
        writer.add_tensor(to_gguf(theirs), data, raw_dtype=kind)
        back = quants.dequantize(data, kind).reshape(value.shape).astype(np.float32)
        if heads:
            back = unpermute(back, heads)
        parameter.data = torch.from_numpy(np.ascontiguousarray(back.T if turned else back))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


TEXTS = [
    "<|im_start|>user\nWhat is the capital of France?<|im_end|>\n<|im_start|>assistant\n",
    "Once upon a time, in 1984, there were 3.14 dragons who didn't   sleep.",
    "def add(a, b):\n    return a + b\n\n\nprint(add(1, 2))\t# 3",
    "你好，世界！Émile's naïve café 🙂 costs €12,345.67",
]


def smollm2(path):
    from transformers import AutoModelForCausalLM, AutoTokenizer

    place = dict(pretrained_model_name_or_path=path.parent, gguf_file=path.name)
    tokenizer = AutoTokenizer.from_pretrained(**place)
    model = AutoModelForCausalLM.from_pretrained(**place, dtype=torch.float32).eval()
    texts = []
    for text in TEXTS:
        ids = tokenizer(text, add_special_tokens=False)["input_ids"]
        last = logits(model, torch.tensor([ids]))[0, -1]
        top = last.topk(8)
        values = [round(v, 4) for v in top.values.tolist()]
        texts.append({"text": text, "ids": ids, "top": top.indices.tolist(), "logits": values})
    place = HERE.parent / "decoders_smollm2.json"
    place.write_text(json.dumps({"texts": texts}, ensure_ascii=False, indent=1) + "\n")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--smollm2", type=Path)
    given = parser.parse_args().smollm2
    if given:
        smollm2(given)
        return
    shutil.rmtree(HERE, ignore_errors=True)
    HERE.mkdir()
    generator = torch.Generator().manual_seed(1)
    ids = torch.randint(3, VOCABULARY, (2, 12), generator=generator)
    expected = {"ids": ids.float()}
    default = dict(rope_type="default", rope_theta=10000.0)
    linear = dict(rope_type="linear", rope_theta=10000.0, factor=2.0)
    llama = lambda **k: LlamaForCausalLM(LlamaConfig(**SIZES, **k))
    cases = [
        ("llama", llama(rope_parameters=LLAMA3, tie_word_embeddings=False), torch.bfloat16, "llama", Q.F16),
        (
            "llama-tied",
            llama(rope_parameters=linear, tie_word_embeddings=True, attention_bias=True, mlp_bias=True),
            torch.float32,
            "llama",
            Q.F32,
        ),
        (
            "mistral",
            MistralForCausalLM(MistralConfig(**SIZES, sliding_window=6, rope_parameters=default)),
            torch.float16,
            "llama",
            Q.F16,
        ),
        ("qwen2", Qwen2ForCausalLM(Qwen2Config(**SIZES, rope_parameters=default)), torch.float16, "qwen2", Q.Q8_0),
        (
            "qwen3",
            Qwen3ForCausalLM(Qwen3Config(**SIZES, head_dim=16, rope_parameters=default, tie_word_embeddings=True)),
            torch.bfloat16,
            "qwen3",
            Q.BF16,
        ),
        (
            "gpt2",
            GPT2LMHeadModel(GPT2Config(vocab_size=VOCABULARY, n_positions=64, n_embd=32, n_layer=2, n_head=4, **ENDS)),
            torch.float16,
            "gpt2",
            Q.Q8_0,
        ),
    ]
    for seed, (name, model, dtype, arch, kind) in enumerate(cases):
        half(randomize(model, seed), dtype)
        save(name, model, dtype, "40KB" if name == "llama" else None)
        expected[f"{name}.logits"] = logits(model, ids)
        write_gguf(name, model, arch, lambda _, kind=kind: kind, pieces=name == "mistral")
        expected[f"{name}.gguf.logits"] = logits(model, ids)

    sizes = SIZES | dict(intermediate_size=256, num_hidden_layers=3)
    model = randomize(LlamaForCausalLM(LlamaConfig(**sizes, rope_parameters=default, tie_word_embeddings=True)), 9)
    kinds = {"attn_q": Q.Q4_0, "attn_k": Q.Q4_1, "attn_v": Q.Q5_0, "attn_output": Q.Q5_1, "ffn_gate": Q.Q8_0}
    kinds |= {"ffn_up": Q.Q4_0, "token_embd": Q.Q8_0}
    down = [Q.Q4_K, Q.Q5_K, Q.Q6_K]

    def kind_of(name):
        part = name.split(".")[-2]
        return down[int(name.split(".")[1])] if part == "ffn_down" else kinds[part]

    write_gguf("quants", model, "llama", kind_of)
    expected["quants.gguf.logits"] = logits(model, ids)
    save_file(expected, HERE / "expected.safetensors")
    for path in HERE.rglob("*.safetensors"):
        path.chmod(0o644)


main()
