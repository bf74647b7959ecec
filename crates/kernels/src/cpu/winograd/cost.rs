//! When Winograd pays, and with which tile. The unit of time is one operation at the processor's
//! peak; the constants were measured with AVX-512 on shapes from 3 to 512 channels.

use super::{Shape3x3, Tile};

/// Share of the peak that the direct product (by unfolding) reaches.
const DIRECT: f64 = 0.75;
/// Share of the peak that the products of transformed tiles reach.
const PRODUCT: f64 = 0.93;
/// Time to transform one filter, for each point: mostly memory.
const FILTER: f64 = 10.0;
/// Fewer rows than this take as long, because the filters have to be fetched all the same.
const ROWS: usize = 3;

/// The tile to use where Winograd beats a direct product, or none. Ask with
/// [`Shape3x3::adjoint`] for the gradient of the input.
pub fn tile(s: &Shape3x3) -> Option<Tile> {
    let best = cheaper(s);
    (winograd(s, best) < direct(s)).then_some(best)
}

/// Whether Winograd beats a direct product (by unfolding) which reaches 75% of the peak.
pub fn pays(s: &Shape3x3) -> bool {
    tile(s).is_some()
}

/// The better of the two tiles.
pub(super) fn cheaper(s: &Shape3x3) -> Tile {
    if winograd(s, Tile::F4) <= winograd(s, Tile::F2) {
        Tile::F4
    } else {
        Tile::F2
    }
}

/// Whether panels of half the width waste less: the last panel of few would be less than half full.
pub(super) fn narrow(s: &Shape3x3) -> bool {
    s.cout < 64 && (1..=16).contains(&(s.cout % 32))
}

fn direct(s: &Shape3x3) -> f64 {
    s.outputs() as f64 * (s.cin * 18) as f64 / DIRECT
}

fn winograd(s: &Shape3x3, tile: Tile) -> f64 {
    // The last is the time to transform one element of a tile, for each point.
    let (m, points, transform) = match tile {
        Tile::F2 => (2, 16, 10.0),
        Tile::F4 => (4, 36, 13.0),
    };
    let panel = if narrow(s) { 16 } else { 32 };
    let (cin, cout) = (
        s.cin.next_multiple_of(panel),
        s.cout.next_multiple_of(panel),
    );
    let (oh, ow) = s.output();
    let tiles = s.n * oh.div_ceil(m) * ow.div_ceil(m);
    let product = (tiles.max(ROWS) * 2 * s.cin * cout) as f64 / PRODUCT;
    let transforms = (tiles * (cin + cout)) as f64 * transform;
    let filters = (s.cin * cout) as f64 * FILTER;
    points as f64 * (product + transforms + filters)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn square(n: usize, h: usize, cin: usize, cout: usize) -> Shape3x3 {
        Shape3x3 {
            n,
            h,
            w: h,
            cin,
            cout,
            pad: [1; 4],
        }
    }

    #[test]
    fn the_tile_follows_the_shape() {
        assert_eq!(tile(&square(32, 32, 64, 64)), Some(Tile::F4));
        assert_eq!(tile(&square(32, 4, 512, 512)), Some(Tile::F4));
        // Tiles of 4x4 outputs would compute 8x8 for 5x5 or 6x6.
        assert_eq!(tile(&square(32, 5, 64, 64)), Some(Tile::F2));
        assert_eq!(tile(&square(32, 6, 64, 64)), Some(Tile::F2));
        // Nothing pays for the filters of one tiny image, or for hardly any channels.
        assert_eq!(tile(&square(1, 2, 512, 512)), None);
        assert!(!pays(&square(32, 32, 1, 1)) && !pays(&square(32, 32, 64, 3)));
    }
}
