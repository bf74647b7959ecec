//! The nearest of very many vectors, almost always: a walk through a graph (HNSW, Malkov & Yashunin
//! 2018) looks at some thousands of them instead of all.
//!
//! `hnsw_rs` builds the graph. It is kept here as flat lists of links: they are read in no time, every
//! number in a file can be checked before it is used, and the vectors are not stored a second time.

use super::nearest::{Near, Vectors};
use hnsw_rs::prelude::{Distance, Hnsw};
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Links of a vector in the upper layers; it has twice as many in the lowest.
const LINKS: usize = 16;
/// Candidates that are looked at for the links of a new vector.
const CANDIDATES: usize = 200;
/// Most layers.
const LAYERS: usize = 16;
/// Candidates that a search keeps at least.
const WIDTH: usize = 128;
/// Vectors that are inserted one after the other, before others join in: the very first ones have to
/// find each other.
const ALONE: usize = 1000;
/// Vectors that are inserted between two reports.
const REPORT: usize = 10_000;
/// Links that lead back to a vector from those it has itself chosen. `hnsw_rs` gives up links to what is
/// far from everything, which no walk would come to then.
const BACK: usize = 4;

/// Links between vectors, layer by layer.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Graph {
    /// Where a walk begins.
    pub entry: u32,
    /// From the lowest, which holds every vector, to the highest.
    pub layers: Vec<Layer>,
}

/// The links of one layer.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Layer {
    /// The vectors in it, ascending.
    pub nodes: Vec<u32>,
    /// Where the links of each node start; one more than nodes.
    pub starts: Vec<u32>,
    /// The vectors that are linked.
    pub links: Vec<u32>,
}

/// Tells `hnsw_rs` how far two vectors are apart, given their rows; it need not hold the vectors.
struct Rows<'a>(&'a Vectors);

impl Distance<u32> for Rows<'_> {
    fn eval(&self, a: &[u32], b: &[u32]) -> f32 {
        let cosine = dot(self.0.row(a[0] as usize), self.0.row(b[0] as usize));
        // Rounding must not make it negative.
        (1.0 - cosine).max(0.0)
    }
}

/// Σ a b, in lanes that the compiler keeps in registers.
fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut lanes = [0.0; 32];
    let ((a, a_tail), (b, b_tail)) = (a.as_chunks::<32>(), b.as_chunks::<32>());
    for (a, b) in a.iter().zip(b) {
        for ((lane, a), b) in lanes.iter_mut().zip(a).zip(b) {
            *lane += a * b;
        }
    }
    let tail: f32 = a_tail.iter().zip(b_tail).map(|(a, b)| a * b).sum();
    lanes.iter().sum::<f32>() + tail
}

impl Graph {
    /// The graph of `vectors`, of which no two are equal; `told(done, total)` is called now and then.
    ///
    /// Several threads insert at once, so that it is not the same graph every time.
    pub fn build(vectors: &Vectors, told: &(dyn Fn(usize, usize) + Sync)) -> Self {
        let total = vectors.rows();
        let rows: Vec<[u32; 1]> = (0..total as u32).map(|row| [row]).collect();
        let hnsw = Hnsw::new(LINKS, total, LAYERS, CANDIDATES, Rows(vectors));
        let (first, rest) = rows.split_at(ALONE.min(total));
        for row in first {
            hnsw.insert_slice((row, row[0] as usize));
        }
        for (i, part) in rest.chunks(REPORT).enumerate() {
            told(first.len() + i * REPORT, total);
            let part = part.iter().map(|row| (row.as_slice(), row[0] as usize));
            hnsw.parallel_insert_slice(&part.collect());
        }
        told(total, total);
        Self::of(&hnsw, total)
    }

    /// The links of a finished graph.
    fn of(hnsw: &Hnsw<u32, Rows>, total: usize) -> Self {
        let points = hnsw.get_point_indexation();
        let highest = hnsw.get_max_level_observed() as usize;
        // The links of a vector in each of the layers that it is in.
        let mut chosen: Vec<Vec<Vec<u32>>> = vec![Vec::new(); total];
        for level in 0..=highest {
            for point in points.get_layer_iterator(level) {
                let of_layer = |links: Vec<hnsw_rs::prelude::Neighbour>| {
                    links.iter().map(|n| n.d_id as u32).collect()
                };
                let layers = point.get_neighborhood_id().into_iter().take(level + 1);
                chosen[point.get_origin_id()] = layers.map(of_layer).collect();
            }
        }
        let top = chosen.iter().position(|layers| layers.len() == highest + 1);
        let layer = |level: usize| Layer::of(&chosen, level);
        Self {
            entry: top.unwrap_or(0) as u32,
            layers: (0..=highest).map(layer).collect(),
        }
    }

    /// About the `k` nearest vectors of `query`, the nearest first.
    pub fn nearest(&self, vectors: &Vectors, query: &[f32], k: usize) -> Vec<Near> {
        let near = |row: u32| Near {
            row,
            score: dot(vectors.row(row as usize), query),
        };
        let Some((lowest, upper)) = self.layers.split_first() else {
            return Vec::new();
        };
        let mut at = near(self.entry);
        for layer in upper.iter().rev() {
            // Downhill as long as a neighbour is nearer.
            while let Some(next) = layer.links_of(at.row).iter().map(|r| near(*r)).max()
                && next > at
            {
                at = next;
            }
        }
        lowest.around(at, WIDTH.max(k), vectors.rows(), near, k)
    }

    /// A sentence if a number in it leads nowhere; `total` vectors are there.
    pub fn complaint(&self, total: usize) -> Option<String> {
        let Some(lowest) = self.layers.first() else {
            return Some("it has no layer".into());
        };
        if lowest.nodes.len() != total || self.entry as usize >= total {
            return Some("it is not the graph of these vectors".into());
        }
        let sound = |layer: &Layer| layer.is_sound(total);
        (!self.layers.iter().all(sound)).then(|| "its links lead nowhere".into())
    }
}

impl Layer {
    fn of(chosen: &[Vec<Vec<u32>>], level: usize) -> Self {
        let links_of = |layers: &Vec<Vec<u32>>| layers.get(level).cloned();
        let mut lists: Vec<Option<Vec<u32>>> = chosen.iter().map(links_of).collect();
        for (row, layers) in chosen.iter().enumerate() {
            // Links are sorted: the nearest come first.
            for to in layers.get(level).into_iter().flatten().take(BACK) {
                if let Some(back) = &mut lists[*to as usize]
                    && !back.contains(&(row as u32))
                {
                    back.push(row as u32);
                }
            }
        }
        let mut layer = Self::default();
        layer.starts.push(0);
        for (row, links) in lists.iter().enumerate() {
            if let Some(links) = links {
                layer.nodes.push(row as u32);
                layer.links.extend(links);
                layer.starts.push(layer.links.len() as u32);
            }
        }
        layer
    }

    fn links_of(&self, row: u32) -> &[u32] {
        // In the lowest layer every vector is at its own place.
        let place = match self.nodes.get(row as usize) {
            Some(node) if *node == row => Ok(row as usize),
            _ => self.nodes.binary_search(&row),
        };
        match place {
            Ok(i) => &self.links[self.starts[i] as usize..self.starts[i + 1] as usize],
            Err(_) => &[],
        }
    }

    /// The best `k` of the `width` nearest vectors that a walk from `start` comes to.
    fn around(
        &self,
        start: Near,
        width: usize,
        total: usize,
        near: impl Fn(u32) -> Near,
        k: usize,
    ) -> Vec<Near> {
        let mut seen = vec![false; total];
        seen[start.row as usize] = true;
        let mut ahead = BinaryHeap::from([start]);
        let mut found = BinaryHeap::from([Reverse(start)]);
        while let Some(at) = ahead.pop() {
            // Nothing ahead is nearer than the farthest of what is found.
            if found.len() == width && found.peek().is_some_and(|worst| at < worst.0) {
                break;
            }
            for row in self.links_of(at.row) {
                if std::mem::replace(&mut seen[*row as usize], true) {
                    continue;
                }
                let next = near(*row);
                if found.len() < width || found.peek().is_some_and(|worst| next > worst.0) {
                    ahead.push(next);
                    found.push(Reverse(next));
                    if found.len() > width {
                        found.pop();
                    }
                }
            }
        }
        let mut found: Vec<Near> = found.into_iter().map(|near| near.0).collect();
        found.sort_unstable_by(|a, b| b.cmp(a));
        found.truncate(k);
        found
    }

    fn is_sound(&self, total: usize) -> bool {
        let inside = |rows: &[u32]| rows.iter().all(|row| (*row as usize) < total);
        inside(&self.nodes)
            && inside(&self.links)
            && self.nodes.is_sorted_by(|a, b| a < b)
            && self.starts.is_sorted()
            && self.starts.len() == self.nodes.len() + 1
            && self.starts.first() == Some(&0)
            && self.starts.last().map(|end| *end as usize) == Some(self.links.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::index::nearest::tests::random;

    /// Share of the true ten nearest that the graph finds.
    fn recall(graph: &Graph, vectors: &Vectors, queries: &Vectors) -> f64 {
        let exact = vectors.nearest(queries.values(), 10);
        let mut hits = 0;
        for (i, exact) in exact.iter().enumerate() {
            let found = graph.nearest(vectors, queries.row(i), 10);
            assert!(found.is_sorted_by(|a, b| a > b));
            hits += exact
                .iter()
                .filter(|e| found.iter().any(|f| f.row == e.row))
                .count();
        }
        hits as f64 / (exact.len() * 10) as f64
    }

    #[test]
    fn the_graph_finds_almost_all_of_the_nearest() {
        let (vectors, queries) = (random(3000, 16, 1), random(100, 16, 2));
        let graph = Graph::build(&vectors, &|_, _| {});
        assert_eq!(graph.complaint(3000), None);
        let recall = recall(&graph, &vectors, &queries);
        assert!(recall > 0.97, "{recall}");
        // Every vector finds itself, wherever it lies.
        let lost = (0..3000).filter(|i| {
            let found = graph.nearest(&vectors, vectors.row(*i), 1);
            found[0].row as usize != *i
        });
        assert!(lost.count() <= 3);
    }

    /// Vectors of 384 numbers around made-up topics, as those of sentences lie.
    fn clustered(rows: usize, topics: &Vectors, seed: u64) -> Vectors {
        let noise = random(rows, topics.dimension(), seed);
        let values = (0..rows).flat_map(|i| {
            let topic = topics.row((i * 7919) % topics.rows());
            let near = topic.iter().zip(noise.row(i));
            // The cosine to the topic is 0.75, between two of it 0.56.
            let near: Vec<f32> = near.map(|(t, n)| 0.75 * t + 0.66 * n).collect();
            let length = near.iter().map(|v| v * v).sum::<f32>().sqrt();
            near.into_iter().map(move |v| v / length)
        });
        Vectors::new(values.collect(), topics.dimension())
    }

    /// As many vectors as make an index have a graph.
    #[test]
    #[ignore = "slow: run in release"]
    fn the_graph_of_100_000_vectors_finds_almost_all_of_the_nearest() {
        let topics = random(2000, 384, 1);
        let vectors = clustered(crate::index::GRAPH_FROM, &topics, 2);
        let queries = clustered(500, &topics, 3);
        let started = std::time::Instant::now();
        let graph = Graph::build(&vectors, &|_, _| {});
        let building = started.elapsed();
        assert_eq!(graph.complaint(vectors.rows()), None);
        let time = |search: &dyn Fn(&[f32]) -> usize| {
            let started = std::time::Instant::now();
            let found: usize = (0..queries.rows()).map(|i| search(queries.row(i))).sum();
            assert_eq!(found, 10 * queries.rows());
            1000.0 * started.elapsed().as_secs_f64() / queries.rows() as f64
        };
        let walk = time(&|query| graph.nearest(&vectors, query, 10).len());
        let exact = time(&|query| vectors.nearest(query, 10)[0].len());
        let recall = recall(&graph, &vectors, &queries);
        println!(
            "100,000 vectors of 384: built in {building:.1?}; recall@10 {recall:.3}; a query takes \
             {walk:.2} ms, {exact:.2} ms one by one"
        );
        assert!(recall > 0.9, "{recall}");
    }

    #[test]
    fn a_graph_of_few_vectors_is_complete() {
        for rows in [1, 2, 5] {
            let vectors = random(rows, 8, 3);
            let graph = Graph::build(&vectors, &|_, _| {});
            let found = graph.nearest(&vectors, vectors.row(0), 10);
            assert_eq!(found.len(), rows);
            assert_eq!(found[0].row, 0);
        }
    }

    #[test]
    fn links_that_lead_nowhere_are_found() {
        let graph = Graph::build(&random(50, 8, 4), &|_, _| {});
        assert_eq!(graph.complaint(50), None);
        assert!(graph.complaint(49).is_some());
        let broken = |change: fn(&mut Graph)| {
            let mut graph = graph.clone();
            change(&mut graph);
            graph.complaint(50).is_some()
        };
        assert!(broken(|g| g.entry = 50));
        assert!(broken(|g| g.layers[0].links[3] = 50));
        assert!(broken(|g| g.layers[0].starts[1] = u32::MAX));
        assert!(broken(|g| g.layers[0].nodes.swap(0, 1)));
        assert!(broken(|g| g.layers.clear()));
    }
}
