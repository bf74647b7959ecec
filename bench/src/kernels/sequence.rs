//! Attention and embedding.

use super::entry::{Entry, Pass, Ready, Setting, Work};
use super::pools::TOGETHER;
use modelwright_kernels::nn::{AttentionConfig, Embedding, Init, attention as attend};

/// Self-attention of `heads` heads of `dim` features.
pub fn attention([batch, heads, seq, dim]: [usize; 4], causal: bool) -> Vec<Entry> {
    let width = heads * dim;
    let config = AttentionConfig { heads, causal };
    let kind = if causal { ", causal" } else { "" };
    let shape = format!("{batch}x{seq}, {heads} heads of {dim}{kind}");
    // Of the scores of a causal one, half and the diagonal.
    let scores = match causal {
        true => seq * (seq + 1) / 2,
        false => seq * seq,
    };
    let product = 2 * batch * heads * scores * dim;
    let make = move |s: &mut Setting| -> Ready<3> {
        let qkv = s.input([batch, seq, 3 * width]);
        Box::new(move || attend(qkv.clone(), config))
    };
    let entry = |pass| {
        let tokens = batch * seq * width;
        let work = match pass {
            // Queries by keys, weights by values.
            Pass::Forward => Work::new(2 * product, 4 * tokens),
            // The first again, and two for each gradient of the two.
            _ => Work::new(5 * product, 8 * tokens),
        };
        Entry::operation("attention", &shape, pass, work, make)
    };
    TOGETHER.into_iter().map(entry).collect()
}

/// Rows of a table; the gradient writes the whole table.
pub fn embedding(ids: usize, features: usize, [batch, seq]: [usize; 2]) -> Vec<Entry> {
    let shape = format!("{ids}x{features}, {batch}x{seq} ids");
    let make = move |s: &mut Setting| -> Ready<3> {
        let layer = s.layer(Embedding::new(ids, features, Init::Normal, &s.device));
        let tokens = s.source.ids(batch, seq, ids as u32);
        Box::new(move || layer.forward(tokens.clone()))
    };
    let entry = |pass| {
        let looked_up = batch * seq * features;
        let work = match pass {
            Pass::Forward => Work::new(0, 2 * looked_up),
            // The gradient is read, rows of the table read and written again after it is zeroed.
            _ => {
                Work::new(looked_up, 3 * looked_up + ids * features).on(looked_up + ids * features)
            }
        };
        Entry::operation("embedding", &shape, pass, work, make)
    };
    TOGETHER.into_iter().map(entry).collect()
}
