//! The settings on which the two presets differ, each named after what it decides.

use std::fmt;
use std::str::FromStr;

/// A named set of settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Preset {
    /// The text of the published rule and nothing else.
    #[default]
    Literal,
    /// What EC2 actually opens.
    Effective,
}

impl Preset {
    /// Both presets.
    pub const ALL: [Self; 2] = [Self::Literal, Self::Effective];

    /// Returns the preset's name in `EGRESS_PRESET` and in policies.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Literal => "literal",
            Self::Effective => "effective",
        }
    }
}

impl fmt::Display for Preset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The error for a name that is not a preset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownPresetError(String);

impl fmt::Display for UnknownPresetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "preset `{}` does not exist: use `literal` or `effective`", crate::excerpt::excerpt(&self.0, 32))
    }
}

impl std::error::Error for UnknownPresetError {}

impl FromStr for Preset {
    type Err = UnknownPresetError;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|preset| preset.name() == name).ok_or_else(|| UnknownPresetError(name.to_owned()))
    }
}

/// The effect of a setting on the egress rules it covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Treatment {
    /// They are compliant.
    Allow,
    /// They are non-compliant.
    Block,
}

impl Treatment {
    /// Returns the treatment's name in policies.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Block => "block",
        }
    }

    const fn other(self) -> Self {
        match self {
            Self::Allow => Self::Block,
            Self::Block => Self::Allow,
        }
    }
}

macro_rules! settings {
    ($( $(#[$doc:meta])* $variant:ident, $field:ident, literal: $literal:ident, effective: $effective:ident; )*) => {
        /// A line of the decision table on which the presets differ, or that is literal.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Setting { $( $(#[$doc])* $variant, )* }

        impl Setting {
            /// Every setting.
            pub const ALL: &[Self] = &[$( Self::$variant, )*];

            /// Returns the setting's name in policies and messages.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $( Self::$variant => stringify!($field), )* }
            }
        }

        /// The treatment of each line on which the presets differ.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub struct Settings { $( $(#[$doc])* pub $field: Treatment, )* }

        impl Settings {
            /// Returns the settings of a preset.
            #[must_use]
            pub const fn of(preset: Preset) -> Self {
                match preset {
                    Preset::Literal => Self { $( $field: Treatment::$literal, )* },
                    Preset::Effective => Self { $( $field: Treatment::$effective, )* },
                }
            }

            /// Returns the treatment of a setting.
            #[must_use]
            pub const fn get(&self, setting: Setting) -> Treatment {
                match setting { $( Setting::$variant => self.$field, )* }
            }

            /// Returns these settings with one setting changed.
            #[must_use]
            pub const fn with(mut self, setting: Setting, treatment: Treatment) -> Self {
                match setting { $( Setting::$variant => self.$field = treatment, )* }
                self
            }
        }
    };
}

settings! {
    /// `-1` or another protocol number with equal ports: EC2 ignores the ports and opens all of them.
    IgnoredPorts, ignored_ports, literal: Allow, effective: Block;
    /// tcp or udp from -1 to -1: equal, but not a single port.
    MinusOnePorts, minus_one_ports, literal: Allow, effective: Block;
    /// An `IpProtocol` that EC2 does not know, or none, with equal ports.
    UnrecognizedProtocol, unrecognized_protocol, literal: Allow, effective: Block;
    /// icmp or icmpv6 whose type (`FromPort`) and code (`ToPort`) differ: one ICMP type, not a range.
    IcmpTypeAndCode, icmp_type_and_code, literal: Block, effective: Allow;
    /// icmpv6 without type and code, which EC2 reads as all `ICMPv6` types.
    Icmpv6WithoutType, icmpv6_without_type, literal: Block, effective: Allow;
    /// CDK's "Disallow all traffic" rule (icmp 252/86 to `255.255.255.255/32`), which matches nothing.
    NoTrafficPlaceholder, no_traffic_placeholder, literal: Block, effective: Allow;
    /// Protocol `-1` to `127.0.0.1/32` or `::1/128` only: AWS's documented way to deny all egress.
    LoopbackOnly, loopback_only, literal: Block, effective: Allow;
    /// A group without egress rules, to which EC2 adds its default rule that allows all traffic when
    /// it creates the group.
    DefaultEgress, default_egress, literal: Allow, effective: Allow;
}

impl Settings {
    /// Returns these settings with one setting inverted.
    #[must_use]
    pub(crate) const fn flipped(self, setting: Setting) -> Self {
        self.with(setting, self.get(setting).other())
    }

    pub(crate) fn allows(&self, setting: Setting) -> bool {
        self.get(setting) == Treatment::Allow
    }
}

impl Default for Settings {
    /// Returns the settings of the published rule.
    fn default() -> Self {
        Self::of(Preset::default())
    }
}

impl From<Preset> for Settings {
    fn from(preset: Preset) -> Self {
        Self::of(preset)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn presets_have_names_and_others_are_refused_by_naming_them() {
        for preset in Preset::ALL {
            assert_eq!(preset.name().parse(), Ok(preset));
        }
        let refused = "Literal\n".parse::<Preset>().unwrap_err();
        assert_eq!(refused.to_string(), "preset `Literal ` does not exist: use `literal` or `effective`");
    }

    #[test]
    fn flipping_a_setting_twice_changes_nothing() {
        for preset in Preset::ALL {
            let settings = Settings::of(preset);
            for &setting in Setting::ALL {
                assert_ne!(settings.flipped(setting), settings);
                assert_eq!(settings.flipped(setting).flipped(setting), settings);
            }
        }
    }
}
