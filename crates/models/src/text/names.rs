//! Names of parameters, here and in Hugging Face's files.
//!
//! Here all families share one set of names; Rust has no field `self`, as `attention.self.query` would
//! need. Files have each family's own.

use super::encoder_config::{EncoderConfig, Family};

/// A layer inside a block: here, in BERT and RoBERTa, in DistilBERT.
const PARTS: [[&str; 3]; 8] = [
    ["query", "attention.self.query", "attention.q_lin"],
    ["key", "attention.self.key", "attention.k_lin"],
    ["value", "attention.self.value", "attention.v_lin"],
    [
        "attention_output",
        "attention.output.dense",
        "attention.out_lin",
    ],
    [
        "attention_norm",
        "attention.output.LayerNorm",
        "sa_layer_norm",
    ],
    ["intermediate", "intermediate.dense", "ffn.lin1"],
    ["output", "output.dense", "ffn.lin2"],
    ["output_norm", "output.LayerNorm", "output_layer_norm"],
];

/// A layer of the embeddings: here and in files.
const EMBEDDINGS: [[&str; 2]; 4] = [
    ["words", "word_embeddings"],
    ["positions", "position_embeddings"],
    ["types", "token_type_embeddings"],
    ["norm", "LayerNorm"],
];

impl Family {
    /// What the names of the body begin with.
    pub(super) fn prefix(self) -> &'static str {
        match self {
            Self::Bert => "bert.",
            Self::Roberta | Self::XlmRoberta => "roberta.",
            Self::Distilbert => "distilbert.",
        }
    }

    fn blocks(self) -> &'static str {
        match self {
            Self::Distilbert => "transformer.layer.",
            _ => "encoder.layer.",
        }
    }

    /// The name of a layer inside a block.
    pub(super) fn part(self, ours: &str) -> &'static str {
        let column = if self == Self::Distilbert { 2 } else { 1 };
        let row = PARTS.iter().find(|row| row[0] == ours);
        row.map_or("", |row| row[column])
    }

    /// Where the first linear layer of a classifier is.
    fn pooler(self) -> &'static str {
        match self {
            Self::Bert => "bert.pooler.dense.",
            Self::Roberta | Self::XlmRoberta => "classifier.dense.",
            Self::Distilbert => "pre_classifier.",
        }
    }

    /// The name in a file of the parameter that is `name` here.
    pub(super) fn to_file(self, name: &str) -> String {
        if let Some(rest) = name.strip_prefix("encoder.blocks.") {
            let mut parts = rest.splitn(3, '.');
            let mut next = || parts.next().unwrap_or_default();
            let (index, part, leaf) = (next(), next(), next());
            let (prefix, blocks) = (self.prefix(), self.blocks());
            return format!("{prefix}{blocks}{index}.{}.{leaf}", self.part(part));
        }
        if let Some(rest) = name.strip_prefix("encoder.embeddings.") {
            let (part, leaf) = rest.split_once('.').unwrap_or((rest, ""));
            let theirs = EMBEDDINGS.iter().find(|row| row[0] == part);
            let theirs = theirs.map_or(part, |row| row[1]);
            return format!("{}embeddings.{theirs}.{leaf}", self.prefix());
        }
        if let Some(leaf) = name.strip_prefix("encoder.pooler.") {
            return format!("{}{leaf}", self.pooler());
        }
        if let Some(leaf) = name.strip_prefix("spans.") {
            return format!("qa_outputs.{leaf}");
        }
        match name.strip_prefix("classifier.") {
            Some(leaf) if self.is_roberta() => format!("classifier.out_proj.{leaf}"),
            _ => name.into(),
        }
    }

    /// The name here of the parameter that a file calls `name`; `None` for what no network here has,
    /// such as the head of masked language models.
    pub(super) fn name_of_file(self, name: &str) -> Option<String> {
        // The names of TensorFlow's norms live on in old files.
        let name = name
            .replace("LayerNorm.gamma", "LayerNorm.weight")
            .replace("LayerNorm.beta", "LayerNorm.bias");
        let body = name.strip_prefix(self.prefix()).unwrap_or(&name);
        if let Some(rest) = body.strip_prefix(self.blocks()) {
            let (index, rest) = rest.split_once('.')?;
            let column = if self == Self::Distilbert { 2 } else { 1 };
            return PARTS.iter().find_map(|row| {
                let leaf = rest.strip_prefix(row[column])?.strip_prefix('.')?;
                Some(format!("encoder.blocks.{index}.{}.{leaf}", row[0]))
            });
        }
        if let Some(rest) = body.strip_prefix("embeddings.") {
            let (part, leaf) = rest.split_once('.')?;
            let row = EMBEDDINGS.iter().find(|row| row[1] == part)?;
            return Some(format!("encoder.embeddings.{}.{leaf}", row[0]));
        }
        let others = [
            ("pooler.dense.", "encoder.pooler."),
            ("classifier.dense.", "encoder.pooler."),
            ("pre_classifier.", "encoder.pooler."),
            ("classifier.out_proj.", "classifier."),
            ("classifier.", "classifier."),
            ("qa_outputs.", "spans."),
        ];
        others.iter().find_map(|(theirs, ours)| {
            let leaf = body.strip_prefix(theirs)?;
            Some(format!("{ours}{leaf}"))
        })
    }
}

/// The names here and the shapes of the body of an encoder, without a pooler.
pub(super) fn body(c: &EncoderConfig) -> impl Iterator<Item = (String, Vec<usize>)> + use<> {
    let (h, wide) = (c.hidden, c.intermediate);
    let tables = [
        ("words", c.vocabulary),
        ("positions", c.positions),
        ("types", c.types),
    ];
    let tables = tables.into_iter().filter(|(_, rows)| *rows > 0);
    let tables =
        tables.map(move |(name, rows)| (format!("embeddings.{name}.weight"), vec![rows, h]));
    let norm = ["weight", "bias"].map(|leaf| (format!("embeddings.norm.{leaf}"), vec![h]));
    let blocks = (0..c.layers).flat_map(move |i| {
        PARTS.iter().flat_map(move |[part, ..]| {
            let weight = match *part {
                "intermediate" => vec![wide, h],
                "output" => vec![h, wide],
                "attention_norm" | "output_norm" => vec![h],
                _ => vec![h, h],
            };
            let bias = vec![weight[0]];
            let name = move |leaf| format!("blocks.{i}.{part}.{leaf}");
            [(name("weight"), weight), (name("bias"), bias)]
        })
    });
    let all = tables.chain(norm).chain(blocks);
    all.map(|(name, shape)| (format!("encoder.{name}"), shape))
}

/// Whether the parameter is part of the body, which weights must have and no network starts without.
pub(super) fn is_body(name: &str) -> bool {
    ["encoder.embeddings.", "encoder.blocks."]
        .iter()
        .any(|part| name.starts_with(part))
}

/// The number of the block that a parameter of the body is in.
pub(super) fn block(name: &str) -> Option<usize> {
    let rest = name.strip_prefix("encoder.blocks.")?;
    rest.split('.').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_go_to_the_file_and_back() {
        let ours = [
            "encoder.blocks.11.query.lora_A.weight",
            "encoder.blocks.0.output_norm.bias",
            "encoder.blocks.0.output.weight",
            "encoder.embeddings.words.weight",
            "encoder.embeddings.norm.weight",
            "encoder.pooler.bias",
            "classifier.weight",
            "spans.bias",
        ];
        for family in [Family::Bert, Family::Roberta, Family::Distilbert] {
            for name in ours {
                let file = family.to_file(name);
                assert_eq!(family.name_of_file(&file).as_deref(), Some(name), "{file}");
            }
        }
        let file = Family::Bert.to_file(ours[0]);
        assert_eq!(
            file,
            "bert.encoder.layer.11.attention.self.query.lora_A.weight"
        );
        let file = Family::Distilbert.to_file(ours[1]);
        assert_eq!(
            file,
            "distilbert.transformer.layer.0.output_layer_norm.bias"
        );
        assert_eq!(
            Family::Roberta.to_file("classifier.bias"),
            "classifier.out_proj.bias"
        );
    }

    #[test]
    fn old_and_foreign_names_are_known() {
        let from = |name| Family::Bert.name_of_file(name);
        let norm = from("encoder.layer.2.output.LayerNorm.gamma");
        assert_eq!(norm.as_deref(), Some("encoder.blocks.2.output_norm.weight"));
        let norm = from("bert.embeddings.LayerNorm.beta");
        assert_eq!(norm.as_deref(), Some("encoder.embeddings.norm.bias"));
        assert_eq!(from("embeddings.position_ids"), None);
        assert_eq!(from("cls.predictions.bias"), None);
        assert_eq!(block("encoder.blocks.7.key.bias"), Some(7));
        assert_eq!(block("encoder.embeddings.words.weight"), None);
    }
}
