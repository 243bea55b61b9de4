//! Every loop ends. wgpu's counters, which would end it, are left out: see `shader_module` in `src/gpu/pipelines.rs`.

use sukashi::kernels::kernels;

/// The text between the brace that opens at the end of `before` and the one that closes it.
fn body(after_brace: &str) -> &str {
    let mut depth = 1;
    for (at, character) in after_brace.char_indices() {
        match character {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return &after_brace[..at];
        }
    }
    panic!("a brace is not closed");
}

/// What is wrong with the loops of a shader.
fn faults(wgsl: &str) -> Vec<String> {
    let mut faults = Vec::new();
    for word in ["while", "loop", "continuing"] {
        if wgsl
            .split(|character: char| !character.is_alphanumeric() && character != '_')
            .any(|one| one == word)
        {
            faults.push(format!("a {word} instead of a for"));
        }
    }
    for (at, keyword) in wgsl.match_indices("for (") {
        let after = &wgsl[at + keyword.len()..];
        let (header, after_brace) = after.split_once(") {").expect("a for has a body");
        if let Some(fault) = fault(header, body(after_brace)) {
            faults.push(format!("for ({header}): {fault}"));
        }
    }
    faults
}

fn fault(header: &str, body: &str) -> Option<&'static str> {
    let parts: Vec<&str> = header.split(';').map(str::trim).collect();
    let [start, condition, update] = parts[..] else { return Some("three parts are expected") };
    let name = start.strip_prefix("var ").and_then(|rest| rest.split([' ', ':']).next());
    let Some(name) = name else { return Some("a counter is expected") };
    // The first condition alone ends the loop.
    let condition = condition.split("&&").next().unwrap_or_default().trim();
    let counts_up = condition.starts_with(&format!("{name} < "))
        && (update == format!("{name}++") || is_step(update, &format!("{name} += ")));
    let halves = update == format!("{name} /= 2u")
        && (condition == format!("{name} > 0u") || condition == format!("{name} >= THREADS_PER_POSITION"));
    if !counts_up && !halves {
        return Some("it neither counts up to a bound nor halves a number");
    }
    let writes = |line: &str| {
        let line = line.trim();
        let assigned = line.strip_prefix(name).map(str::trim_start);
        assigned.is_some_and(|rest| {
            ["=", "+=", "-=", "*=", "/=", "++", "--"].iter().any(|operator| rest.starts_with(operator))
                && !rest.starts_with("==")
        })
    };
    body.lines().any(writes).then_some("its body changes the counter")
}

/// Whether an update adds a constant, of which a pipeline's are at least 1: `verify` would not pass otherwise.
fn is_step(update: &str, prefix: &str) -> bool {
    let is_constant = |step: &str| {
        step.strip_suffix('u').is_some_and(|number| number.parse::<u32>().is_ok_and(|number| number > 0))
            || step.chars().all(|character| character.is_ascii_uppercase() || "_/ ".contains(character))
            || step == "parts"
    };
    update.strip_prefix(prefix).is_some_and(is_constant)
}

#[test]
fn loops_end() {
    let mut num_loops = 0;
    for kernel in kernels() {
        assert_eq!(faults(kernel.wgsl), [""; 0], "{}", kernel.name);
        num_loops += kernel.wgsl.matches("for (").count();
    }
    assert!(num_loops > 100, "{num_loops} loops");
}

#[test]
fn loops_that_may_not_end_are_found() {
    for bad in [
        "loop { break; }",
        "while x { }",
        "for (var i = 0u; i <= n; i++) { }",
        "for (var i = 0u; i < n; i += step) { }",
        "for (var i = 0u; i < n; i += 0u) { }",
        "for (var i = 0u; i != n; i++) { }",
        "for (var i = 0u; i < n; i--) { }",
        "for (var i = 0u; i < n; j++) { }",
        "for (var i = n; i >= m; i /= 2u) { }",
        "for (var i = 0u; i < n; i++) {\n    i = 0u;\n}",
        "for (var i = 0u; i < n; i++) {\n    if x {\n        i -= 1u;\n    }\n}",
        "for (;;) { }",
    ] {
        assert_eq!(faults(bad).len(), 1, "{bad}");
    }
    for good in [
        "for (var i = 0u; i < n && i <= m; i++) {\n    sum += i;\n    if i == 3u { }\n}",
        "for (var i = lane; i < n; i += WORKGROUP_SIZE / THREADS) { }",
        "for (var i = WORKGROUP_SIZE / 2u; i > 0u; i /= 2u) { }",
    ] {
        assert_eq!(faults(good), [""; 0], "{good}");
    }
}
