//! The contents of a function's zip file, actual and expected.

use std::io::{Cursor, Read};

use sha2::{Digest, Sha256};
use zip::ZipArchive;
use zip::result::ZipError;

use super::record::PackageDigests;
use cfn_egress_guard_core::policy;
use cfn_egress_guard_core::rule::excerpt;

/// The program in the zip file (source: Lambda Developer Guide, "Building a custom runtime").
const BOOTSTRAP: &str = "bootstrap";

/// The function's zip file in the package that `make package` creates.
const FUNCTION_ZIP: &str = "bootstrap.zip";

/// The file that records the origin of program and policy (written by deploy/build.sh and deploy/policy.sh).
const ORIGIN: &str = "origin.txt";

/// The number of its bytes that are read.
const MAX_ORIGIN: u64 = 4096;

/// The maximum size of an unpacked file (Lambda's quota for all of them together: 250 MB).
const MAX_UNPACKED: u64 = 250 * 1024 * 1024;

/// The maximum number of files in a package that is searched for the function's zip file.
const MAX_FILES: usize = 10_000;

/// The expected contents of the function.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Expected {
    /// The packages, one of which must match: one for each architecture.
    pub packages: Vec<Package>,
    /// The SHA-256 of the policy file, in hexadecimal; it replaces the packages' policy.
    pub policy: Option<String>,
    /// The hashes of the zip file as Lambda returns them (base64), one of which must match.
    pub code_sha256: Vec<String>,
}

impl Expected {
    /// Returns whether the expected code is known.
    #[must_use]
    pub(crate) fn is_code(&self) -> bool {
        !self.packages.is_empty() || !self.code_sha256.is_empty()
    }

    /// Returns whether the expected policy is known.
    #[must_use]
    pub(crate) fn is_policy(&self) -> bool {
        !self.packages.is_empty() || self.policy.is_some()
    }
}

/// A package that could be deployed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Package {
    /// The SHA-256 of its zip file in base64, if it is one.
    pub code_sha256: Option<String>,
    /// Its contents.
    pub contents: PackageDigests,
}

impl Package {
    /// Reads a function's zip file, or the package that `make package` creates, which contains one.
    ///
    /// # Errors
    /// When it is not such a file; the error is a message.
    pub fn read(bytes: &[u8]) -> Result<Self, String> {
        let mut archive = open(bytes)?;
        let inner = archive
            .file_names()
            .take(MAX_FILES)
            .filter_map(Result::ok)
            .find(|name| name.rsplit('/').next() == Some(FUNCTION_ZIP))
            .map(|name| name.into_owned());
        let Some(inner) = inner else { return Self::of_function(bytes) };
        let mut function = Vec::new();
        let file = archive.by_name(&inner).map_err(|error| error.to_string())?;
        file.take(MAX_UNPACKED).read_to_end(&mut function).map_err(|error| error.to_string())?;
        Self::of_function(&function)
    }

    fn of_function(bytes: &[u8]) -> Result<Self, String> {
        let contents = PackageDigests::read(bytes)?;
        if contents.bootstrap_sha256.is_none() {
            return Err(format!("it has no {BOOTSTRAP}, so it is not a cfn-egress-guard package"));
        }
        Ok(Self { code_sha256: Some(base64_sha256(bytes)), contents })
    }

    /// Reads a folder that `make build` creates: the program and the policy beside it, if there is one.
    #[must_use]
    pub fn of_files(bootstrap: &[u8], policy: Option<&[u8]>) -> Self {
        let contents = PackageDigests {
            bootstrap_sha256: Some(hex_sha256(bootstrap)),
            policy_sha256: policy.map(hex_sha256),
            policy_origin: None,
        };
        Self { code_sha256: None, contents }
    }
}

impl PackageDigests {
    /// Reads a function's zip file.
    ///
    /// # Errors
    /// When it is not a zip file, or a file in it cannot be unpacked; the error is a message.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, String> {
        let mut archive = open(bytes)?;
        Ok(Self {
            bootstrap_sha256: unpacked_sha256(&mut archive, BOOTSTRAP)?,
            policy_sha256: unpacked_sha256(&mut archive, policy::FILE_NAME)?,
            policy_origin: origin(&mut archive),
        })
    }
}

/// Returns the policy's origin as the zip file records it: `commit 1234, set 2026-11-25T10:00:00Z by …`.
fn origin(archive: &mut ZipArchive<Cursor<&[u8]>>) -> Option<String> {
    let mut text = String::new();
    archive.by_name(ORIGIN).ok()?.take(MAX_ORIGIN).read_to_string(&mut text).ok()?;
    let line =
        |name: &str| text.lines().find_map(|line| line.strip_prefix(name)).map(|described| excerpt(described, 200));
    let set = line("set: ").map(|set| format!("set {set}"));
    let described: Vec<String> = line("policy: ").into_iter().chain(set).collect();
    (!described.is_empty()).then(|| described.join(", "))
}

fn open(bytes: &[u8]) -> Result<ZipArchive<Cursor<&[u8]>>, String> {
    ZipArchive::new(Cursor::new(bytes)).map_err(|error| format!("not a readable zip file: {error}"))
}

/// Returns the hash of a file, or nothing if it does not exist.
fn unpacked_sha256(archive: &mut ZipArchive<Cursor<&[u8]>>, name: &str) -> Result<Option<String>, String> {
    let unpacked = |error: &dyn std::fmt::Display| format!("{name} cannot be unpacked: {error}");
    let mut file = match archive.by_name(name) {
        Ok(file) => file.take(MAX_UNPACKED + 1),
        Err(ZipError::FileNotFound) => return Ok(None),
        Err(error) => return Err(unpacked(&error)),
    };
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 64 * 1024];
    let mut length = 0;
    loop {
        let read = file.read(&mut buffer).map_err(|error| unpacked(&error))?;
        if read == 0 {
            return Ok(Some(hex(&hash.finalize())));
        }
        hash.update(buffer.get(..read).unwrap_or_default());
        length += u64::try_from(read).unwrap_or(u64::MAX);
        if length > MAX_UNPACKED {
            return Err(unpacked(&format!("it is larger than {} MB", MAX_UNPACKED / (1024 * 1024))));
        }
    }
}

/// Returns a hash as Lambda does for a zip file.
pub(super) fn base64_sha256(bytes: &[u8]) -> String {
    aws_smithy_types::base64::encode(Sha256::digest(bytes))
}

/// Returns a hash as `sha256sum` prints it.
#[must_use]
pub fn hex_sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use zip::write::{SimpleFileOptions, ZipWriter};

    use super::*;

    #[test]
    fn a_zip_file_with_a_slip_is_read_or_refused() {
        let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
        for (name, text) in [(BOOTSTRAP, "program"), (policy::FILE_NAME, ""), (ORIGIN, "policy: commit 1\nset: now\n")]
        {
            writer.start_file(name, SimpleFileOptions::default()).unwrap();
            writer.write_all(text.as_bytes()).unwrap();
        }
        let bytes = writer.finish().unwrap().into_inner();
        let whole = PackageDigests::read(&bytes).unwrap();
        assert_eq!(whole.bootstrap_sha256.as_deref(), Some(hex_sha256(b"program").as_str()));
        assert_eq!(whole.policy_origin.as_deref(), Some("commit 1, set now"));
        let is_answered = |bytes: &[u8]| PackageDigests::read(bytes).err().is_none_or(|message| !message.is_empty());
        for at in 0..bytes.len() {
            assert!(is_answered(&bytes[..at]), "{at}");
            for slip in [0, 1, 0x7f, 0xff] {
                let mut changed = bytes.clone();
                changed[at] = slip;
                assert!(is_answered(&changed), "{at}: {slip}");
            }
        }
    }
}
