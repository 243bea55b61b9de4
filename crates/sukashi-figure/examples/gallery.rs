//! Lists the pictures of the gallery, for `scripts/make_gallery.sh`.
//!
//! A line of the list has fields between tabs. `record` begins the line of a record that the next picture needs: its name, and the
//! words of its command. `picture` begins the line of a picture: its name, its headings in Japanese and English, and the words of its
//! command. The second field is `model` if the command runs a model, else `numbers`.

use sukashi_figure::figure::KINDS;

fn main() {
    for kind in KINDS {
        for picture in kind.pictures {
            for (name, command) in picture.records {
                println!("record\t{}\t{name}\t{command}", source(true, command));
            }
            let [japanese, english] = picture.headings;
            let source = source(kind.runs_model, picture.command);
            println!("picture\t{source}\t{}\t{japanese}\t{english}\t{}", picture.name, picture.command);
        }
    }
}

/// Whether a command runs a model. Records need none, and a bigram is no model.
fn source(runs_model: bool, command: &str) -> &'static str {
    let is_without = command.split(' ').any(|word| matches!(word, "--from" | "--bigram"));
    if runs_model && !is_without { "model" } else { "numbers" }
}
