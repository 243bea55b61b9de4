//! Enumerations that are chosen by the name of a variant.

/// Gives the variants of an enumeration names, and implements [`FromStr`](std::str::FromStr). The error lists all names.
#[doc(hidden)]
#[macro_export]
macro_rules! names {
    ($type:ident, $what:literal, $($name:literal => $variant:ident),+ $(,)?) => {
        impl $type {
            /// All names, in the order in which a help lists them.
            pub const NAMES: &'static [&'static str] = &[$($name),+];

            /// The name.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }
        }

        impl std::str::FromStr for $type {
            type Err = $crate::Error;

            fn from_str(text: &str) -> $crate::Result<Self> {
                match text {
                    $($name => Ok(Self::$variant),)+
                    _ => Err($crate::Error::input(concat!("unknown ", $what))
                        .detail(format!("found {text:?}, expected one of {}", Self::NAMES.join(", ")))),
                }
            }
        }
    };
}
