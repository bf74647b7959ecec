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

#[cfg(test)]
mod tests {
    use super::*;

    /// The contents of the frames, after a look at their lengths and checksums.
    fn frames(mut file: &[u8]) -> Vec<Vec<u8>> {
        let mut out = Vec::new();
        let mut take = |n: usize| {
            let (head, rest) = file.split_at(n);
            file = rest;
            (head, rest.is_empty())
        };
        loop {
            let (length, _) = take(8);
            let (check, _) = take(4);
            assert_eq!(check, mask(length).to_le_bytes(), "checksum of the length");
            let length = u64::from_le_bytes(length.try_into().unwrap());
            let (content, _) = take(length as usize);
            let (check, last) = take(4);
            assert_eq!(
                check,
                mask(content).to_le_bytes(),
                "checksum of the content"
            );
            out.push(content.to_vec());
            if last {
                return out;
            }
        }
    }

    /// Masked CRC-32C as TFRecord's documentation has it, bit by bit.
    fn mask(content: &[u8]) -> u32 {
        let mut crc = u32::MAX;
        for byte in content {
            crc ^= u32::from(*byte);
            for _ in 0..8 {
                let low = crc & 1;
                crc >>= 1;
                if low == 1 {
                    crc ^= 0x82f6_3b78;
                }
            }
        }
        let crc = !crc;
        crc.rotate_right(15).wrapping_add(0xa282_ead8)
    }

    /// The fields of a protocol buffer message: number and content, or the bytes of a plain value.
    fn fields(mut message: &[u8]) -> Vec<(u8, Vec<u8>)> {
        let mut out = Vec::new();
        while let [key, rest @ ..] = message {
            let (content, rest) = match key & 7 {
                0 => {
                    let n = 1 + rest.iter().position(|b| b & 0x80 == 0).unwrap();
                    rest.split_at(n)
                }
                1 => rest.split_at(8),
                5 => rest.split_at(4),
                2 => {
                    // Lengths in these tests take one byte.
                    assert!(rest[0] < 0x80);
                    rest[1..].split_at(rest[0] as usize)
                }
                other => panic!("wire type {other}"),
            };
            out.push((key >> 3, content.to_vec()));
            message = rest;
        }
        out
    }

    fn of(fields: &[(u8, Vec<u8>)], number: u8) -> &[u8] {
        &fields.iter().find(|(n, _)| *n == number).unwrap().1
    }

    #[test]
    fn the_file_reads_back_as_tensorboard_reads_it() {
        // The check value of CRC-32C is 0xe3069283.
        assert_eq!(
            mask(b"123456789"),
            0xe306_9283_u32.rotate_right(15).wrapping_add(0xa282_ead8)
        );
        let folder = tempfile::tempdir().unwrap();
        let mut board = TensorBoard::create(folder.path()).unwrap();
        let event = Event::EpochEnded {
            epoch: 1,
            step: 300,
            train: vec![("loss".into(), 0.5)],
            validation: vec![("accuracy".into(), 0.75)],
            best: true,
            seconds: 1.0,
        };
        board.observe(&event).unwrap();
        drop(board);
        let entry = std::fs::read_dir(folder.path()).unwrap().next().unwrap();
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        assert!(name.starts_with("events.out.tfevents."), "{name}");

        let frames = frames(&std::fs::read(path).unwrap());
        assert_eq!(frames.len(), 3);
        assert_eq!(of(&fields(&frames[0]), 3), b"brain.Event:2");
        for (frame, tag, value) in [
            (&frames[1], "train/loss", 0.5f32),
            (&frames[2], "validation/accuracy", 0.75),
        ] {
            let event = fields(frame);
            let time = f64::from_le_bytes(of(&event, 1).try_into().unwrap());
            assert!(time > 1.6e9, "seconds since 1970: {time}");
            // 300 as a variable-length number.
            assert_eq!(of(&event, 2), [0xac, 0x02]);
            let summary = fields(of(&event, 5));
            let entry = fields(of(&summary, 1));
            assert_eq!(of(&entry, 1), tag.as_bytes());
            assert_eq!(of(&entry, 2), value.to_le_bytes());
        }
    }
}
