//! The real program in a folder of its own.
#![allow(dead_code)] // each test file uses its part

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A fresh folder in which `modelwright` runs.
pub struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    pub fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content).unwrap();
        path
    }

    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_modelwright"));
        command.args(args).current_dir(self.folder.path());
        for name in [
            "MODELWRIGHT_RUNS",
            "MODELWRIGHT_MIRROR",
            "MODELWRIGHT_CACHE",
        ] {
            command.env_remove(name);
        }
        command
    }

    pub fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    /// Standard output of a call that must succeed.
    pub fn ok(&self, args: &[&str]) -> String {
        let output = self.run(args);
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{args:?} failed:\n{error}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// JSON of a call that must succeed.
    pub fn json(&self, args: &[&str]) -> serde_json::Value {
        serde_json::from_str(&self.ok(args)).unwrap()
    }

    /// Standard error of a call that must fail with an error, not a crash.
    pub fn fails(&self, args: &[&str]) -> String {
        let output = self.run(args);
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{args:?}:\n{error}");
        assert!(!error.contains("panicked"), "{args:?}:\n{error}");
        error
    }

    pub fn model_bytes(&self, run: &str) -> Vec<u8> {
        std::fs::read(self.path(&format!("runs/{run}/bundle/model.safetensors"))).unwrap()
    }
}

/// A folder of tiny pictures in two classes, told apart by brightness.
pub fn pictures(place: &Place, folder: &str, endings: &[&str], count: usize) {
    for (class, base) in [("dark", 30u8), ("light", 200u8)] {
        for i in 0..count {
            let picture = image::RgbImage::from_fn(12, 10, |x, y| {
                let v = base.wrapping_add((x * 3 + y * 2 + i as u32) as u8 % 40);
                image::Rgb([v, v / 2, v])
            });
            let path = place.path(&format!(
                "{folder}/{class}/{i}.{}",
                endings[i % endings.len()]
            ));
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            picture.save(&path).unwrap();
        }
    }
}

pub fn shared(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .join(path)
}
