//! Enumerations that are chosen by the name of a variant.

/// Implements [`FromStr`](std::str::FromStr) for an enumeration; the error lists all names.
#[doc(hidden)]
#[macro_export]
macro_rules! names {
    ($type:ident, $what:literal, $($name:literal => $variant:ident),+ $(,)?) => {
        impl std::str::FromStr for $type {
            type Err = $crate::Error;

            fn from_str(text: &str) -> $crate::Result<Self> {
                match text {
                    $($name => Ok(Self::$variant),)+
                    _ => Err($crate::Error::input(concat!("unknown ", $what))
                        .detail(format!("found {text:?}, expected one of {}", [$($name),+].join(", ")))),
                }
            }
        }
    };
}
