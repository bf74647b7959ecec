//! Reading a header without trusting it.

use std::io::Read;

/// Values of all lists together; the largest vocabularies need a tenth of it.
const MOST_VALUES: u64 = 1 << 24;

/// Reads little-endian numbers and texts, and knows how much of the file is left.
pub(super) struct Reader<R> {
    source: R,
    size: u64,
    position: u64,
    values: u64,
}

impl<R: Read> Reader<R> {
    /// Of a source of `size` bytes.
    pub fn new(source: R, size: u64) -> Self {
        Self {
            source,
            size,
            position: 0,
            values: 0,
        }
    }

    /// Bytes that have been read.
    pub fn position(&self) -> u64 {
        self.position
    }

    fn left(&self) -> u64 {
        self.size.saturating_sub(self.position)
    }

    fn ended(&self, wanted: u64) -> String {
        format!(
            "the file is cut off: at byte {} it should go on for {wanted} bytes, but it has {} in all",
            self.position, self.size
        )
    }

    /// The next `N` bytes.
    pub fn bytes<const N: usize>(&mut self) -> Result<[u8; N], String> {
        if self.left() < N as u64 {
            return Err(self.ended(N as u64));
        }
        let mut bytes = [0; N];
        let read = self.source.read_exact(&mut bytes);
        read.map_err(|e| format!("at byte {}: {e}", self.position))?;
        self.position += N as u64;
        Ok(bytes)
    }

    /// A 32-bit number.
    pub fn u32(&mut self) -> Result<u32, String> {
        self.bytes().map(u32::from_le_bytes)
    }

    /// A 64-bit number.
    pub fn u64(&mut self) -> Result<u64, String> {
        self.bytes().map(u64::from_le_bytes)
    }

    /// A number of things, each of which takes at least `least` bytes of what is left.
    pub fn count(&mut self, of: &str, least: u64) -> Result<u64, String> {
        let count = self.u64()?;
        match count <= self.left() / least {
            true => Ok(count),
            false => Err(format!(
                "it gives {count} as the number of {of}, more than the {} bytes that are left can hold",
                self.left()
            )),
        }
    }

    /// Sees to it that all lists together stay in bounds; a value in memory is larger than in the file.
    pub fn take_values(&mut self, count: u64) -> Result<(), String> {
        self.values = self.values.saturating_add(count);
        match self.values <= MOST_VALUES {
            true => Ok(()),
            false => Err(format!(
                "its lists have more than {MOST_VALUES} values together"
            )),
        }
    }

    /// A text: its length in bytes, and UTF-8.
    pub fn text(&mut self) -> Result<String, String> {
        let length = self.u64()?;
        if length > self.left() {
            return Err(self.ended(length));
        }
        let mut bytes = Vec::new();
        let read = self.source.by_ref().take(length).read_to_end(&mut bytes);
        read.map_err(|e| format!("at byte {}: {e}", self.position))?;
        if bytes.len() as u64 != length {
            return Err(self.ended(length));
        }
        let start = self.position;
        self.position += length;
        String::from_utf8(bytes).map_err(|e| {
            let place = start + e.utf8_error().valid_up_to() as u64;
            format!("the text at byte {start} is not UTF-8 (byte {place})")
        })
    }
}
