//! Tests streams: pipes that close, terminals and colours.

use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};

use crate::{Ran, cpu, finish, program, run};

#[test]
fn a_reader_that_leaves_is_no_fault() {
    for args in [
        &["trace", "吾輩は", "-n", "200"][..],
        &["generate", "吾輩は\n", "-n", "200"],
        &["trace", "吾輩は", "-n", "100", "--top", "200", "--format", "json"],
    ] {
        let mut child = program()
            .args(args)
            .args(["--device", "cpu"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::with_capacity(16, child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert!(!line.is_empty());
        let mut stderr = String::new();
        child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
        assert_eq!((child.wait().unwrap().code(), stderr.as_str()), (Some(0), ""), "{args:?}");
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_behind_the_output_is_told() {
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let ran = finish(program().args(["next", "吾輩は", "--device", "cpu"]).stdout(full));
    assert_eq!(ran.code, Some(1));
    assert!(ran.stderr.starts_with("error: cannot write to the standard output"), "{}", ran.stderr);
}

#[test]
fn errors_leave_the_output_empty() {
    let ran = run(&["next", "鷗", "--device", "cpu"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(2), ""));
    assert!(ran.stderr.starts_with("error: "), "{}", ran.stderr);
}

#[test]
fn pipes_have_no_colours() {
    for args in [&["next", "吾輩は"][..], &["trace", "吾輩は", "-n", "2"], &["generate", "吾輩は", "-n", "9"]]
    {
        assert!(!cpu(args).contains('\x1b'));
    }
}
use crate::skip::skip;

/// Runs the program on a pseudo-terminal of this width; `None` if `script` cannot make one.
fn on_terminal(columns: usize, args: &str, environment: &[(&str, &str)]) -> Option<Ran> {
    let line = format!("stty cols {columns} rows 24; {} {args}", env!("CARGO_BIN_EXE_sukashi"));
    let mut command = Command::new("script");
    command.args(["-qec", &line, "/dev/null"]).stdin(Stdio::null());
    for name in
        ["LC_ALL", "LC_MESSAGES", "LANG", "NO_COLOR", "RUST_BACKTRACE", "TMUX", "STY", "KITTY_WINDOW_ID"]
    {
        command.env_remove(name);
    }
    for name in ["TERM_PROGRAM", "LC_TERMINAL"] {
        command.env_remove(name);
    }
    command.env("TERM", "xterm").envs(environment.iter().copied());
    let is_there = cfg!(target_os = "linux") && Command::new("script").arg("--version").output().is_ok();
    if !is_there {
        skip("there is no `script` to make a terminal");
    }
    is_there.then(|| finish(&mut command))
}

#[test]
fn a_terminal_has_colours_unless_they_are_unwanted() {
    let args = "next 吾輩は --device cpu";
    let Some(plain) = on_terminal(80, args, &[]) else { return };
    assert_eq!(plain.code, Some(0), "{}", plain.stdout);
    assert!(plain.stdout.contains("\x1b["), "{}", plain.stdout);
    for unwanted in [("NO_COLOR", "1"), ("TERM", "dumb")] {
        let ran = on_terminal(80, args, &[unwanted]).unwrap();
        assert!(!ran.stdout.contains('\x1b'), "{unwanted:?}: {}", ran.stdout);
    }
    let empty = on_terminal(80, args, &[("NO_COLOR", "")]).unwrap();
    assert_eq!(empty.stdout, plain.stdout);
    let error = on_terminal(80, "next 鷗 --device cpu", &[("NO_COLOR", "1")]).unwrap();
    assert!(error.stdout.starts_with("error: "), "{}", error.stdout);
}

#[test]
fn text_fits_the_terminal() {
    use unicode_width::UnicodeWidthStr;
    for columns in [40, 50, 80] {
        for args in [
            "next 吾輩は猫である --lang ja --temperature 0.5",
            "next 吾輩は --lang ja --temperature 0.5 --top-k 2",
            "trace 吾輩は猫である -n 3 --top-k 4",
        ] {
            let Some(ran) = on_terminal(columns, &format!("{args} --device cpu"), &[("NO_COLOR", "1")])
            else {
                return;
            };
            assert_eq!(ran.code, Some(0), "{}", ran.stdout);
            for line in ran.stdout.lines() {
                let line = line.trim_end_matches('\r');
                assert!(line.width() <= columns, "{} columns instead of {columns}: {line}", line.width());
            }
        }
    }
}

#[test]
fn a_terminal_that_shows_pictures_gets_the_figure() {
    use base64::Engine;
    let folder = tempfile::tempdir().unwrap();
    let (file, softmax) = (crate::in_folder(&folder, "figure.png"), "figure softmax --logits 1,2");
    assert_eq!(run(&[&softmax.split(' ').collect::<Vec<_>>()[..], &["-o", &file]].concat()).code, Some(0));
    let png = std::fs::read(&file).unwrap();
    for (variable, start, end) in [
        (("TERM", "xterm-kitty"), "\x1b_Ga=T,f=100,q=2,c=80,m=", "\x1b\\"),
        (("TERM_PROGRAM", "iTerm.app"), "\x1b]1337;File=inline=1;size=", "\x07"),
    ] {
        let Some(ran) = on_terminal(80, softmax, &[variable]) else { return };
        assert_eq!(ran.code, Some(0), "{}", ran.stdout);
        let shown = ran.stdout.trim_end();
        assert!(shown.starts_with(start) && shown.ends_with(end), "{variable:?}: {:?}", shown.get(..60));
        // The picture is everything but the start of a sequence, its keys and its end.
        let parts = shown.split("\x1b_G").flat_map(|part| part.split_once([';', ':'].as_slice()));
        let data: String = match variable.0 {
            "TERM" => parts.map(|(_, data)| data.trim_end_matches("\x1b\\")).collect(),
            _ => shown.split_once(':').unwrap().1.trim_end_matches('\x07').to_owned(),
        };
        let got = base64::engine::general_purpose::STANDARD.decode(data).unwrap();
        assert_eq!(got, png, "{variable:?}");
    }
    // With -o, the program writes the file and draws nothing.
    let args = format!("{softmax} -o {file} --force");
    let Some(ran) = on_terminal(80, &args, &[("TERM", "xterm-kitty")]) else { return };
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(0), ""));
}
