//! Code that calls a served model, with an example that works as it stands.

use serde_json::{Map, Value, json};

/// What is sent.
#[derive(Debug, Clone)]
pub(crate) enum ExampleInput {
    /// A row of a table.
    Row(Map<String, Value>),
    /// A picture small enough to stand in the code, as base64.
    SmallPicture(String),
    /// A picture in a file.
    File,
}

/// A call of a model.
pub(super) struct Call {
    /// Where it is sent.
    pub address: String,
    /// Whether a token must be shown.
    pub token: bool,
    /// What is sent.
    pub example: ExampleInput,
}

/// Code in one language.
pub(super) struct Snippet {
    /// Of its element.
    pub id: &'static str,
    /// The language's name.
    pub language: &'static str,
    /// To be copied.
    pub code: String,
}

/// Name of the picture that stands for the person's own.
const FILE: &str = "picture.png";

impl Call {
    /// The file that the code reads, if it reads one.
    pub fn file(&self) -> Option<&'static str> {
        matches!(self.example, ExampleInput::File).then_some(FILE)
    }

    /// The call in each language.
    pub fn snippets(&self) -> [Snippet; 3] {
        let snippet = |id, language, code| Snippet { id, language, code };
        [
            snippet("curl", "curl", self.curl()),
            snippet("python", "Python", self.python()),
            snippet("javascript", "JavaScript", self.javascript()),
        ]
    }

    /// The body as JSON; `None` for a file.
    fn json(&self) -> Option<Value> {
        match &self.example {
            ExampleInput::Row(row) => Some(Value::Object(row.clone())),
            ExampleInput::SmallPicture(base64) => Some(json!({ "image": base64 })),
            ExampleInput::File => None,
        }
    }

    fn content_type(&self) -> &'static str {
        match self.example {
            ExampleInput::File => "image/png",
            _ => "application/json",
        }
    }

    fn curl(&self) -> String {
        let mut code = format!("curl -s {}", self.address);
        code += &format!(" \\\n  -H 'Content-Type: {}'", self.content_type());
        if self.token {
            code += " \\\n  -H \"Authorization: Bearer $TOKEN\"";
        }
        let body = match self.json() {
            Some(json) => format!("-d '{}'", json.to_string().replace('\'', "'\\''")),
            None => format!("--data-binary @{FILE}"),
        };
        code + &format!(" \\\n  {body}")
    }

    fn python(&self) -> String {
        let imports = match (self.json(), self.token) {
            (_, true) => "import json\nimport os\nimport urllib.request\n",
            _ => "import json\nimport urllib.request\n",
        };
        let (given, data) = match self.json() {
            Some(json) => (
                format!("example = {}\n", python(&json)),
                "json.dumps(example).encode()",
            ),
            None => (
                format!("with open(\"{FILE}\", \"rb\") as file:\n    picture = file.read()\n"),
                "picture",
            ),
        };
        let token = match self.token {
            true => "\n        \"Authorization\": \"Bearer \" + os.environ[\"TOKEN\"],",
            false => "",
        };
        let (address, kind) = (&self.address, self.content_type());
        format!(
            "{imports}\n{given}request = urllib.request.Request(\n    \"{address}\",\n    data={data},\n    \
             headers={{\n        \"Content-Type\": \"{kind}\",{token}\n    }},\n)\n\
             with urllib.request.urlopen(request) as response:\n    answer = json.load(response)\n\
             print(answer[\"predictions\"][0])"
        )
    }

    fn javascript(&self) -> String {
        let (given, body) = match self.json() {
            Some(json) => (
                format!("const example = {json};"),
                "JSON.stringify(example)",
            ),
            None => (
                format!(
                    "import {{ readFile }} from \"node:fs/promises\";\n\nconst picture = await readFile(\"{FILE}\");"
                ),
                "picture",
            ),
        };
        let token = match self.token {
            true => "\n    Authorization: `Bearer ${process.env.TOKEN}`,",
            false => "",
        };
        let (address, kind) = (&self.address, self.content_type());
        format!(
            "{given}\nconst response = await fetch(\"{address}\", {{\n  method: \"POST\",\n  headers: {{\n    \
             \"Content-Type\": \"{kind}\",{token}\n  }},\n  body: {body},\n}});\n\
             const answer = await response.json();\nconsole.log(answer.predictions[0]);"
        )
    }
}

/// JSON as Python writes it.
fn python(value: &Value) -> String {
    match value {
        Value::Null => "None".into(),
        Value::Bool(true) => "True".into(),
        Value::Bool(false) => "False".into(),
        Value::Object(map) => {
            let pair = |(key, value): (&String, &Value)| {
                format!("{}: {}", Value::from(key.as_str()), python(value))
            };
            let pairs: Vec<String> = map.iter().map(pair).collect();
            format!("{{{}}}", pairs.join(", "))
        }
        // Numbers, and strings with JSON's escapes, are Python as they stand.
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(token: bool, example: ExampleInput) -> [String; 3] {
        let address = "http://localhost:1/v1/models/m/predict".into();
        let call = Call {
            address,
            token,
            example,
        };
        call.snippets().map(|s| s.code)
    }

    #[test]
    fn rows_are_written_as_each_language_wants_them() {
        let row = json!({ "it's": null, "n": 1.5, "w": "say \"hi\"" });
        let Value::Object(row) = row else { panic!() };
        let [curl, python, javascript] = call(false, ExampleInput::Row(row));
        assert!(
            curl.contains(r#"-d '{"it'\''s":null,"n":1.5,"w":"say \"hi\""}'"#),
            "{curl}"
        );
        assert!(python.contains(r#"example = {"it's": None, "n": 1.5, "w": "say \"hi\""}"#));
        assert!(javascript.contains(r#"const example = {"it's":null,"#));
        assert!(!curl.contains("Bearer"));
    }

    #[test]
    fn tokens_and_files_are_named() {
        for code in call(true, ExampleInput::File) {
            assert!(code.contains("Bearer") && code.contains(FILE), "{code}");
        }
    }
}
