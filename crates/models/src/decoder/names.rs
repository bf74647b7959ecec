//! Names of parameters: here (Hugging Face's of Llama), in GPT-2's files, in GGUF.

use super::config::{DecoderConfig, DecoderFamily};

/// A layer inside a block: here, in Hugging Face's GPT-2, in GGUF. Layers that files of GPT-2 have as
/// one are `attn.c_attn` and `attn_qkv` for all three.
const PARTS: [[&str; 3]; 11] = [
    ["input_layernorm", "ln_1", "attn_norm"],
    ["self_attn.q_proj", "attn.c_attn", "attn_q"],
    ["self_attn.k_proj", "attn.c_attn", "attn_k"],
    ["self_attn.v_proj", "attn.c_attn", "attn_v"],
    ["self_attn.o_proj", "attn.c_proj", "attn_output"],
    ["self_attn.q_norm", "", "attn_q_norm"],
    ["self_attn.k_norm", "", "attn_k_norm"],
    ["post_attention_layernorm", "ln_2", "ffn_norm"],
    ["mlp.gate_proj", "", "ffn_gate"],
    ["mlp.up_proj", "mlp.c_fc", "ffn_up"],
    ["mlp.down_proj", "mlp.c_proj", "ffn_down"],
];

/// What is not in a block: here, in Hugging Face's GPT-2, in GGUF.
const OUTSIDE: [[&str; 3]; 4] = [
    ["model.embed_tokens", "transformer.wte", "token_embd"],
    ["model.embed_positions", "transformer.wpe", "position_embd"],
    ["model.norm", "transformer.ln_f", "output_norm"],
    ["lm_head", "lm_head", "output"],
];

/// Where a parameter is in a file, and what has to be done to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Piece {
    /// The tensor in the file.
    pub name: String,
    /// The first row of the parameter in it and all its rows, where it holds several parameters.
    pub part: Option<(usize, usize)>,
    /// Whether it is `[in, out]` there.
    pub transposed: bool,
    /// The heads whose features are in the order of GGUF's Llama.
    pub mixed: Option<usize>,
}

impl Piece {
    /// The shape of the tensor in the file of a parameter of this shape.
    pub fn shape(&self, parameter: &[usize]) -> Vec<usize> {
        let mut shape = parameter.to_vec();
        if let (Some((_, rows)), Some(first)) = (self.part, shape.first_mut()) {
            *first = rows;
        }
        if self.transposed {
            shape.reverse();
        }
        shape
    }
}

/// Layer, block, and `weight` or `bias` of a name here.
fn split(name: &str) -> Option<(Option<&str>, &str, &str)> {
    let (layer, leaf) = name.rsplit_once('.')?;
    match layer.strip_prefix("model.layers.") {
        Some(rest) => {
            let (block, part) = rest.split_once('.')?;
            Some((Some(block), part, leaf))
        }
        None => Some((None, layer, leaf)),
    }
}

/// Where `name` is in a Hugging Face folder of this family.
pub(super) fn in_hugging_face(c: &DecoderConfig, name: &str) -> Option<Piece> {
    let plain = |name: String| Piece {
        name,
        part: None,
        transposed: false,
        mixed: None,
    };
    if c.family != DecoderFamily::Gpt2 {
        return Some(plain(name.into()));
    }
    let (block, part, leaf) = split(name)?;
    let Some(block) = block else {
        let row = OUTSIDE.iter().find(|row| row[0] == part)?;
        return Some(plain(format!("{}.{leaf}", row[1])));
    };
    let row = PARTS
        .iter()
        .find(|row| row[0] == part && !row[1].is_empty())?;
    Some(Piece {
        part: fused(c, part),
        // Conv1D, as OpenAI's code calls a linear layer.
        transposed: leaf == "weight" && !row[1].starts_with("ln_"),
        ..plain(format!("transformer.h.{block}.{}.{leaf}", row[1]))
    })
}

/// Where `name` is in a GGUF file of this family; `mixed` if rows of queries and keys are in the order
/// of GGUF's Llama.
pub(super) fn in_gguf(c: &DecoderConfig, mixed: bool, name: &str) -> Option<Piece> {
    let (block, part, leaf) = split(name)?;
    let (table, block) = match block {
        Some(block) => (&PARTS[..], format!("blk.{block}.")),
        None => (&OUTSIDE[..], String::new()),
    };
    let row = table.iter().find(|row| row[0] == part)?;
    let part_of = (c.family == DecoderFamily::Gpt2)
        .then(|| fused(c, part))
        .flatten();
    let theirs = match part_of {
        Some(_) => "attn_qkv",
        None => row[2],
    };
    let heads = match part {
        "self_attn.q_proj" => Some(c.heads),
        "self_attn.k_proj" => Some(c.kv_heads),
        _ => None,
    };
    Some(Piece {
        name: format!("{block}{theirs}.{leaf}"),
        part: part_of,
        transposed: false,
        mixed: heads.filter(|_| mixed),
    })
}

/// Which rows of the fused layer of GPT-2 a layer is.
fn fused(c: &DecoderConfig, part: &str) -> Option<(usize, usize)> {
    let place = ["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"];
    let place = place.iter().position(|known| *known == part)?;
    Some((place * c.query_rows(), 3 * c.query_rows()))
}

/// All parameters with their shapes.
pub(super) fn all(c: &DecoderConfig) -> impl Iterator<Item = (String, Vec<usize>)> + use<> {
    let c = c.clone();
    let (h, v) = (c.hidden, c.vocabulary);
    let mut outside: Vec<(String, Vec<usize>)> =
        vec![("model.embed_tokens.weight".into(), vec![v, h])];
    if c.family.learned_positions() {
        outside.push(("model.embed_positions.weight".into(), vec![c.positions, h]));
    }
    outside.push(("model.norm.weight".into(), vec![h]));
    if c.family.layer_norm() {
        outside.push(("model.norm.bias".into(), vec![h]));
    }
    if !c.tied {
        outside.push(("lm_head.weight".into(), vec![v, h]));
    }
    let blocks = (0..c.layers).flat_map(move |i| {
        let parts = block(&c).into_iter();
        parts.map(move |(part, shape)| (format!("model.layers.{i}.{part}"), shape))
    });
    outside.into_iter().chain(blocks)
}

/// The parameters of one block.
fn block(c: &DecoderConfig) -> Vec<(String, Vec<usize>)> {
    let (h, wide) = (c.hidden, c.intermediate);
    let mut found = Vec::new();
    for [part, ..] in PARTS {
        let (weight, bias) = match part {
            "input_layernorm" | "post_attention_layernorm" => (vec![h], c.family.layer_norm()),
            "self_attn.q_proj" => (vec![c.query_rows(), h], c.qkv_bias),
            "self_attn.k_proj" | "self_attn.v_proj" => (vec![c.kv_rows(), h], c.qkv_bias),
            "self_attn.o_proj" => (vec![h, c.query_rows()], c.output_bias),
            "mlp.down_proj" => (vec![h, wide], c.mlp_bias),
            "mlp.up_proj" => (vec![wide, h], c.mlp_bias),
            "mlp.gate_proj" if c.family.gated() => (vec![wide, h], c.mlp_bias),
            "self_attn.q_norm" | "self_attn.k_norm" if c.qk_norm => (vec![c.head_dim], false),
            _ => continue,
        };
        let rows = weight[0];
        found.push((format!("{part}.weight"), weight));
        if bias {
            found.push((format!("{part}.bias"), vec![rows]));
        }
    }
    found
}

/// The number of the block in a name of a file of any kind.
pub(super) fn block_of_file(name: &str) -> Option<usize> {
    let rest = ["model.layers.", "layers.", "transformer.h.", "h.", "blk."]
        .iter()
        .find_map(|prefix| name.strip_prefix(prefix))?;
    rest.split('.').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::super::config::tests::tiny;
    use super::*;

    fn gpt2() -> DecoderConfig {
        DecoderConfig {
            family: DecoderFamily::Gpt2,
            kv_heads: 4,
            qkv_bias: true,
            output_bias: true,
            mlp_bias: true,
            ..tiny()
        }
    }

    #[test]
    fn llama_in_gguf_has_other_names_and_mixed_heads() {
        let piece = |name| in_gguf(&tiny(), true, name).unwrap();
        let query = piece("model.layers.1.self_attn.q_proj.weight");
        assert_eq!(
            (query.name.as_str(), query.mixed),
            ("blk.1.attn_q.weight", Some(4))
        );
        assert_eq!(
            piece("model.layers.0.self_attn.k_proj.weight").mixed,
            Some(2)
        );
        assert_eq!(piece("model.embed_tokens.weight").name, "token_embd.weight");
        assert_eq!(piece("lm_head.weight").name, "output.weight");
        let down = piece("model.layers.0.mlp.down_proj.weight");
        assert_eq!(
            (down.name.as_str(), down.mixed),
            ("blk.0.ffn_down.weight", None)
        );
    }

    #[test]
    fn gpt2_has_one_layer_for_queries_keys_and_values() {
        let c = gpt2();
        let key = "model.layers.0.self_attn.k_proj.weight";
        let piece = in_hugging_face(&c, key).unwrap();
        assert_eq!(piece.name, "transformer.h.0.attn.c_attn.weight");
        assert_eq!(piece.part, Some((32, 96)));
        assert!(piece.transposed);
        assert_eq!(piece.shape(&[32, 32]), [32, 96]);
        let piece = in_gguf(&c, false, key).unwrap();
        assert_eq!(piece.name, "blk.0.attn_qkv.weight");
        assert_eq!(piece.shape(&[32, 32]), [96, 32]);
        let norm = in_hugging_face(&c, "model.layers.0.input_layernorm.weight").unwrap();
        assert_eq!(norm.name, "transformer.h.0.ln_1.weight");
        assert!(!norm.transposed);
        let positions = in_gguf(&c, false, "model.embed_positions.weight").unwrap();
        assert_eq!(positions.name, "position_embd.weight");
        assert_eq!(
            in_hugging_face(&c, "model.layers.0.mlp.gate_proj.weight"),
            None
        );
    }

    #[test]
    fn blocks_of_files_are_counted() {
        for name in ["model.layers.7.x", "transformer.h.7.y", "blk.7.z", "h.7.y"] {
            assert_eq!(block_of_file(name), Some(7));
        }
        assert_eq!(block_of_file("output.weight"), None);
    }
}
