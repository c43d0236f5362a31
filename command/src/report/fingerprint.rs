//! What makes a finding the same one after the lines around it have moved.

/// FNV-1a, 64 bits: small, and the same in every version of the compiler.
/// (source: Fowler, Noll, Vo, "The FNV Non-Cryptographic Hash Algorithm")
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Fingerprint(u64);

impl Fingerprint {
    pub(super) const fn new() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }

    /// This fingerprint with another part behind it.
    pub(super) fn with(self, part: &str) -> Self {
        part.bytes().chain([0xff]).fold(self, Self::byte)
    }

    const fn byte(self, byte: u8) -> Self {
        Self((self.0 ^ byte as u64).wrapping_mul(0x0100_0000_01b3))
    }

    pub(super) fn text(self) -> String {
        format!("{:016x}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_published_function_and_keeps_parts_apart() {
        let published = b"foobar".iter().copied().fold(Fingerprint::new(), Fingerprint::byte);
        assert_eq!(published.text(), "85944171f73967e8");
        assert_ne!(Fingerprint::new().with("ab").with("c").text(), Fingerprint::new().with("a").with("bc").text());
    }
}
