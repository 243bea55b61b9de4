//! Chat templates that would compute or allocate without end. Each is refused soon, and with little memory.

mod expressions;

use std::io::{Read, Write};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use sukashi::text::{ChatTemplate, Message, RenderOptions, SpecialTokens};

use expressions::{EXPRESSIONS, LARGE};

/// The time limit under load. Alone, the longest takes a quarter of a second.
pub const LONGEST: Duration = Duration::from_secs(10);
const MOST_KIB: u64 = 500 << 10;

/// If this variable is set, the process renders the template from its standard input.
const IS_CHILD: &str = "SUKASHI_RENDER_IN_CHILD";

struct Rendered {
    /// The length of the text, or the error.
    outcome: Result<usize, String>,
    time: Duration,
    peak_kib: u64,
}

pub fn render(source: &str) -> Result<usize, String> {
    let template =
        ChatTemplate::new("hostile", source, SpecialTokens::default()).map_err(|error| error.to_string())?;
    let messages = [Message::new("user", "one"), Message::new("assistant", "two")];
    let text = template.render(&messages, &RenderOptions::default());
    text.map(|text| text.len()).map_err(|error| error.to_string())
}

/// Renders in a process of its own, so that its end and its memory do not affect the test.
fn rendered(source: &str) -> Rendered {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "hostile_templates::child", "--nocapture"])
        .env(IS_CHILD, "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(source.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    let start = &source[..source.floor_char_boundary(200)];
    let line = printed.lines().find_map(|line| line.split_once("CHILD ").map(|(_, line)| line));
    let line = line.unwrap_or_else(|| panic!("{}: {start}\n{printed}", output.status));
    let mut parts = line.splitn(4, ' ');
    let mut number = || parts.next().unwrap().parse::<u64>().unwrap();
    let (millis, peak_kib) = (number(), number());
    let is_text = parts.next() == Some("text");
    let said = parts.next().unwrap_or_default().to_owned();
    let outcome = if is_text { Ok(said.parse().unwrap()) } else { Err(said) };
    Rendered { outcome, time: Duration::from_millis(millis), peak_kib }
}

#[test]
fn child() {
    if std::env::var_os(IS_CHILD).is_none() {
        return;
    }
    let mut source = String::new();
    std::io::stdin().read_to_string(&mut source).unwrap();
    let started = Instant::now();
    let outcome = render(&source);
    let millis = started.elapsed().as_millis();
    // Only Linux reports the largest amount of memory that a process had.
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB"));
    let peak = peak.unwrap_or("0");
    match outcome {
        Ok(len) => println!("\nCHILD {millis} {peak} text {len}"),
        Err(error) => println!("\nCHILD {millis} {peak} error {}", error.replace('\n', " ")),
    }
}

#[track_caller]
fn within_limits(source: &str) -> Rendered {
    let rendered = rendered(source);
    let start = &source[..source.floor_char_boundary(400)];
    if std::env::var_os("SUKASHI_SHOW").is_some() {
        println!("{:>6?} {:>7} KiB {:?} {start}", rendered.time, rendered.peak_kib, rendered.outcome);
    }
    assert!(rendered.time < LONGEST, "{:?}: {start}", rendered.time);
    assert!(rendered.peak_kib < MOST_KIB, "{} KiB: {start}", rendered.peak_kib);
    rendered
}

#[track_caller]
fn is_refused(source: &str) {
    let outcome = within_limits(source).outcome;
    let start = &source[..source.floor_char_boundary(400)];
    let is_limit = |error: &str| {
        ["too many steps", "text is too long", "may nest at most", "at most"]
            .iter()
            .any(|part| error.contains(part))
    };
    assert!(outcome.as_ref().is_err_and(|error| is_limit(error)), "{outcome:?}: {start}");
}

#[test]
fn large_values_in_a_loop() {
    let macros = "{% macro f2() %}{% endmacro %}{% macro f3() %}{% endmacro %}\
        {% macro f2(a) %}{{ a }}{% endmacro %}{% macro f3(k, l) %}{{ l == k }}{% endmacro %}";
    for expression in EXPRESSIONS {
        let source = format!(
            "{macros}{LARGE}{{% for i in range(1000) %}}{{% for j in range(1000) %}}{{% set y = {expression} %}}{{% endfor %}}{{% endfor %}}"
        );
        let outcome = within_limits(&source).outcome;
        // Some expressions are invalid calls. None gives a text.
        assert!(outcome.is_err(), "{expression}");
    }
}

#[test]
fn large_values_in_statements() {
    for body in [
        "{{ b }}",
        "{{ n }}",
        "{{ s }}",
        "{{ d }}",
        "{% if b == c %}{% endif %}",
        "{% for x in s %}{% break %}{% endfor %}",
        "{% for x in u %}{% break %}{% endfor %}",
        "{% for x in d %}{% break %}{% endfor %}",
        "{% for x in b if x == s %}{% endfor %}",
        "{% for x in b + c %}{% break %}{% endfor %}",
        "{% with y = b == c %}{% endwith %}",
        "{% with %}{% endwith %}",
        "{% set y %}{{ b }}{% endset %}",
        "{% set y | upper %}{{ s }}{% endset %}",
        "{% filter upper %}{{ s }}{% endfilter %}",
        "{% set ns.x = b %}",
        "{% set ns.x = n %}",
        "{% set ns.x = [ns.x, ns.x] %}",
        "{% set ns.x = ns.x ~ s %}",
        "{% set ns.x %}{{ s }}{% endset %}",
        "{% set ns.x = ns.x + [b] %}",
        "{% set ns.x = {'a': ns.x, 'b': ns.x} %}",
        "{% autoescape true %}{{ s }}{{ b }}{% endautoescape %}",
        "{% call f(b) %}{{ s }}{% endcall %}",
        "{% call s.format(b) %}{% endcall %}",
        "{% do s.format(b) %}",
        "{% do d.items() %}",
        "{{ raise_exception(n ~ n) if n == 1 }}",
        "{% macro g(a=b == c) %}{% endmacro %}{{ g() }}",
        "{% macro h() %}{{ b == c }}{% endmacro %}{{ h() }}",
        "{% for k, v in d.items() %}{{ v == b }}{% endfor %}",
        "{% set q, r = n == o, 1 %}",
    ] {
        let source = format!(
            "{{% macro f(a) %}}{{{{ caller() }}}}{{% endmacro %}}{{% set ns = namespace(x=[1]) %}}{LARGE}\
             {{% for i in range(1000) %}}{{% for j in range(1000) %}}{body}{{% endfor %}}{{% endfor %}}"
        );
        let outcome = within_limits(&source).outcome;
        assert!(outcome.is_err(), "{body}");
    }
}

/// A value holds its predecessor twice, and so on. It takes few steps to build, and has no end for a walk.
#[test]
fn values_of_themselves() {
    for (first, next) in [
        ("['a']", "[x, x]"),
        ("['a']", "(x, x)"),
        ("['a']", "{'a': x, 'b': x}"),
        ("['a']", "x + x"),
        ("['a']", "x * 2"),
        ("('a',)", "x + x"),
        ("('a',)", "x * 2"),
        ("'a'", "x ~ x"),
        ("'a'", "x + x"),
        ("'a'", "x * 2"),
        ("'aa'", "x | replace('a', 'aa')"),
        ("'aa'", "x.replace('a', 'aa')"),
        ("['a']", "[x, x] | list"),
        ("['a']", "dict(a=x, b=x)"),
        ("['a']", "namespace(a=x, b=x)"),
        ("['a']", "[x] | batch(2, x) | list"),
        ("['a']", "[x] * 2"),
        ("['a']", "[[x, x]] | first"),
        ("['a']", "[x, x] | map('list') | list"),
        ("['a']", "[x, x][:]"),
        ("['a']", "[x, x] | slice(1) | list"),
        ("['a']", "[{'k': x}, {'k': x}] | groupby('k')"),
        ("['a']", "{'a': [x, x]} | dictsort"),
        ("['a']", "{'a': [x, x]}.items()"),
        ("['a']", "x ~ x"),
        ("['a']", "(x | tojson) ~ x"),
    ] {
        for use_of_it in [
            "",
            "{{ x == y }}",
            "{{ x < y }}",
            "{{ x }}",
            "{{ [x] | join }}",
            "{{ [x, y] | sort }}",
            "{{ x in [y] }}",
            "{{ raise_exception(x) }}",
            "{{ x | tojson }}",
            "{{ [x, y] | unique }}",
            "{{ {x: 1} }}",
            "{{ x ~ '' }}",
        ] {
            let doubled = |name: &str| {
                let next = next.replace('x', name).replace(&format!("ma{name}"), "max");
                format!("{{% set {name} = {first} %}}") + &format!("{{% set {name} = {next} %}}").repeat(60)
            };
            let source = doubled("x") + &doubled("y") + use_of_it;
            is_refused(&source);
            if first != "['a']" || !next.starts_with("[x, x]") {
                break;
            }
        }
    }
    // Macros and loops may call themselves.
    is_refused("{% macro f(x, n) %}{{ f([x, x], n - 1) if n else x == x }}{% endmacro %}{{ f([1], 60) }}");
    is_refused("{% for x in [[1]] recursive %}{{ loop([[x, x]]) }}{% endfor %}");
}

/// Long names and nested frames make each step cost more.
#[test]
fn steps_that_cost_more() {
    let name = "a".repeat(40_000);
    for source in [
        format!("{{% set {name} = 1 %}}{{{{ {name} }}}}"),
        format!("{{{{ messages.{name} }}}}"),
        format!("{{{{ messages | {name} }}}}"),
        format!("{{% macro f({name}) %}}{{% endmacro %}}{{{{ f({name}=1) }}}}"),
    ] {
        is_refused(&source);
    }
    let many = |body: &str| {
        format!("{{% for i in range(1000) %}}{{% for j in range(1000) %}}{body}{{% endfor %}}{{% endfor %}}")
    };
    is_refused(&many(&"{% with %}{% endwith %}".repeat(5000)));
    is_refused(&many(&format!("{{% set y = {{'k': 1}}['{name}'] %}}")));
    is_refused(&many(&format!("{{% set y = '{name}' == '{name}' %}}{{% set y = j == '{name}' %}}")));
    is_refused(&format!(
        "{{% set z = '{name}' %}}{}",
        many(&format!("{{% set y = z == '{}' %}}", &name[1..20_000]))
    ));
    let frames = 140;
    let names: String = (0..frames).map(|n| format!("{{% with {}{n} = 1 %}}", "a".repeat(90))).collect();
    is_refused(&(names + &many("{{ missing }}{{ missing }}{{ missing }}") + &"{% endwith %}".repeat(frames)));
    is_refused(&many(&"{% macro f() %}{{ i }}{{ j }}{{ messages }}{% endmacro %}".repeat(500)));
    is_refused(&many("{% set y = [i, j] | batch(1000) | list %}{% set ns = namespace(y=y) %}"));
    is_refused(
        "{% set ns = namespace(x=[]) %}{% for i in range(100000) %}{% set ns.x = ns.x + [[]] %}{% endfor %}",
    );
    is_refused(&format!("{}{{% set y = [{}] | map('batch', 1024) | list %}}", many(""), "[1],".repeat(120)));
    let keys: String = (0..200).map(|n| format!("'{n}': 1, ")).collect();
    is_refused(&format!("{{% set ns = namespace({{{}}}) %}}{}", keys, many("{% if ns %}{% endif %}")));
    let names: String = (0..2000).map(|n| format!("{{% set ns.a{n} = 1 %}}")).collect();
    is_refused(&format!(
        "{{% set ns = namespace() %}}{names}{}",
        many("{% if ns %}{% endif %}{{ ns | length }}")
    ));
    is_refused(&format!("{{% set s = 'a' * 1000000 %}}{}", "{{ ('%(a)s' * 1000) | format(a=s) }}"));
    is_refused("{{ ('{0}'*1000).format('a'*50000000) }}");
    is_refused(
        "{% set x = ['a'] * 100000 %}{% set y = x | map('batch', 1000) | list %}{% set z = [y] * 9 == [y] * 8 + [x] %}{{ z }}{% set z = x | map('batch', 1000) | list %}",
    );
}
