//! Pictures in a terminal: the protocol that the terminal knows, and its escape sequences.
//!
//! The protocol is told by environment variables alone. A query to the terminal could wait for an answer that never comes.
//! Terminals that know only sixel get no picture: sixel needs a palette, and a crate for that is larger than its use here.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// How a terminal takes a PNG.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// kitty's graphics protocol, <https://sw.kovidgoyal.net/kitty/graphics-protocol/>: kitty, Ghostty.
    Kitty,
    /// iTerm2's inline images, <https://iterm2.com/documentation-images.html>: iTerm2, WezTerm, mintty.
    Iterm,
}

impl Protocol {
    /// The protocol of the terminal that the environment describes.
    pub fn of_environment() -> Option<Self> {
        Self::of(|name| std::env::var(name).ok())
    }

    fn of(variable: impl Fn(&str) -> Option<String>) -> Option<Self> {
        let is = |name: &str, values: &[&str]| {
            variable(name).is_some_and(|value| values.contains(&value.as_str()))
        };
        let is_set = |name: &str| variable(name).is_some_and(|value| !value.is_empty());
        // tmux and screen keep the outer terminal's variables, but pass no pictures on.
        let term = variable("TERM").unwrap_or_default();
        if is_set("TMUX") || is_set("STY") || ["tmux", "screen"].iter().any(|name| term.starts_with(name)) {
            return None;
        }
        if ["xterm-kitty", "xterm-ghostty"].contains(&term.as_str())
            || is_set("KITTY_WINDOW_ID")
            || is("TERM_PROGRAM", &["ghostty"])
        {
            return Some(Self::Kitty);
        }
        let knows_iterm =
            is("TERM_PROGRAM", &["iTerm.app", "WezTerm", "mintty"]) || is("LC_TERMINAL", &["iTerm2"]);
        knows_iterm.then_some(Self::Iterm)
    }

    /// The bytes that show `png` over `columns` columns of the terminal, and the end of the line.
    pub fn show(self, png: &[u8], columns: usize) -> Vec<u8> {
        let data = STANDARD.encode(png);
        let mut sequence = match self {
            Self::Kitty => kitty(&data, columns),
            Self::Iterm => {
                let size = png.len();
                format!(
                    "\x1b]1337;File=inline=1;size={size};width={columns};preserveAspectRatio=1:{data}\x07"
                )
            }
        };
        sequence.push('\n');
        sequence.into_bytes()
    }
}

/// The most that kitty takes in one sequence.
const MAX_CHUNK: usize = 4096;

/// `a=T` sends and shows, `f=100` is a PNG, `q=2` asks for no answer, `m=1` says that more follows.
fn kitty(data: &str, columns: usize) -> String {
    let mut sequence = String::new();
    let mut rest = data;
    let mut keys = format!("a=T,f=100,q=2,c={columns},");
    loop {
        let (chunk, more) = rest.split_at(rest.len().min(MAX_CHUNK));
        sequence += &format!("\x1b_G{keys}m={};{chunk}\x1b\\", u8::from(!more.is_empty()));
        if more.is_empty() {
            return sequence;
        }
        (rest, keys) = (more, String::new());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(variables: &[(&str, &str)]) -> Option<Protocol> {
        let find = |name: &str| variables.iter().find(|(own, _)| *own == name);
        Protocol::of(|name| find(name).map(|(_, value)| value.to_string()))
    }

    #[test]
    fn the_environment_tells_the_protocol() {
        for variables in
            [[("TERM", "xterm-kitty")], [("KITTY_WINDOW_ID", "1")], [("TERM_PROGRAM", "ghostty")]]
        {
            assert_eq!(of(&variables), Some(Protocol::Kitty), "{variables:?}");
        }
        for variables in [
            [("TERM_PROGRAM", "iTerm.app")],
            [("TERM_PROGRAM", "WezTerm")],
            [("TERM_PROGRAM", "mintty")],
            [("LC_TERMINAL", "iTerm2")],
        ] {
            assert_eq!(of(&variables), Some(Protocol::Iterm), "{variables:?}");
        }
        for variables in [
            &[][..],
            &[("TERM", "xterm-256color")],
            &[("TERM", "dumb"), ("KITTY_WINDOW_ID", "")],
            &[("TERM_PROGRAM", "Apple_Terminal")],
            &[("KITTY_WINDOW_ID", "1"), ("TMUX", "/tmp/tmux-0/default,1,0")],
            &[("LC_TERMINAL", "iTerm2"), ("TERM", "screen-256color")],
        ] {
            assert_eq!(of(variables), None, "{variables:?}");
        }
    }

    #[test]
    fn a_small_picture_is_one_sequence() {
        let shown = |protocol: Protocol| String::from_utf8(protocol.show(b"PNG", 80)).unwrap();
        assert_eq!(shown(Protocol::Kitty), "\x1b_Ga=T,f=100,q=2,c=80,m=0;UE5H\x1b\\\n");
        let iterm = "\x1b]1337;File=inline=1;size=3;width=80;preserveAspectRatio=1:UE5H\x07\n";
        assert_eq!(shown(Protocol::Iterm), iterm);
    }

    #[test]
    fn kitty_gets_a_large_picture_in_chunks() {
        let png: Vec<u8> = (0..10_000_u32).map(|number| number as u8).collect();
        let shown = String::from_utf8(Protocol::Kitty.show(&png, 100)).unwrap();
        let sequences: Vec<(&str, &str)> = shown
            .trim_end()
            .split_terminator("\x1b\\")
            .map(|sequence| sequence.strip_prefix("\x1b_G").unwrap().split_once(';').unwrap())
            .collect();
        let keys: Vec<&str> = sequences.iter().map(|(keys, _)| *keys).collect();
        assert_eq!(keys, ["a=T,f=100,q=2,c=100,m=1", "m=1", "m=1", "m=0"]);
        assert!(sequences.iter().all(|(_, data)| data.len() <= MAX_CHUNK));
        // Every chunk but the last is whole groups of four characters, as the protocol demands.
        assert!(sequences[..3].iter().all(|(_, data)| data.len() % 4 == 0));
        let data: String = sequences.iter().map(|(_, data)| *data).collect();
        assert_eq!(STANDARD.decode(data).unwrap(), png);
    }
}
