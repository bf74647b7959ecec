//! How the rows of a step are shared out.

/// Most rows of prompts in a step while others are writing: they wait for no longer than these take.
const PROMPT_ROWS: usize = 64;

/// The rows of one sequence in a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Part {
    /// Its index among those that run.
    pub sequence: usize,
    pub rows: usize,
}

/// Shares out at most `rows` rows, given how many tokens each sequence has not read yet. Whoever is
/// writing (one token) gets its row; those that read share what is left alike, and what one does not
/// need goes to the others. In the order of the sequences.
pub(super) fn plan(pending: &[usize], rows: usize) -> Vec<Part> {
    let writing = pending.iter().filter(|n| **n == 1).count().min(rows);
    let mut left = rows - writing;
    if writing > 0 {
        left = left.min(PROMPT_ROWS);
    }
    let mut given = vec![0; pending.len()];
    let mut readers: Vec<usize> = (0..pending.len()).filter(|i| pending[*i] > 1).collect();
    // Who needs least comes first, so that shares that are not used up are known.
    readers.sort_by_key(|i| pending[*i]);
    for (served, reader) in readers.iter().enumerate() {
        let share = left.div_ceil(readers.len() - served);
        given[*reader] = pending[*reader].min(share);
        left -= given[*reader];
    }
    let mut writers = writing;
    for (given, pending) in given.iter_mut().zip(pending) {
        if *pending == 1 && writers > 0 {
            *given = 1;
            writers -= 1;
        }
    }
    let parts = given.into_iter().enumerate();
    parts
        .filter(|(_, rows)| *rows > 0)
        .map(|(sequence, rows)| Part { sequence, rows })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(pending: &[usize], rows: usize) -> Vec<(usize, usize)> {
        let parts = plan(pending, rows);
        parts.into_iter().map(|p| (p.sequence, p.rows)).collect()
    }

    #[test]
    fn a_prompt_alone_gets_all_rows() {
        assert_eq!(rows(&[1000], 256), [(0, 256)]);
        assert_eq!(rows(&[100], 256), [(0, 100)]);
    }

    #[test]
    fn writers_go_on_while_prompts_are_read_in_pieces() {
        assert_eq!(rows(&[1, 1000, 1], 256), [(0, 1), (1, 64), (2, 1)]);
    }

    #[test]
    fn prompts_share_alike_and_short_ones_leave_their_rest() {
        assert_eq!(rows(&[1000, 20, 1000], 256), [(0, 118), (1, 20), (2, 118)]);
    }

    #[test]
    fn nothing_is_planned_for_nobody() {
        assert_eq!(rows(&[], 256), []);
        assert_eq!(rows(&[1, 1, 1], 2), [(0, 1), (1, 1)]);
    }
}
