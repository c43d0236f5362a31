//! Git repositories as folders: where one begins, and which files it tracks. Works without git.

mod index;

use std::cell::OnceCell;
use std::path::{Path, PathBuf};

use index::GitIndex;

/// A git repository with a work tree.
#[derive(Debug)]
pub(crate) struct Repository {
    root: PathBuf,
    /// The folder that contains the index.
    folder: PathBuf,
    index: OnceCell<Result<GitIndex, String>>,
}

impl Repository {
    /// Returns the repository with this root folder, if it is one.
    pub(crate) fn at(root: &Path) -> Option<Self> {
        let git = root.join(".git");
        let metadata = git.metadata().ok()?;
        let folder = if metadata.is_dir() {
            git.join("HEAD").symlink_metadata().ok()?;
            git
        } else {
            // A work tree or a submodule: the file contains the folder's path.
            let text = std::fs::read_to_string(git).ok()?;
            root.join(text.strip_prefix("gitdir:")?.trim())
        };
        Some(Self { root: root.to_owned(), folder, index: OnceCell::new() })
    }

    /// Returns the repository that contains this folder, given by its canonical path.
    pub(crate) fn around(folder: &Path) -> Option<Self> {
        folder.ancestors().find_map(Self::at)
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Returns whether git tracks a file, given by its canonical path, or why that is unknown.
    pub(crate) fn tracks(&self, file: &Path) -> Result<bool, &str> {
        let index = self.index.get_or_init(|| self.read_index()).as_ref().map_err(String::as_str)?;
        let path = file.strip_prefix(&self.root).unwrap_or(file).as_os_str().as_encoded_bytes();
        Ok(if std::path::MAIN_SEPARATOR == '\\' {
            let path: Vec<u8> = path.iter().map(|byte| if *byte == b'\\' { b'/' } else { *byte }).collect();
            index.has(&path)
        } else {
            index.has(path)
        })
    }

    fn read_index(&self) -> Result<GitIndex, String> {
        let file = self.folder.join("index");
        match std::fs::read(&file) {
            Ok(bytes) => GitIndex::read(&bytes).map_err(|why| format!("`{}`: {why}", file.display())),
            // No file was added yet.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && self.folder.is_dir() => {
                Ok(GitIndex::default())
            }
            Err(error) => Err(format!("`{}`: {error}", file.display())),
        }
    }
}
