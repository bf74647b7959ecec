//! Which page of the cache belongs to whom.
//!
//! A sequence has a table of pages; a page holds the keys and values of [`KvPages::PAGE`] tokens in all
//! layers (Kwon et al. 2023). What is in a page depends on its tokens and all before them, so pages
//! whose content is known hang in a tree: a child is found by its parent and its tokens, compared one by
//! one, and two conversations that begin alike share pages. A page that nobody uses stays in the tree
//! until its place is needed.

use modelwright_kernels::decode::KvPages;
use std::collections::HashMap;

/// Tokens of a page.
pub(crate) const PAGE: usize = KvPages::PAGE;
/// The node of the tree above all first pages.
const ROOT: u64 = 0;

/// The pages of one sequence.
#[derive(Debug, Default)]
pub(crate) struct Table {
    /// In the order of the tokens.
    pub pages: Vec<u32>,
    /// Tokens whose keys and values are there.
    pub length: usize,
    /// The node of the last full page.
    node: u64,
}

#[derive(Debug, Default)]
struct Page {
    /// Sequences that use it.
    users: u32,
    /// What is in it, if others may use it.
    known: Option<Known>,
    /// When it was last given back: small is long ago.
    used: u64,
}

#[derive(Debug)]
struct Known {
    node: u64,
    parent: u64,
    tokens: Vec<u32>,
}

/// All pages of an engine.
#[derive(Debug)]
pub(crate) struct Pages {
    pages: Vec<Page>,
    free: Vec<u32>,
    /// Known pages without a user.
    idle: usize,
    children: HashMap<u64, Vec<u32>>,
    nodes: u64,
    clock: u64,
    sharing: bool,
}

/// Where the content of a page must be copied before the sequence may write into it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Copy {
    pub from: u32,
    pub to: u32,
}

impl Pages {
    pub fn new(count: usize, sharing: bool) -> Self {
        Self {
            pages: (0..count).map(|_| Page::default()).collect(),
            free: (0..count as u32).rev().collect(),
            idle: 0,
            children: HashMap::new(),
            nodes: ROOT,
            clock: 0,
            sharing,
        }
    }

    /// Pages for that many tokens.
    pub fn needed(tokens: usize) -> usize {
        tokens.div_ceil(PAGE)
    }

    /// Pages that can be had without taking one from a sequence.
    pub fn available(&self) -> usize {
        self.free.len() + self.idle
    }

    /// A table for a sequence of these tokens, with the pages that are there already. The last token is
    /// never among them: it has to be computed to know what follows.
    pub fn begin(&mut self, tokens: &[u32]) -> Table {
        let mut table = Table::default();
        let wanted = &tokens[..tokens.len().saturating_sub(1)];
        while self.sharing && table.length < wanted.len() {
            let rest = &wanted[table.length..];
            let Some((page, common)) = self.best(table.node, rest) else {
                break;
            };
            self.acquire(page);
            table.pages.push(page);
            table.length += common;
            match &self.pages[page as usize].known {
                Some(known) if common == PAGE => table.node = known.node,
                _ => break,
            }
        }
        table
    }

    /// The child of a node that has most tokens in common with `rest`.
    fn best(&self, node: u64, rest: &[u32]) -> Option<(u32, usize)> {
        let children = self.children.get(&node)?;
        let common = |page: &u32| {
            let known = self.pages[*page as usize].known.as_ref();
            let tokens = known.map_or(&[][..], |k| &k.tokens);
            tokens.iter().zip(rest).take_while(|(a, b)| a == b).count()
        };
        let best = children.iter().map(|page| (*page, common(page)));
        best.max_by_key(|(_, common)| *common)
            .filter(|(_, common)| *common > 0)
    }

    /// Makes room for tokens up to `length`. `None`: there are not enough pages; what the table had, it
    /// keeps. A page that others use or know is replaced by a copy before it is written.
    pub fn grow(&mut self, table: &mut Table, length: usize) -> Option<Vec<Copy>> {
        let mut copies = Vec::new();
        let inside = table.length % PAGE;
        if inside > 0 && length > table.length {
            copies.extend(self.own(table, table.length / PAGE, inside)?);
        }
        while table.pages.len() < Self::needed(length) {
            let page = self.take()?;
            table.pages.push(page);
        }
        Some(copies)
    }

    /// Makes the page at `index`, of which the first `inside` tokens are ours, one that we may write.
    fn own(&mut self, table: &mut Table, index: usize, inside: usize) -> Option<Option<Copy>> {
        let from = table.pages[index];
        let page = &self.pages[from as usize];
        let alone = page.users == 1;
        match &page.known {
            None if alone => return Some(None),
            // What others know of it stays right if we only add to its end, but it is no longer all.
            Some(known) if alone && known.tokens.len() == inside => {
                self.forget(from);
                return Some(None);
            }
            _ => {}
        }
        let Some(to) = self.take() else {
            if alone {
                self.forget(from);
                return Some(None);
            }
            return None;
        };
        self.release(from);
        table.pages[index] = to;
        Some(Some(Copy { from, to }))
    }

    /// Says that the keys and values of all `tokens` are there now.
    pub fn written(&mut self, table: &mut Table, tokens: &[u32]) {
        let full = tokens.len() / PAGE;
        for index in table.length / PAGE..full {
            let part = &tokens[index * PAGE..(index + 1) * PAGE];
            table.node = self.learn(table.node, part, table.pages[index]);
        }
        table.length = tokens.len();
    }

    /// Gives the pages of a sequence back; `tokens` are those it has computed.
    pub fn end(&mut self, mut table: Table, tokens: &[u32]) {
        let inside = table.length % PAGE;
        let last = table.length / PAGE;
        if inside > 0 && table.length <= tokens.len() && last < table.pages.len() {
            self.learn(
                table.node,
                &tokens[last * PAGE..table.length],
                table.pages[last],
            );
        }
        // The end of a conversation is of use to fewer others than its start, so it goes first.
        while let Some(page) = table.pages.pop() {
            self.release(page);
        }
    }

    /// Lets others find a page below a node. Returns its node, or that of one with the same content.
    fn learn(&mut self, parent: u64, tokens: &[u32], page: u32) -> u64 {
        if !self.sharing {
            return ROOT;
        }
        if let Some(known) = &self.pages[page as usize].known {
            return known.node;
        }
        let siblings = self.children.get(&parent).map_or(&[][..], |c| c);
        let same = siblings.iter().find_map(|s| {
            let known = self.pages[*s as usize].known.as_ref();
            known.filter(|k| k.tokens == tokens)
        });
        if let Some(same) = same {
            return same.node;
        }
        self.nodes += 1;
        self.pages[page as usize].known = Some(Known {
            node: self.nodes,
            parent,
            tokens: tokens.to_vec(),
        });
        self.children.entry(parent).or_default().push(page);
        self.nodes
    }

    /// A page of one's own: a free one, or the one that nobody has used for the longest time.
    fn take(&mut self) -> Option<u32> {
        if self.free.is_empty() {
            let idle = |p: &&Page| p.users == 0 && p.known.is_some();
            let oldest = self.pages.iter().enumerate().filter(|(_, p)| idle(p));
            let (page, _) = oldest.min_by_key(|(_, p)| p.used)?;
            self.forget(page as u32);
        }
        let page = self.free.pop()?;
        self.pages[page as usize].users = 1;
        Some(page)
    }

    fn acquire(&mut self, page: u32) {
        let page = &mut self.pages[page as usize];
        self.idle -= usize::from(page.users == 0);
        page.users += 1;
    }

    fn release(&mut self, page: u32) {
        self.clock += 1;
        let place = &mut self.pages[page as usize];
        place.users -= 1;
        place.used = self.clock;
        if place.users > 0 {
            return;
        }
        if place.known.is_some() {
            self.idle += 1;
        } else {
            self.free.push(page);
        }
    }

    /// Takes a page out of the tree; if nobody uses it, it is free.
    fn forget(&mut self, page: u32) {
        let place = &mut self.pages[page as usize];
        let Some(known) = place.known.take() else {
            return;
        };
        if place.users == 0 {
            self.idle -= 1;
            self.free.push(page);
        }
        if let Some(siblings) = self.children.get_mut(&known.parent) {
            siblings.retain(|s| *s != page);
            if siblings.is_empty() {
                self.children.remove(&known.parent);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(seed: u32, count: usize) -> Vec<u32> {
        (0..count as u32).map(|i| seed * 1000 + i).collect()
    }

    /// Computes all of a sequence and returns its table.
    fn run(pages: &mut Pages, tokens: &[u32]) -> Table {
        let mut table = pages.begin(tokens);
        pages.grow(&mut table, tokens.len()).expect("enough pages");
        pages.written(&mut table, tokens);
        table
    }

    #[test]
    fn a_second_sequence_shares_full_pages_and_copies_the_partial_one() {
        let mut pages = Pages::new(10, true);
        let first = tokens(1, 2 * PAGE + 10);
        let table = run(&mut pages, &first);
        let kept = table.pages.clone();
        pages.end(table, &first);
        assert_eq!(pages.available(), 10);

        let mut second = first.clone();
        second.truncate(2 * PAGE + 5);
        second.extend([7, 8, 9]);
        let mut table = pages.begin(&second);
        assert_eq!(table.length, 2 * PAGE + 5);
        assert_eq!(table.pages, kept);
        let copies = pages.grow(&mut table, second.len()).unwrap();
        assert_eq!(copies.len(), 1);
        assert_eq!(copies[0].from, kept[2]);
        assert_eq!(table.pages[..2], kept[..2]);
        assert_ne!(table.pages[2], kept[2]);
    }

    #[test]
    fn two_at_once_share_and_neither_writes_what_the_other_reads() {
        let mut pages = Pages::new(8, true);
        let text = tokens(1, PAGE + 3);
        let one = run(&mut pages, &text);
        let mut two = pages.begin(&text);
        // The partial page of one that is still running is not known.
        assert_eq!(two.length, PAGE);
        assert!(pages.grow(&mut two, text.len()).unwrap().is_empty());
        assert_eq!(one.pages[0], two.pages[0]);
        assert_ne!(one.pages[1], two.pages[1]);
        pages.end(one, &text);
        pages.written(&mut two, &text);
        pages.end(two, &text);
        assert_eq!(pages.available(), 8);
    }

    #[test]
    fn going_on_at_the_end_needs_no_copy() {
        let mut pages = Pages::new(4, true);
        let text = tokens(1, 10);
        let table = run(&mut pages, &text);
        pages.end(table, &text);
        let longer: Vec<u32> = text.iter().copied().chain([5, 6]).collect();
        let mut table = pages.begin(&longer);
        assert_eq!(table.length, 10);
        assert!(pages.grow(&mut table, 12).unwrap().is_empty());
        pages.written(&mut table, &longer);
        pages.end(table, &longer);
        assert_eq!(pages.begin(&longer).length, 11);
    }

    #[test]
    fn the_last_token_is_never_shared() {
        let mut pages = Pages::new(4, true);
        let text = tokens(1, PAGE);
        let table = run(&mut pages, &text);
        pages.end(table, &text);
        let table = pages.begin(&text);
        assert_eq!(table.length, PAGE - 1);
        pages.end(table, &text);
        assert_eq!(pages.available(), 4);
    }

    #[test]
    fn pages_of_finished_sequences_make_room_the_oldest_first() {
        let mut pages = Pages::new(3, true);
        let (a, b) = (tokens(1, PAGE), tokens(2, PAGE));
        for text in [&a, &b] {
            let table = run(&mut pages, text);
            pages.end(table, text);
        }
        let c = tokens(3, 2 * PAGE);
        let table = run(&mut pages, &c);
        assert_eq!(pages.begin(&a).length, 0);
        assert_eq!(pages.available(), 1);
        pages.end(table, &c);
        let found = pages.begin(&b);
        assert_eq!(found.length, PAGE - 1);
    }

    #[test]
    fn without_pages_growing_fails_and_nothing_is_lost() {
        let mut pages = Pages::new(2, true);
        let text = tokens(1, 2 * PAGE);
        let table = run(&mut pages, &text);
        let other = tokens(2, 5);
        let mut waiting = pages.begin(&other);
        assert!(pages.grow(&mut waiting, 5).is_none());
        pages.end(waiting, &[]);
        pages.end(table, &text);
        assert_eq!(pages.available(), 2);
    }

    #[test]
    fn without_sharing_everything_is_computed_anew() {
        let mut pages = Pages::new(4, false);
        let text = tokens(1, 2 * PAGE);
        let table = run(&mut pages, &text);
        pages.end(table, &text);
        assert_eq!(pages.begin(&text).length, 0);
        assert_eq!(pages.free.len(), 4);
    }

    #[test]
    fn pages_are_never_lost_whatever_happens() {
        let mut pages = Pages::new(12, true);
        let mut live: Vec<(Vec<u32>, Table)> = Vec::new();
        let mut state = 1u64;
        let mut draw = |n: u64| {
            state = state
                .wrapping_mul(6364136223846793005)
                .wrapping_add(1442695040888963407);
            (state >> 33) % n
        };
        for _ in 0..3000 {
            if live.len() < 4 && draw(2) == 0 {
                let mut text = tokens(draw(3) as u32, 1 + draw(80) as usize);
                if draw(2) == 0 {
                    text.push(draw(5) as u32);
                }
                let mut table = pages.begin(&text);
                assert!(table.length < text.len());
                match pages.grow(&mut table, text.len()) {
                    Some(_) => {
                        pages.written(&mut table, &text);
                        live.push((text, table));
                    }
                    None => {
                        let done = table.length;
                        pages.end(table, &text[..done]);
                    }
                }
            } else if !live.is_empty() {
                let (text, table) = live.swap_remove(draw(live.len() as u64) as usize);
                pages.end(table, &text);
            }
            let used: std::collections::HashSet<u32> =
                live.iter().flat_map(|(_, t)| t.pages.clone()).collect();
            assert_eq!(used.len() + pages.available(), 12);
        }
    }
}
