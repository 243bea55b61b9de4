//! Chat templates drawn from a grammar of costly operations.

use std::time::Instant;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::hostile_templates::{LONGEST, render};

fn expression() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("a".to_owned()),
        Just("b".to_owned()),
        Just("'xy '".to_owned()),
        Just("7".to_owned()),
        Just("messages".to_owned()),
        Just("ns.a".to_owned()),
        Just("ns".to_owned()),
    ];
    leaf.prop_recursive(4, 24, 3, |inner| {
        let binary = prop::sample::select(vec![
            "+", "*", "~", "==", "!=", "<", "in", "and", "or", "-", "//", "%", "**", ">=",
        ]);
        let filter = prop::sample::select(vec![
            "list",
            "sort",
            "join",
            "string",
            "tojson",
            "unique",
            "reverse",
            "length",
            "first",
            "last",
            "sum",
            "upper",
            "map('string')",
            "map('list')",
            "batch(3, 0)",
            "slice(2)",
            "replace('x', 'xxxx')",
            "indent(99)",
            "items",
            "dictsort",
            "select",
            "trim('x')",
            "max",
            "groupby(0)",
            "title",
            "default(1)",
            "format(a, b)",
            "int",
        ]);
        let method = prop::sample::select(vec![
            "upper()",
            "split('x')",
            "join(a)",
            "format(a, b)",
            "replace('x', 'yyyy')",
            "items()",
            "count('x')",
            "strip(' ')",
            "startswith('x')",
            "get('a')",
        ]);
        prop_oneof![
            (inner.clone(), binary, inner.clone()).prop_map(|(l, op, r)| format!("({l} {op} {r})")),
            (inner.clone(), filter).prop_map(|(l, filter)| format!("({l} | {filter})")),
            (inner.clone(), method).prop_map(|(l, method)| format!("({l}).{method}")),
            (inner.clone(), inner.clone()).prop_map(|(l, r)| format!("[{l}, {r}, {l}]")),
            (inner.clone(), inner.clone()).prop_map(|(l, r)| format!("{{'a': {l}, 'b': {r}}}")),
            (inner.clone(), 0..50_u32).prop_map(|(l, n)| format!("({l})[{n}:]")),
            (inner.clone(), 0..50_u32).prop_map(|(l, n)| format!("({l})[{n}]")),
            (inner.clone(), 1..100_000_u32).prop_map(|(l, n)| format!("({l} * {n})")),
            (inner.clone(), inner.clone(), inner).prop_map(|(c, l, r)| format!("({l} if {c} else {r})")),
        ]
    })
}

fn statements() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        expression().prop_map(|e| format!("{{{{ {e} }}}}")),
        expression().prop_map(|e| format!("{{% set a = {e} %}}")),
        expression().prop_map(|e| format!("{{% set b = {e} %}}")),
        expression().prop_map(|e| format!("{{% set ns.a = {e} %}}")),
    ];
    leaf.prop_recursive(4, 32, 4, |inner| {
        let many = prop::collection::vec(inner, 1..5).prop_map(|list| list.concat());
        prop_oneof![
            (expression(), many.clone()).prop_map(|(e, b)| format!("{{% for a in {e} %}}{b}{{% endfor %}}")),
            (1..3000_u32, many.clone())
                .prop_map(|(n, b)| format!("{{% for i in range({n}) %}}{b}{{% endfor %}}")),
            (expression(), many.clone()).prop_map(|(e, b)| format!("{{% if {e} %}}{b}{{% endif %}}")),
            many.clone().prop_map(|b| format!("{{% set b %}}{b}{{% endset %}}")),
            many.clone().prop_map(|b| format!("{{% filter upper %}}{b}{{% endfilter %}}")),
            (many, 1..60_usize).prop_map(|(b, n)| b.repeat(n.min(4000 / b.len().max(1)).max(1))),
        ]
    })
}

/// Each template ends by itself or by a limit.
#[test]
fn random_templates_end() {
    let count =
        std::env::var("SUKASHI_NUM_TEMPLATES").ok().and_then(|count| count.parse().ok()).unwrap_or(300);
    let config = Config { cases: count, failure_persistence: None, ..Config::default() };
    let source = prop::collection::vec(statements(), 1..6).prop_map(|list| {
        "{% set ns = namespace(a=1) %}{% set a = ['x', 'y'] %}{% set b = 'z' %}".to_owned() + &list.concat()
    });
    TestRunner::new(config)
        .run(&source, |source| {
            let started = Instant::now();
            let _ = render(&source);
            prop_assert!(started.elapsed() < LONGEST, "{:?}: {source}", started.elapsed());
            Ok(())
        })
        .unwrap();
}
