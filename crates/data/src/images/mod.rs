//! Sets of pictures.

mod cifar;
mod folder;
mod idx;
mod raster;

pub use cifar::{Cifar, read as read_cifar};
pub use folder::{is_picture, list_pictures, read as read_folder};
pub use idx::{read_images as read_idx_images, read_pair as read_idx_pair};
pub use raster::{PictureLimits, Raster, decode_bytes, read_picture};

use crate::dataset::Part;
use crate::error::DataError;
use rayon::prelude::*;
use std::collections::BTreeSet;
use std::path::PathBuf;
use xxhash_rust::xxh3::xxh3_64;

/// Largest decoded set that is kept in memory, in bytes; larger ones are decoded when needed.
const MEMORY_LIMIT: usize = 2 << 30;

/// Pictures with labels.
#[derive(Debug, Clone)]
pub struct ImageSet {
    /// Class names; a label is an index into them.
    pub classes: Vec<String>,
    /// One label a picture; `None` where the source has none.
    pub labels: Vec<Option<u32>>,
    /// The part that the source prescribes for each picture.
    pub given: Vec<Option<Part>>,
    /// The pictures.
    pub pixels: Pixels,
}

/// Where the pixels are.
#[derive(Debug, Clone)]
pub enum Pixels {
    /// Decoded, all of one size: `[height, width, channels]`, row by row, 8 bits.
    Packed {
        /// Height, width, channels.
        shape: [usize; 3],
        /// Count x height x width x channels bytes.
        bytes: Vec<u8>,
    },
    /// Decoded, each of its own size.
    Rasters(Vec<Raster>),
    /// In files, of any size.
    Files(Vec<PathBuf>),
}

impl ImageSet {
    /// Pictures that nothing is known about.
    pub fn unlabelled(pixels: Pixels) -> Self {
        let count = match &pixels {
            Pixels::Packed { shape, bytes } => bytes.len() / shape.iter().product::<usize>().max(1),
            Pixels::Rasters(rasters) => rasters.len(),
            Pixels::Files(paths) => paths.len(),
        };
        Self {
            classes: Vec::new(),
            labels: vec![None; count],
            given: vec![None; count],
            pixels,
        }
    }

    /// Number of pictures.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// What to call picture `i` in a message.
    pub fn name(&self, i: usize) -> String {
        match &self.pixels {
            Pixels::Packed { .. } | Pixels::Rasters(_) => format!("#{i}"),
            Pixels::Files(paths) => paths[i].display().to_string(),
        }
    }

    /// Picture `i` in its own size and channels.
    pub fn raster(&self, i: usize) -> Result<Raster, DataError> {
        match &self.pixels {
            Pixels::Packed { shape, .. } => Ok(Raster::new(
                *shape,
                self.packed(i).unwrap_or_default().to_vec(),
            )),
            Pixels::Rasters(rasters) => Ok(rasters[i].clone()),
            Pixels::Files(paths) => read_picture(&paths[i]),
        }
    }

    /// The pixels of picture `i` if they are in memory.
    pub fn packed(&self, i: usize) -> Option<&[u8]> {
        match &self.pixels {
            Pixels::Packed { shape, bytes } => {
                let size = shape.iter().product::<usize>();
                bytes.get(i * size..(i + 1) * size)
            }
            Pixels::Rasters(rasters) => rasters.get(i).map(Raster::pixels),
            Pixels::Files(_) => None,
        }
    }

    /// The pixels of picture `i` if they are in memory in this shape.
    pub fn packed_as(&self, i: usize, shape: [usize; 3]) -> Option<&[u8]> {
        let own = match &self.pixels {
            Pixels::Packed { shape, .. } => Some(*shape),
            Pixels::Rasters(rasters) => rasters.get(i).map(Raster::shape),
            Pixels::Files(_) => None,
        };
        self.packed(i).filter(|_| own == Some(shape))
    }

    /// A hash of the content of picture `i`.
    ///
    /// # Errors
    /// Its file cannot be read.
    pub fn hash(&self, i: usize) -> Result<u64, DataError> {
        match &self.pixels {
            Pixels::Packed { .. } | Pixels::Rasters(_) => {
                Ok(xxh3_64(self.packed(i).unwrap_or_default()))
            }
            Pixels::Files(paths) => std::fs::read(&paths[i])
                .map(|bytes| xxh3_64(&bytes))
                .map_err(|e| DataError::io(&paths[i], &e)),
        }
    }

    /// A hash of the content of each picture.
    ///
    /// # Errors
    /// The first picture whose file cannot be read.
    pub fn hashes(&self) -> Result<Vec<u64>, DataError> {
        (0..self.len())
            .into_par_iter()
            .map(|i| self.hash(i))
            .collect()
    }

    /// The set reduced to the pictures in `keep`.
    pub fn select(&self, keep: &[usize]) -> Self {
        let pixels = match &self.pixels {
            Pixels::Files(paths) => Pixels::Files(keep.iter().map(|i| paths[*i].clone()).collect()),
            Pixels::Rasters(rasters) => {
                Pixels::Rasters(keep.iter().map(|i| rasters[*i].clone()).collect())
            }
            Pixels::Packed { shape, .. } => Pixels::Packed {
                shape: *shape,
                bytes: keep
                    .iter()
                    .flat_map(|i| self.packed(*i).unwrap_or_default())
                    .copied()
                    .collect(),
            },
        };
        Self {
            classes: self.classes.clone(),
            labels: keep.iter().map(|i| self.labels[*i]).collect(),
            given: keep.iter().map(|i| self.given[*i]).collect(),
            pixels,
        }
    }

    /// Puts the decoded pictures of `other` behind those of `self`.
    ///
    /// # Errors
    /// They are not decoded picture by picture, as [`Pixels::Rasters`] are.
    pub fn append(&mut self, other: Self) -> Result<(), DataError> {
        let (Pixels::Rasters(rasters), Pixels::Rasters(more)) = (&mut self.pixels, other.pixels)
        else {
            return Err(DataError::new("pictures", "not decoded one by one", ""));
        };
        rasters.extend(more);
        self.labels.extend(other.labels);
        self.given.extend(other.given);
        Ok(())
    }

    /// Decodes every picture to `shape` and keeps the result if it fits in memory.
    ///
    /// Every file is read once, so an unreadable one is found now and not in the third epoch.
    ///
    /// # Errors
    /// The first picture that cannot be read.
    pub fn pack(
        &mut self,
        shape: [usize; 3],
        progress: &(dyn Fn(usize, usize) + Sync),
    ) -> Result<(), DataError> {
        if matches!(&self.pixels, Pixels::Packed { shape: s, .. } if *s == shape) {
            return Ok(());
        }
        let size: usize = shape.iter().product();
        let total = self.len();
        let done = std::sync::atomic::AtomicUsize::new(0);
        let decode = |i: usize| {
            let raster = self.raster(i)?.fit(shape);
            let n = done.fetch_add(1, std::sync::atomic::Ordering::Relaxed) + 1;
            progress(n, total);
            Ok(raster)
        };
        if size.saturating_mul(total) > MEMORY_LIMIT {
            return (0..total)
                .into_par_iter()
                .try_for_each(|i| decode(i).map(drop));
        }
        let mut bytes = vec![0; size * total];
        bytes.par_chunks_mut(size.max(1)).enumerate().try_for_each(
            |(i, chunk)| -> Result<(), DataError> {
                chunk.copy_from_slice(decode(i)?.pixels());
                Ok(())
            },
        )?;
        self.pixels = Pixels::Packed { shape, bytes };
        Ok(())
    }

    /// Pictures that cannot be decoded, with the reason.
    pub fn unreadable(&self) -> Vec<(usize, DataError)> {
        (0..self.len())
            .into_par_iter()
            .filter_map(|i| self.raster(i).err().map(|e| (i, e)))
            .collect()
    }

    /// Leaves out the pictures that cannot be read; returns their names.
    pub fn leave_out_unreadable(&mut self) -> Vec<String> {
        let bad: BTreeSet<usize> = self.unreadable().into_iter().map(|(i, _)| i).collect();
        let names = bad.iter().map(|i| self.name(*i)).collect();
        if !bad.is_empty() {
            let keep: Vec<usize> = (0..self.len()).filter(|i| !bad.contains(i)).collect();
            *self = self.select(&keep);
        }
        names
    }

    /// The height, width and channels of each picture, read from the headers.
    pub fn shapes(&self) -> Result<Vec<[usize; 3]>, DataError> {
        match &self.pixels {
            Pixels::Packed { shape, .. } => Ok(vec![*shape; self.len()]),
            Pixels::Rasters(rasters) => Ok(rasters.iter().map(Raster::shape).collect()),
            Pixels::Files(paths) => paths.par_iter().map(|p| raster::shape_of(p)).collect(),
        }
    }
}
