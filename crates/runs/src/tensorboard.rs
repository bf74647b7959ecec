//! Scalars in TensorBoard's file format: TFRecord frames of `Event` protocol buffers.

use modelwright_train::{Event, Observer};
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

/// Writes the curves of a run while it goes on.
pub struct TensorBoard {
    file: File,
}

impl TensorBoard {
    /// A new file in `folder`. A resumed run adds another, which TensorBoard joins to the first.
    pub fn create(folder: &Path) -> std::io::Result<Self> {
        std::fs::create_dir_all(folder)?;
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let name = format!(
            "events.out.tfevents.{}.modelwright.{}",
            now.as_secs(),
            now.subsec_nanos()
        );
        let mut board = Self {
            file: File::create(folder.join(name))?,
        };
        let mut version = field(1, now.as_secs_f64());
        bytes(&mut version, 3, b"brain.Event:2");
        board.frame(&version)?;
        Ok(board)
    }

    /// Adds one value of one curve.
    pub fn scalar(&mut self, tag: &str, step: usize, value: f64) -> std::io::Result<()> {
        let mut entry = Vec::new();
        bytes(&mut entry, 1, tag.as_bytes());
        entry.push(2 << 3 | 5);
        entry.extend((value as f32).to_le_bytes());
        let mut summary = Vec::new();
        bytes(&mut summary, 1, &entry);
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let mut event = field(1, now.as_secs_f64());
        event.push(2 << 3);
        varint(&mut event, step as u64);
        bytes(&mut event, 5, &summary);
        self.frame(&event)
    }

    /// Length, its checksum, content, its checksum.
    fn frame(&mut self, content: &[u8]) -> std::io::Result<()> {
        let length = (content.len() as u64).to_le_bytes();
        let mut frame = length.to_vec();
        frame.extend(masked(&length).to_le_bytes());
        frame.extend(content);
        frame.extend(masked(content).to_le_bytes());
        self.file.write_all(&frame)
    }
}

impl Observer for TensorBoard {
    fn observe(&mut self, event: &Event) -> Result<(), String> {
        let mut write = |tag: String, step: usize, value: f64| {
            self.scalar(&tag, step, value)
                .map_err(|e| format!("TensorBoard file: {e}"))
        };
        match event {
            Event::Step {
                step,
                loss,
                learning_rate,
                ..
            } => {
                write("step/loss".into(), *step, *loss)?;
                write("step/learning_rate".into(), *step, *learning_rate)
            }
            Event::EpochEnded {
                step,
                train,
                validation,
                ..
            } => {
                for (part, scores) in [("train", train), ("validation", validation)] {
                    for (name, value) in scores {
                        write(format!("{part}/{name}"), *step, *value)?;
                    }
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

fn masked(content: &[u8]) -> u32 {
    crc32c::crc32c(content)
        .rotate_right(15)
        .wrapping_add(0xa282_ead8)
}

/// A message that starts with a double.
fn field(number: u8, value: f64) -> Vec<u8> {
    let mut out = vec![number << 3 | 1];
    out.extend(value.to_le_bytes());
    out
}

fn bytes(out: &mut Vec<u8>, number: u8, content: &[u8]) {
    out.push(number << 3 | 2);
    varint(out, content.len() as u64);
    out.extend(content);
}

fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}
