use super::*;
use modelwright_models::{LanguageModel, weights};
use std::path::PathBuf;

/// Tokens of each of the two sequences; they fit into one page.
const LENGTH: usize = 12;

fn golden(name: &str) -> String {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/decoders");
    folder.join(name).display().to_string()
}

fn expected(name: &str) -> Vec<f32> {
    let all = weights::read_file(&PathBuf::from(golden("expected.safetensors"))).unwrap();
    all[name].iter::<f32>().collect()
}

/// The logits after each token, the sequences in pieces of `piece` tokens, both in each step.
fn logits(name: &str, piece: usize) -> Vec<f32> {
    let model = LanguageModel::open(&golden(name), &|_| {}).unwrap();
    let mut net = Net::load(&model, 2 * LENGTH, 2 * LENGTH).unwrap();
    let config = &model.config;
    let mut cache = KvPages::new(config.layers, config.kv_heads, config.head_dim, 4);
    let ids: Vec<u32> = expected("ids").iter().map(|id| *id as u32).collect();
    let mut out = vec![Vec::new(); 2];
    // Pages that do not lie in the order of the sequences.
    let pages = [[3u32], [1u32]];
    for start in (0..LENGTH).step_by(piece) {
        let places = start..(start + piece).min(LENGTH);
        let rows: Vec<(usize, usize)> = (0..2)
            .flat_map(|s| places.clone().map(move |p| (s, p)))
            .collect();
        let step = Step {
            tokens: &rows
                .iter()
                .map(|(s, p)| ids[s * LENGTH + p])
                .collect::<Vec<_>>(),
            positions: &rows.iter().map(|(_, p)| *p as u32).collect::<Vec<_>>(),
            slots: &rows
                .iter()
                .map(|(s, p)| (pages[*s][0], *p as u32))
                .collect::<Vec<_>>(),
            seen: &rows
                .iter()
                .map(|(s, p)| Seen {
                    pages: &pages[*s],
                    length: p + 1,
                })
                .collect::<Vec<_>>(),
            wanted: &(0..rows.len()).collect::<Vec<_>>(),
        };
        let logits = net.forward(&step, &mut cache);
        for (half, out) in logits.chunks_exact(logits.len() / 2).zip(&mut out) {
            out.extend_from_slice(half);
        }
    }
    out.concat()
}

/// How far off what transformers computes: at most and on average, as shares of the largest and of the
/// average logit.
fn difference(name: &str) -> (f32, f32) {
    let (ours, theirs) = (logits(name, LENGTH), expected(&format!("{name}.logits")));
    assert_eq!(ours.len(), theirs.len(), "{name}");
    let off: Vec<f32> = ours.iter().zip(&theirs).map(|(a, b)| a - b).collect();
    let most = |x: &[f32]| x.iter().map(|x| x.abs()).fold(0.0, f32::max);
    let average = |x: &[f32]| (x.iter().map(|x| x * x).sum::<f32>() / x.len() as f32).sqrt();
    let shares = (most(&off) / most(&theirs), average(&off) / average(&theirs));
    println!("{name}: off by {} at most; shares {shares:?}", most(&off));
    shares
}

#[test]
fn logits_of_every_family_are_those_of_transformers() {
    for name in [
        "llama",
        "llama-tied",
        "mistral",
        "qwen2",
        "qwen3",
        "gpt2",
        "llama.gguf",
        "llama-tied.gguf",
        "mistral.gguf",
        "qwen3.gguf",
    ] {
        // Keys and values are kept in f16, which rounds by up to 5e-4.
        let (most, average) = difference(name);
        assert!(most < 2e-3 && average < 1e-3, "{name}: {most} {average}");
    }
}

#[test]
fn logits_of_quantized_files_are_near() {
    // Activations are rounded to 8 bits there, as llama.cpp does it.
    for name in ["qwen2.gguf", "gpt2.gguf", "quants.gguf"] {
        let (_, average) = difference(name);
        assert!(average < 0.05, "{name}: {average}");
    }
}

#[test]
fn pieces_of_a_sequence_give_the_same_bits() {
    for name in ["llama", "mistral", "gpt2.gguf", "quants.gguf"] {
        let whole = logits(name, LENGTH);
        for piece in [1, 5] {
            assert_eq!(logits(name, piece), whole, "{name} in pieces of {piece}");
        }
    }
}

#[test]
fn wanted_rows_move_to_the_front() {
    let mut x = [0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5];
    pick(&mut x, 2, &[1, 3]);
    assert_eq!(x[..4], [1.0, 1.5, 3.0, 3.5]);
}
