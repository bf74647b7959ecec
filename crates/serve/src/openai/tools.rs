//! Functions that a model may call: how it is told of them, and what makes it call one.

use crate::error::ServeError;
use modelwright_generate::Constraint;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

/// Most functions of a request.
const TOOLS: usize = 128;

/// Something that a model may call.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub(super) struct Tool {
    /// `function`.
    #[serde(rename = "type")]
    kind: String,
    function: ToolFunction,
}

/// A function.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
struct ToolFunction {
    /// Its name.
    name: String,
    /// What it does, for the model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    /// The JSON schema of its arguments.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    parameters: Option<Value>,
    /// Without effect: arguments of a call that was asked for always suit the schema.
    #[serde(default, skip_serializing)]
    #[allow(dead_code, reason = "clients send it")]
    strict: Option<bool>,
}

/// Whether the model calls a function.
#[derive(Deserialize, ToSchema)]
#[serde(untagged)]
pub(super) enum ToolChoice {
    /// `none`, `auto` or `required`.
    Word(String),
    /// This one.
    Named { function: NamedFunction },
}

/// A function by its name.
#[derive(Deserialize, ToSchema)]
pub(super) struct NamedFunction {
    name: String,
}

/// Where calls of functions come from.
#[derive(Clone)]
pub(super) enum Calls {
    /// There are none.
    Never,
    /// The model writes one if it thinks so; several if `parallel`.
    Maybe { parallel: bool },
    /// The answer is a call of one of these.
    Always(Vec<Tool>),
}

impl Calls {
    /// What `tools`, `tool_choice` and `parallel_tool_calls` of a request mean.
    ///
    /// # Errors
    /// They contradict each other.
    pub fn new(
        tools: Option<&[Tool]>,
        choice: Option<ToolChoice>,
        parallel: bool,
    ) -> Result<Self, ServeError> {
        let tools = tools.unwrap_or_default();
        check(tools)?;
        let fault =
            |problem: String, help: &str| Err(ServeError::input(problem, help).at("tool_choice"));
        match choice {
            Some(ToolChoice::Word(word)) if word == "none" => Ok(Self::Never),
            None if tools.is_empty() => Ok(Self::Never),
            Some(ToolChoice::Word(word)) if word == "auto" && tools.is_empty() => Ok(Self::Never),
            _ if tools.is_empty() => fault("there is no tool to choose".into(), "give tools"),
            None => Ok(Self::Maybe { parallel }),
            Some(ToolChoice::Word(word)) => match word.as_str() {
                "auto" => Ok(Self::Maybe { parallel }),
                "required" => Ok(Self::Always(tools.to_vec())),
                _ => fault(
                    "tool_choice is a word that is not known".into(),
                    "give none, auto, required, or a function's name in an object",
                ),
            },
            Some(ToolChoice::Named { function }) => {
                let named = tools.iter().find(|t| t.function.name == function.name);
                match named {
                    Some(tool) => Ok(Self::Always(vec![tool.clone()])),
                    None => fault(
                        "tool_choice names a function that is not in tools".into(),
                        "give it in tools, too",
                    ),
                }
            }
        }
    }

    /// Whether there may be any.
    pub fn are_possible(&self) -> bool {
        !matches!(self, Self::Never)
    }

    /// The functions that the model is told of.
    pub fn told(&self, tools: Option<&[Tool]>) -> Option<Value> {
        let told = match self {
            Self::Never => return None,
            Self::Maybe { .. } => tools.unwrap_or_default(),
            Self::Always(tools) => tools,
        };
        serde_json::to_value(told).ok()
    }

    /// What makes the model call a function, if it must: an object with its name and arguments.
    pub fn constraint(&self) -> Option<Constraint> {
        let Self::Always(tools) = self else {
            return None;
        };
        let call = |tool: &Tool| {
            let any = json!({ "type": "object" });
            json!({
                "type": "object",
                "properties": {
                    "name": { "const": tool.function.name },
                    "arguments": tool.function.parameters.as_ref().unwrap_or(&any),
                },
                "required": ["name", "arguments"],
                "additionalProperties": false,
            })
        };
        let calls: Vec<Value> = tools.iter().map(call).collect();
        Some(Constraint::JsonSchema(
            match <[Value; 1]>::try_from(calls) {
                Ok([only]) => only,
                Err(several) => json!({ "anyOf": several }),
            },
        ))
    }
}

fn check(tools: &[Tool]) -> Result<(), ServeError> {
    if tools.len() > TOOLS {
        let problem = format!("there are {} tools", tools.len());
        return Err(ServeError::input(problem, format!("give {TOOLS} at most")).at("tools"));
    }
    for (i, tool) in tools.iter().enumerate() {
        if tool.kind != "function" {
            let problem = "a tool is of a type that is not known";
            let error = ServeError::input(problem, "give tools of type `function`");
            return Err(error.at(format!("tools[{i}].type")));
        }
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        let name = &tool.function.name;
        if name.is_empty() || name.len() > 64 || !name.chars().all(plain) {
            let problem = "a function has no name, or an odd one";
            let error = ServeError::input(problem, "use 1 to 64 letters, digits, `_`, `-` and `.`");
            return Err(error.at(format!("tools[{i}].function.name")));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tools() -> Vec<Tool> {
        let tool = |name: &str| json!({ "type": "function", "function": { "name": name } });
        serde_json::from_value(json!([tool("a"), tool("b")])).unwrap()
    }

    fn calls(choice: Value) -> Result<Calls, ServeError> {
        let choice = serde_json::from_value(choice).unwrap();
        Calls::new(Some(&tools()), choice, true)
    }

    #[test]
    fn a_choice_says_who_is_called() {
        assert!(matches!(calls(json!(null)), Ok(Calls::Maybe { .. })));
        assert!(matches!(calls(json!("none")), Ok(Calls::Never)));
        let all = calls(json!("required")).unwrap();
        let Some(Constraint::JsonSchema(schema)) = all.constraint() else {
            panic!()
        };
        assert_eq!(schema["anyOf"][1]["properties"]["name"]["const"], "b");
        let one = json!({ "type": "function", "function": { "name": "b" } });
        let one = calls(one).unwrap();
        assert_eq!(
            one.told(Some(&tools())).unwrap().as_array().unwrap().len(),
            1
        );
        let Some(Constraint::JsonSchema(schema)) = one.constraint() else {
            panic!()
        };
        assert_eq!(schema["properties"]["name"]["const"], "b");
        let unknown = json!({ "type": "function", "function": { "name": "c" } });
        assert_eq!(calls(unknown).err().unwrap().param(), Some("tool_choice"));
        assert!(calls(json!("always")).is_err());
    }
}
