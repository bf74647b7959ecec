//! The body that BERT, RoBERTa, DistilBERT and their kin share: embeddings and post-norm blocks.

use super::batch::TokenBatch;
use super::encoder_config::{EncoderConfig, Family};
use crate::config::LoraTarget;
use crate::fresh::Fresh;
use crate::projection::{Lora, Projection};
use burn::module::Module;
use burn::tensor::{Bool, Device, Tensor};
use modelwright_kernels::nn::{
    Activation, AttentionConfig, Dropout, Embedding, LayerNorm, Linear, cross_attention,
};

/// Token ids to one vector a token (Devlin et al. 2019).
///
/// As in transformers except in training, where weights of attention are not dropped: the kernel never
/// writes them down.
#[derive(Module, Debug)]
pub struct Encoder {
    embeddings: Embeddings,
    blocks: Vec<Block>,
    /// The layer between the first token and a classifier: BERT's pooler, the `dense` of RoBERTa's
    /// classifier, DistilBERT's `pre_classifier`.
    pooler: Option<Linear>,
    #[module(skip)]
    pooled: Activation,
}

impl Encoder {
    pub(super) fn new(config: &EncoderConfig, pooler: bool, fresh: Fresh) -> Self {
        let pooled = match config.family {
            Family::Distilbert => Activation::Relu,
            _ => Activation::Tanh,
        };
        // The pooler of weights that have none must not start from zero.
        let drawn = Fresh {
            blank: false,
            ..fresh
        };
        Self {
            embeddings: Embeddings::new(config, fresh),
            blocks: (0..config.layers)
                .map(|_| Block::new(config, fresh))
                .collect(),
            pooler: pooler.then(|| drawn.linear(config.hidden, config.hidden)),
            pooled,
        }
    }

    /// `[batch, seq]` ids to hidden states `[batch, seq, hidden]`. Those of padding mean nothing.
    pub fn forward(&self, batch: &TokenBatch) -> Tensor<3> {
        self.forward_words(self.words(batch), batch)
    }

    /// The word vectors of tokens, `[batch, seq, hidden]`: what the table of words holds, before
    /// positions and types are added.
    pub fn words(&self, batch: &TokenBatch) -> Tensor<3> {
        self.embeddings.words.forward(batch.ids.clone())
    }

    /// [`Self::forward`] with other word vectors than those of the ids.
    pub fn forward_words(&self, words: Tensor<3>, batch: &TokenBatch) -> Tensor<3> {
        let body = self.blocks.iter();
        body.fold(self.embeddings.place(words, batch), |x, block| {
            block.forward(x.clone(), x, batch.mask.as_ref())
        })
    }

    /// The hidden state of the first token alone, `[batch, hidden]`. The last block computes nothing
    /// else.
    pub fn first(&self, batch: &TokenBatch) -> Tensor<2> {
        self.first_words(self.words(batch), batch)
    }

    /// [`Self::first`] with other word vectors than those of the ids.
    pub fn first_words(&self, words: Tensor<3>, batch: &TokenBatch) -> Tensor<2> {
        let mut x = self.embeddings.place(words, batch);
        let last = self.blocks.len().saturating_sub(1);
        for (i, block) in self.blocks.iter().enumerate() {
            let of = match i == last {
                true => x.clone().narrow(1, 0, 1),
                false => x.clone(),
            };
            x = block.forward(of, x, batch.mask.as_ref());
        }
        let [batch, _, hidden] = x.dims();
        x.narrow(1, 0, 1).reshape([batch, hidden])
    }

    /// What the pooler makes of first tokens, `[batch, hidden]`; without one they stay as they are.
    pub fn pooled(&self, first: Tensor<2>) -> Tensor<2> {
        match &self.pooler {
            Some(pooler) => pooler.forward_activated(first, self.pooled),
            None => first,
        }
    }

    /// Whether there is a pooler.
    pub(super) fn has_pooler(&self) -> bool {
        self.pooler.is_some()
    }

    /// Stops the training of the embeddings and the first `blocks` blocks.
    pub(super) fn freeze(mut self, blocks: usize) -> Self {
        self.embeddings = self.embeddings.no_grad();
        let frozen = |(i, block): (usize, Block)| match i < blocks {
            true => block.no_grad(),
            false => block,
        };
        self.blocks = self.blocks.into_iter().enumerate().map(frozen).collect();
        self
    }

    /// Adapters in every block, and nothing else of the body is trained.
    pub(super) fn adapted(self, lora: &Lora, device: &Device) -> Self {
        let mut body = self.freeze(usize::MAX);
        let adapt = |block: Block| block.adapted(lora, device);
        body.blocks = body.blocks.into_iter().map(adapt).collect();
        body
    }
}

/// Tokens, their positions and their types as one vector each.
#[derive(Module, Debug)]
struct Embeddings {
    words: Embedding,
    positions: Embedding,
    types: Option<Embedding>,
    norm: LayerNorm,
    dropout: Dropout,
    first_position: usize,
}

impl Embeddings {
    fn new(c: &EncoderConfig, fresh: Fresh) -> Self {
        Self {
            words: fresh.table(c.vocabulary, c.hidden),
            positions: fresh.table(c.positions, c.hidden),
            types: (c.types > 0).then(|| fresh.table(c.types, c.hidden)),
            norm: fresh.norm(c.hidden, c.epsilon),
            dropout: Dropout::new(c.dropout),
            first_position: c.first_position(),
        }
    }

    /// Word vectors with what their positions and types add.
    fn place(&self, words: Tensor<3>, batch: &TokenBatch) -> Tensor<3> {
        // Padding is on the right, so that positions are the same in every row; those that RoBERTa
        // gives to padding do not matter, nobody looks at it.
        let [_, seq, _] = words.dims();
        let [rows, _] = self.positions.weight.dims();
        assert!(
            self.first_position + seq <= rows,
            "a text of {seq} tokens does not fit into {rows} positions"
        );
        let positions = self.positions.weight.val();
        let positions = positions.narrow(0, self.first_position, seq);
        let x = match (&self.types, &batch.types) {
            (Some(table), Some(types)) if table.weight.dims()[0] > 1 => {
                let others = table.forward(types.clone()) + positions.unsqueeze();
                self.norm.forward_add(words, others).0
            }
            (Some(table), _) => {
                let first = table.weight.val().narrow(0, 0, 1);
                self.norm.forward(words + (positions + first).unsqueeze())
            }
            (None, _) => self.norm.forward(words + positions.unsqueeze()),
        };
        self.dropout.forward(x)
    }
}

/// Attention and a two-layer perceptron, each added to what goes in and then normalized.
#[derive(Module, Debug)]
struct Block {
    query: Projection,
    key: Projection,
    value: Projection,
    attention_output: Projection,
    attention_norm: LayerNorm,
    intermediate: Projection,
    output: Projection,
    output_norm: LayerNorm,
    dropout: Dropout,
    heads: usize,
    #[module(skip)]
    activation: Activation,
}

impl Block {
    fn new(c: &EncoderConfig, fresh: Fresh) -> Self {
        let square = || Projection::new(c.hidden, c.hidden, fresh);
        Self {
            query: square(),
            key: square(),
            value: square(),
            attention_output: square(),
            attention_norm: fresh.norm(c.hidden, c.epsilon),
            intermediate: Projection::new(c.hidden, c.intermediate, fresh),
            output: Projection::new(c.intermediate, c.hidden, fresh),
            output_norm: fresh.norm(c.hidden, c.epsilon),
            dropout: Dropout::new(c.dropout),
            heads: c.heads,
            activation: c.activation.function(),
        }
    }

    /// The block's output for the tokens `of`, which see all tokens of `x` that `mask` leaves.
    fn forward(&self, of: Tensor<3>, x: Tensor<3>, mask: Option<&Tensor<2, Bool>>) -> Tensor<3> {
        let config = AttentionConfig {
            heads: self.heads,
            causal: false,
        };
        let query = self.query.forward(of.clone());
        let key = self.key.forward(x.clone());
        let value = self.value.forward(x);
        let seen = cross_attention(query, key, value, mask.cloned(), config);
        let seen = self.dropout.forward(self.attention_output.forward(seen));
        let (x, _) = self.attention_norm.forward_add(seen, of);
        let wide = self
            .intermediate
            .forward_activated(x.clone(), self.activation);
        let narrow = self.dropout.forward(self.output.forward(wide));
        self.output_norm.forward_add(narrow, x).0
    }

    fn adapted(mut self, lora: &Lora, device: &Device) -> Self {
        let adapt = |target, projection: Projection| match lora.targets.contains(&target) {
            true => projection.adapted(lora, device),
            false => projection,
        };
        self.query = adapt(LoraTarget::Query, self.query);
        self.key = adapt(LoraTarget::Key, self.key);
        self.value = adapt(LoraTarget::Value, self.value);
        self.attention_output = adapt(LoraTarget::AttentionOutput, self.attention_output);
        self.intermediate = adapt(LoraTarget::Intermediate, self.intermediate);
        self.output = adapt(LoraTarget::Output, self.output);
        self
    }
}
