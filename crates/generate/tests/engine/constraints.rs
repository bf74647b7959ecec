//! Answers of a certain form.

use crate::*;
use modelwright_generate::Constraint;
use serde_json::{Value, json};

fn constrained(
    engine: &Engine,
    constraint: Constraint,
    seed: u64,
) -> Result<(String, Finish), GenerateError> {
    let mut request = request(engine, "Describe a person.", 300);
    request.sampling.temperature = 0.8;
    request.sampling.seed = Some(seed);
    request.constraint = Some(constraint);
    let (text, finish, _) = engine.submit(request)?.text()?;
    Ok((text, finish))
}

#[test]
fn json_of_a_schema_is_written() {
    let Some(engine) = engine() else { return };
    let schema = json!({
        "type": "object",
        "properties": {
            "name": { "type": "string", "maxLength": 20 },
            "age": { "type": "integer", "minimum": 0, "maximum": 120 },
            "likes": { "type": "array", "items": { "enum": ["tea", "chess"] }, "maxItems": 2 },
            "home": { "$ref": "#/$defs/place" },
        },
        "required": ["name", "age", "likes", "home"],
        "additionalProperties": false,
        "$defs": { "place": { "anyOf": [{ "const": "here" }, { "type": "null" }] } },
    });
    for seed in 0..5 {
        let (text, finish) =
            constrained(&engine, Constraint::JsonSchema(schema.clone()), seed).unwrap();
        let value: Value = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}: {text}"));
        assert_eq!(finish, Finish::Stop);
        assert_eq!(value.as_object().unwrap().len(), 4, "{text}");
        assert!(value["name"].as_str().unwrap().chars().count() <= 20);
        assert!((0..=120).contains(&value["age"].as_i64().unwrap()));
        assert!(value["likes"].as_array().unwrap().len() <= 2);
        assert!(value["home"] == "here" || value["home"].is_null());
    }
}

#[test]
fn any_object_and_any_grammar_are_written() {
    let Some(engine) = engine() else { return };
    let (text, finish) = constrained(&engine, Constraint::JsonObject, 1).unwrap();
    if finish == Finish::Stop {
        assert!(
            serde_json::from_str::<Value>(&text).unwrap().is_object(),
            "{text}"
        );
    }
    assert!(text.starts_with('{'));
    let grammar = "start: (\"yes\" | \"no\") \", \" /[a-z]{3}/";
    let (text, finish) = constrained(&engine, Constraint::Grammar(grammar.into()), 1).unwrap();
    let (first, rest) = text.split_once(", ").unwrap();
    assert!(["yes", "no"].contains(&first) && rest.len() == 3, "{text}");
    assert_eq!(finish, Finish::Stop);
}

#[test]
fn a_schema_that_cannot_be_kept_is_refused() {
    let Some(engine) = engine() else { return };
    for schema in [
        json!({ "type": "strong" }),
        json!({ "type": "integer", "minimum": 5, "maximum": 4 }),
        json!({ "$ref": "https://example.com/schema.json" }),
        json!([1]),
    ] {
        let error = constrained(&engine, Constraint::JsonSchema(schema.clone()), 1).unwrap_err();
        assert!(
            matches!(error, GenerateError::Constraint { .. }),
            "{schema}: {error}"
        );
    }
    let error = constrained(&engine, Constraint::Grammar("start: /[/".into()), 1).unwrap_err();
    assert!(error.is_asked(), "{error}");
}

#[test]
fn a_constraint_does_not_disturb_others() {
    let Some(engine) = engine() else { return };
    let expected = text(engine.submit(request(&engine, QUESTIONS[0], 20)).unwrap());
    let mut strict = request(&engine, QUESTIONS[1], 40);
    strict.constraint = Some(Constraint::JsonObject);
    let strict = engine.submit(strict).unwrap();
    let free = engine.submit(request(&engine, QUESTIONS[0], 20)).unwrap();
    assert_eq!(text(free), expected);
    assert!(text(strict).starts_with('{'));
}
