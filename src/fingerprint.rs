//! Hashes that identify a text or a finding across runs and versions.

/// FNV-1a, 64 bits: small and the same in every compiler version, but not secure against deliberate collisions.
/// (source: Fowler, Noll, Vo, "The FNV Non-Cryptographic Hash Algorithm")
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint(u64);

impl Fingerprint {
    /// Returns the fingerprint of an empty text, to which parts are added.
    #[must_use]
    pub const fn new() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }

    /// Returns the fingerprint of one whole text.
    #[must_use]
    pub fn of(text: &str) -> Self {
        text.bytes().fold(Self::new(), Self::byte)
    }

    /// Returns this fingerprint with one more part, separated from the previous parts by a byte that never occurs in
    /// text.
    #[must_use]
    pub fn with(self, part: &str) -> Self {
        part.bytes().chain([0xff]).fold(self, Self::byte)
    }

    const fn byte(self, byte: u8) -> Self {
        Self((self.0 ^ byte as u64).wrapping_mul(0x0100_0000_01b3))
    }

    /// Returns 16 hexadecimal digits.
    #[must_use]
    pub fn text(self) -> String {
        format!("{:016x}", self.0)
    }
}

impl Default for Fingerprint {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_published_function_and_keeps_parts_apart() {
        assert_eq!(Fingerprint::of("foobar").text(), "85944171f73967e8");
        assert_ne!(Fingerprint::new().with("ab").with("c"), Fingerprint::new().with("a").with("bc"));
    }
}
