//! Channels laid out as vector lanes, so that loops over `[rows, c]` vectorize for every `c`.
//!
//! Several rows in a row of memory are one *wide row* of `width = c * repeat` lanes; lane `l` always
//! holds channel `l % c`. A loop over lanes is contiguous and long even where there is one channel,
//! and what belongs to a channel (scale, shift, sums) is held once for each lane.

/// The lanes that a wide row at least has, where repeating the channels can give as many.
const LEAST: usize = 256;
/// Wide rows above this length would push what belongs to lanes out of the L1 cache.
const MOST: usize = 2048;
/// f32 lanes of the widest vector register.
const VECTOR: usize = 16;

/// How the channels of `[rows, c]` are laid out as lanes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lanes {
    /// Channels.
    pub(crate) c: usize,
    /// Lanes of a wide row, a multiple of `c`.
    pub(crate) width: usize,
}

impl Lanes {
    /// The layout for `c` channels.
    pub(crate) fn new(c: usize) -> Self {
        assert!(c > 0, "at least one channel");
        // The fewest rows that end on a whole vector.
        let mut unit = c * (VECTOR >> c.trailing_zeros().min(VECTOR.trailing_zeros()));
        if unit > MOST {
            unit = c;
        }
        Self {
            c,
            width: unit * LEAST.div_ceil(unit),
        }
    }

    /// One value for each lane: that of its channel.
    pub(crate) fn spread<T>(self, value: impl Fn(usize) -> T) -> Vec<T> {
        (0..self.width).map(|lane| value(lane % self.c)).collect()
    }

    /// Adds the lanes of every channel to `sums`, in the order of lanes.
    pub(crate) fn collect(self, lanes: &[f64], sums: &mut [f64]) {
        for lanes in lanes.chunks_exact(self.c) {
            for (sum, lane) in sums.iter_mut().zip(lanes) {
                *sum += lane;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wide_rows_are_whole_vectors_of_whole_rows() {
        for c in 1..600 {
            let lanes = Lanes::new(c);
            assert_eq!(lanes.width % c, 0);
            assert!(lanes.width >= LEAST && lanes.width <= MOST.max(c));
            assert!(
                lanes.width.is_multiple_of(VECTOR) || c * VECTOR > MOST,
                "{c}: {}",
                lanes.width
            );
        }
        assert_eq!(Lanes::new(1).width, 256);
        assert_eq!(Lanes::new(3).width, 288);
        assert_eq!(Lanes::new(64).width, 256);
        assert_eq!(Lanes::new(5003).width, 5003);
    }

    #[test]
    fn collecting_undoes_spreading() {
        let lanes = Lanes::new(3);
        let mut sums = [0.0; 3];
        lanes.collect(&lanes.spread(|c| c as f64), &mut sums);
        assert_eq!(sums, [0.0, 96.0, 192.0]);
    }
}
