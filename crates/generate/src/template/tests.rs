use super::*;
use crate::message::{FunctionCall, ToolCall};
use std::time::{Duration, Instant};

fn rendered(text: &str) -> Result<String, String> {
    let template = ChatTemplate::new(text, "<s>", "</s>").map_err(|e| e.to_string())?;
    let messages = [
        Message::system("Be kind."),
        Message::user("Hi <b>"),
        Message::assistant("Hello"),
    ];
    template
        .render(&messages, None, true)
        .map_err(|e| e.to_string())
}

#[test]
fn chatml_is_written() {
    let text = rendered(CHATML).unwrap();
    assert_eq!(
        text,
        "<|im_start|>system\nBe kind.<|im_end|>\n<|im_start|>user\nHi <b><|im_end|>\n\
         <|im_start|>assistant\nHello<|im_end|>\n<|im_start|>assistant\n"
    );
}

#[test]
fn what_templates_of_models_use_works_as_in_python() {
    let cases = [
        (
            "{{ bos_token }}{{ messages[0].role }}{{ messages[0]['content'].strip('.') }}",
            "<s>systemBe kind",
        ),
        (
            "{% for m in messages[1:] %}{{ m.role|upper }}{{ loop.index0 }}{% endfor %}",
            "USER0ASSISTANT1",
        ),
        (
            "{% for m in messages[::-1] %}{{ m.role[0] }}{% endfor %}",
            "aus",
        ),
        (
            "{% set ns = namespace(found=false, n=0) %}{% for m in messages %}{% if m.role == 'user' %}\
          {% set ns.found = true %}{% endif %}{% set ns.n = ns.n + 1 %}{% endfor %}{{ ns.found }}{{ ns.n }}",
            "True3",
        ),
        (
            "{{ {'a': [1, 'x<&\"é'], 'b': none} | tojson }}",
            r#"{"a": [1, "x<&\"é"], "b": null}"#,
        ),
        (
            "{{ {'a': [1]} | tojson(indent=2) }}",
            "{\n  \"a\": [\n    1\n  ]\n}",
        ),
        (
            "{{ 'a,b'.split(',') | join('-') }}{{ 'ab'.replace('b', 'cc') }}",
            "a-bacc",
        ),
        (
            "{% if tools is not none and tools %}x{% else %}y{% endif %}",
            "y",
        ),
        (
            "{{ messages | selectattr('role', 'equalto', 'user') | list | length }}",
            "1",
        ),
        (
            "{% macro m(x) %}[{{ x }}]{% endmacro %}{{ m('a') ~ m(1 + 2) }}",
            "[a][3]",
        ),
        (
            "{{ 'user' in ['user', 'tool'] and 'x' not in messages[0] and 'role' in messages[0] }}",
            "True",
        ),
        ("{{ raise_exception('x') if false else 'fine' }}", "fine"),
        (
            "{% if missing is defined %}x{% endif %}{{ 'ab' * 2 }}{{ 2 * 3 }}{{ 1.5 + 1 }}",
            "abab62.5",
        ),
        ("  {% if true %}\nx\n  {% endif %}\ny", "x\ny"),
    ];
    for (template, expected) in cases {
        assert_eq!(rendered(template).as_deref(), Ok(expected), "{template}");
    }
}

#[test]
fn a_template_can_refuse_and_knows_the_day() {
    let error = rendered("{{ raise_exception('no system prompt') }}").unwrap_err();
    assert!(error.contains("no system prompt"), "{error}");
    let year = rendered("{{ strftime_now('%Y') }}").unwrap();
    assert_eq!(year.len(), 4);
    assert!(rendered("{% for %}").is_err());
}

#[test]
fn malicious_templates_end_soon_with_an_error() {
    let attacks = [
        "{% for i in range(100000) %}{% for j in range(100000) %}{% endfor %}{% endfor %}",
        "{% set ns = namespace(x='ab') %}{% for i in range(60) %}{% set ns.x = ns.x ~ ns.x %}{% endfor %}",
        "{% set ns = namespace(x='ab') %}{% for i in range(60) %}{% set ns.x = ns.x + ns.x %}{% endfor %}",
        "{% set ns = namespace(x=[1]) %}{% for i in range(60) %}{% set ns.x = ns.x + ns.x %}{% endfor %}",
        "{% set ns = namespace(x=[1]) %}{% for i in range(60) %}{% set ns.x = [ns.x, ns.x] %}{% endfor %}{{ ns.x }}",
        "{% set ns = namespace(x=[1]) %}{% for i in range(90000) %}{% set ns.x = [ns.x] %}{% endfor %}",
        "{% set ns = namespace(x='ab') %}{% for i in range(60) %}{% set ns.x = ns.x|replace('a', ns.x) %}{% endfor %}",
        "{% set ns = namespace(x='ab') %}{% for i in range(60) %}{% set ns.x = ns.x.replace('a', ns.x) %}{% endfor %}",
        "{% set ns = namespace(x='ab') %}{% for i in range(60) %}{% set ns.x = ns.x.join(['', ns.x, ns.x]) %}{% endfor %}",
        "{% set ns = namespace(x='ab') %}{% for i in range(60) %}{% set x %}{{ ns.x }}{{ ns.x }}{% endset %}{% set ns.x = x %}{% endfor %}",
        "{{ 'x' * 10000000000 }}",
        "{{ 'abc'.center(10000000000) }}",
        "{% set ns = namespace() %}{% set ns.x = ns %}{{ ns }}",
        "{% set ns = namespace() %}{% set ns.x = ns %}{{ ns == ns }}{{ ns|tojson }}",
        "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
        "{% for i in range(100000000000) %}x{% endfor %}",
        "{% include '/etc/passwd' %}",
        "{% import '/etc/passwd' as x %}",
        "{{ ''.__class__.__mro__ }}{{ ''.__class__() }}",
        "{{ open('/etc/passwd') }}",
    ];
    for attack in attacks {
        let start = Instant::now();
        let result = rendered(attack);
        assert!(start.elapsed() < Duration::from_secs(20), "{attack}");
        assert!(result.is_err(), "{attack}");
    }
    // Deep chains of objects are no error, but must not end the process when they are dropped.
    let deep = "{% set a = namespace(x=0) %}{% for i in range(50000) %}{% set n = namespace() %}\
                {% set n.p = a.x %}{% set a.x = n %}{% endfor %}done";
    let _ = rendered(deep);
}

#[test]
fn a_template_that_is_too_large_is_refused() {
    assert!(rendered(&"x".repeat(LARGEST + 1)).is_err());
}

#[test]
fn tools_are_passed_to_templates_that_know_them() {
    let template = "{% for t in tools %}{{ t.function.name }}{% endfor %}{% for m in messages %}\
                    {% for c in m.tool_calls %}{{ c.function.arguments.city }}{% endfor %}{% endfor %}";
    let template = ChatTemplate::new(template, "", "").unwrap();
    let tools = json!([{ "type": "function", "function": { "name": "weather" } }]);
    let text = template.render(&[called()], Some(&tools), false).unwrap();
    assert_eq!(text, "weatherParis");
}

#[test]
fn tools_are_told_in_words_to_models_that_know_none() {
    let template = ChatTemplate::new(CHATML, "", "").unwrap();
    let tools = json!([{ "name": "weather" }]);
    let messages = [Message::user("?"), called(), Message::tool("a", "sunny")];
    let text = template.render(&messages, Some(&tools), false).unwrap();
    for part in [
        "<|im_start|>system\n# Tools",
        r#"{"name":"weather"}"#,
        r#"{"name": "weather", "arguments": {"city":"Paris"}}"#,
        "<|im_start|>user\n<tool_response>\nsunny\n</tool_response>",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
}

fn called() -> Message {
    Message {
        tool_calls: vec![ToolCall {
            id: "a".into(),
            kind: "function".into(),
            function: FunctionCall {
                name: "weather".into(),
                arguments: r#"{"city":"Paris"}"#.into(),
            },
        }],
        ..Message::assistant("")
    }
}
