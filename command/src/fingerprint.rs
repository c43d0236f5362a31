//! What makes a text or a finding the same one as before.

/// FNV-1a, 64 bits: small, the same in every version of the compiler, and no protection against somebody who
/// means harm. (source: Fowler, Noll, Vo, "The FNV Non-Cryptographic Hash Algorithm")
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint(u64);

impl Fingerprint {
    /// The fingerprint of nothing, to which parts are added.
    #[must_use]
    pub const fn new() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }

    /// The fingerprint of one whole text.
    #[must_use]
    pub fn of(text: &str) -> Self {
        text.bytes().fold(Self::new(), Self::byte)
    }

    /// This fingerprint with another part behind it, kept apart from those before by a byte that no text has.
    #[must_use]
    pub fn with(self, part: &str) -> Self {
        part.bytes().chain([0xff]).fold(self, Self::byte)
    }

    const fn byte(self, byte: u8) -> Self {
        Self((self.0 ^ byte as u64).wrapping_mul(0x0100_0000_01b3))
    }

    /// 16 hexadecimal digits.
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
