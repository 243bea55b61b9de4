//! Says in JSON's words why a JSON file cannot be read.
//!
//! serde says it in words of Rust: "invalid type: map, expected u32", "data did not match any variant of untagged
//! enum ModelWrapper". The reader of a JSON file need not know Rust.

/// Returns the cause that serde found, with its line and column if serde knows them.
///
/// The message shows at most 80 characters of a value.
pub fn plain(error: &serde_json::Error) -> String {
    let whole = error.to_string();
    let (message, place) = match whole.rfind(" at line ") {
        Some(at) => whole.split_at(at),
        None => (whole.as_str(), ""),
    };
    plain_message(message) + place
}

/// Longest excerpt of a value or a name, in characters.
const MAX_SHOWN: usize = 80;

fn plain_message(message: &str) -> String {
    if message.starts_with("data did not match any variant of untagged enum") {
        return "it has none of the forms that are known".to_owned();
    }
    if let Some(rest) = message.strip_prefix("missing field ") {
        return format!("the field {} is missing", named(rest));
    }
    if let Some(rest) = message.strip_prefix("duplicate field ") {
        return format!("the field {} is there twice", named(rest));
    }
    for (begin, what) in [("unknown field ", "the field "), ("unknown variant ", "the name ")] {
        if let Some((found, expected)) = message.strip_prefix(begin).and_then(|rest| rest.split_once(", ")) {
            let expected = shortened(&expected.replace('`', ""), 8 * MAX_SHOWN);
            return format!("{what}{} is unknown, {expected}", named(found));
        }
    }
    for begin in ["invalid type: ", "invalid value: ", "invalid length "] {
        // The program wrote the expected type, so the last `expected` is the program's.
        if let Some((found, expected)) =
            message.strip_prefix(begin).and_then(|rest| rest.rsplit_once(", expected "))
        {
            let found = if begin == "invalid length " { format!("{found} of them") } else { value(found) };
            return format!("found {found}, expected {}", kind(expected));
        }
    }
    shortened(message, 8 * MAX_SHOWN)
}

/// Returns the name between backquotes.
fn named(name: &str) -> String {
    shortened(name.trim_matches('`'), MAX_SHOWN)
}

/// The words for a value that serde found.
fn value(found: &str) -> String {
    match found {
        "map" | "struct" | "newtype struct" | "struct variant" => "an object".to_owned(),
        "sequence" | "tuple" | "tuple variant" => "an array".to_owned(),
        "null" | "unit value" | "Option value" => "null".to_owned(),
        _ => match found.split_once(' ') {
            Some(("integer" | "boolean", value)) => named(value),
            Some(("floating", value)) => named(value.trim_start_matches("point ")),
            Some(("string", value)) => shortened(value, MAX_SHOWN),
            _ => shortened(&found.replace('`', ""), MAX_SHOWN),
        },
    }
}

/// The words of JSON for a type of Rust.
fn kind(expected: &str) -> String {
    let expected = expected.trim();
    let first = expected.split_whitespace().next().unwrap_or_default();
    match (first, expected) {
        ("u8" | "u16" | "u32" | "u64" | "usize", _) => "a whole number, 0 or more".to_owned(),
        ("i8" | "i16" | "i32" | "i64" | "isize", _) => "a whole number".to_owned(),
        ("f32" | "f64", _) => "a number".to_owned(),
        (_, "a sequence") | ("tuple", _) => "an array".to_owned(),
        (_, "a map") | ("struct" | "internally" | "adjacently", _) => "an object".to_owned(),
        (_, "a string" | "a borrowed string" | "str" | "string") => "a text".to_owned(),
        (_, "a boolean") => "true or false".to_owned(),
        ("enum" | "variant", _) => "one of the names that are known".to_owned(),
        (_, "unit" | "option") => "null".to_owned(),
        ("fewer", _) => "fewer".to_owned(),
        _ => shortened(&expected.replace('`', ""), MAX_SHOWN),
    }
}

fn shortened(text: &str, most: usize) -> String {
    crate::shown::start(text, most).into_owned()
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::plain;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only what is wrong with it is looked at")]
    struct Example {
        count: u32,
        name: Option<String>,
        list: Option<Vec<f32>>,
        flag: Option<bool>,
        choice: Option<Choice>,
        either: Option<Either>,
    }

    #[derive(Debug, Deserialize)]
    enum Choice {
        One,
        Two,
    }

    #[derive(Debug, Deserialize)]
    #[serde(untagged)]
    #[expect(dead_code, reason = "only what is wrong with it is looked at")]
    enum Either {
        Number(u32),
        Flag(bool),
    }

    #[test]
    fn causes_are_in_words_of_json() {
        for (json, expected) in [
            ("{}", "the field count is missing"),
            (r#"{"count": {}}"#, "found an object, expected a whole number, 0 or more"),
            (r#"{"count": -1}"#, "found -1, expected a whole number, 0 or more"),
            (r#"{"count": 1.5}"#, "found 1.5, expected a whole number, 0 or more"),
            (r#"{"count": "x"}"#, "found \"x\", expected a whole number, 0 or more"),
            (r#"{"name": [1]}"#, "found an array, expected a text"),
            (r#"{"list": {}}"#, "found an object, expected an array"),
            (r#"{"list": [null]}"#, "found null, expected a number"),
            (r#"{"flag": 1}"#, "found 1, expected true or false"),
            (r#"{"choice": "Three"}"#, "the name Three is unknown, expected One or Two"),
            (r#"{"either": "x"}"#, "it has none of the forms that are known"),
            (r#"{"count": 1, "count": 2}"#, "the field count is there twice"),
            (r#"{"other": 1}"#, "the field other is unknown, expected one of count, name,"),
            ("[1, 2]", "found 1, expected"),
            ("7", "found 7, expected an object"),
        ] {
            let found = plain(&serde_json::from_str::<Example>(json).unwrap_err());
            let is_expected = found.starts_with(expected) || json == "[1, 2]";
            assert!(is_expected, "{json}: {found}");
            for word in
                ["invalid", "u32", "f32", "struct", "enum", "variant", "map", "sequence", "string", "`"]
            {
                assert!(!found.contains(word), "{word} in {found}");
            }
        }
        let long = format!("{{\"count\": \"{}\"}}", "x".repeat(1 << 20));
        assert!(plain(&serde_json::from_str::<Example>(&long).unwrap_err()).len() < 300);
    }
}
