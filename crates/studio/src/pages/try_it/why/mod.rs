//! Why the model says so: the pieces of the example that speak for its answer and against it, or what would
//! have to be another for another answer.

mod asked;
mod show;

use super::Trial;
use crate::app::Studio;
use crate::{Ctx, Problem};
use asked::{Reasons, reasons};
use maud::{Markup, html};
use modelwright_explain::Method;
use modelwright_explain::table::Wish as WishedAnswer;
use modelwright_serve::Input;
use modelwright_tasks::{InputSchema, OutputSchema, Predictor, with_model};

/// What a visitor wants to know beside the answer.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Wish {
    /// The method's name; empty if nobody asks why.
    method: String,
    /// The class that is explained.
    class: Option<String>,
    /// The class that another answer is to give.
    wanted: Option<String>,
    at_least: Option<f64>,
    at_most: Option<f64>,
    /// Columns that cannot change.
    fixed: Vec<String>,
}

impl From<Vec<(String, String)>> for Wish {
    fn from(fields: Vec<(String, String)>) -> Self {
        let one = |name: &str| {
            let found = fields.iter().find(|(n, v)| n == name && !v.is_empty());
            found.map(|(_, value)| value.clone())
        };
        let number = |name: &str| one(name)?.replace(',', ".").parse::<f64>().ok();
        Self {
            method: one("why").unwrap_or_default(),
            class: one("class"),
            wanted: one("wanted"),
            at_least: number("at-least").filter(|n| n.is_finite()),
            at_most: number("at-most").filter(|n| n.is_finite()),
            fixed: fields
                .iter()
                .filter(|(name, _)| name == "fixed")
                .map(|(_, column)| column.clone())
                .collect(),
        }
    }
}

impl Wish {
    /// The answer that changes are to lead to.
    fn answer(&self) -> WishedAnswer<'_> {
        WishedAnswer {
            class: self.wanted.as_deref(),
            at_least: self.at_least,
            at_most: self.at_most,
        }
    }
}

/// The methods for one example of a model, the one to begin with first; none where answers have no shares.
fn methods(trial: &Trial) -> Vec<Method> {
    let known = [
        OutputSchema::Class,
        OutputSchema::Labels,
        OutputSchema::Value,
    ];
    let of_one = |method: &Method| {
        !matches!(
            method,
            Method::Importance | Method::PartialDependence | Method::Nearest
        )
    };
    match known.contains(&trial.output) {
        true => Method::of_input(&trial.input)
            .iter()
            .copied()
            .filter(of_one)
            .collect(),
        false => Vec::new(),
    }
}

/// The form of a wish; the script sends it along with an example.
pub(super) fn form(ctx: &Ctx, trial: &Trial) -> Markup {
    let methods = methods(trial);
    let columns = match &*trial.input {
        InputSchema::Table { columns } if methods.contains(&Method::Counterfactual) => {
            columns.as_slice()
        }
        _ => &[],
    };
    html! { @if !methods.is_empty() {
        form.why #why {
            label for="method" { (ctx.t("try-why")) }
            select #method name="why" {
                option value="" { (ctx.t("try-why-not")) }
                @for method in &methods {
                    option value=(method.name()) { (ctx.t(&format!("why-method-{}", method.name()))) }
                }
            }
            @if !columns.is_empty() { details {
                summary { (ctx.t("why-change-wishes")) }
                (wanted(ctx, trial))
                fieldset.field {
                    legend { (ctx.t("why-fixed")) }
                    @for column in columns { label {
                        input type="checkbox" name="fixed" value=(column.name); " " (column.name)
                    } " " }
                }
            } }
        }
    } }
}

/// The answer that is wished for.
fn wanted(ctx: &Ctx, trial: &Trial) -> Markup {
    html! {
        @if trial.output == OutputSchema::Value {
            div.field {
                label for="at-least" { (ctx.t("why-at-least")) }
                input #at-least name="at-least" type="text" inputmode="decimal";
            }
            div.field {
                label for="at-most" { (ctx.t("why-at-most")) }
                input #at-most name="at-most" type="text" inputmode="decimal";
            }
        } @else {
            div.field {
                label for="wanted" { (ctx.t("why-wanted")) }
                select #wanted name="wanted" {
                    option value="" { (ctx.t("why-other")) }
                    @for class in &trial.classes { option value=(class) { (class) } }
                }
            }
        }
    }
}

/// Why the model answers as it does to one example, if that was wished.
///
/// # Errors
/// There is no such method for the model, or it finds that it cannot answer.
pub(super) async fn of(
    ctx: &Ctx,
    trial: &Trial,
    wish: &Wish,
    input: Input,
) -> Result<Markup, Problem> {
    if wish.method.is_empty() {
        return Ok(html! {});
    }
    let method = Method::named(&wish.method).filter(|m| methods(trial).contains(m));
    let Some(method) = method else {
        return Err(Problem::bad("why-unknown", &wish.method));
    };
    let bundle = trial.of_run.folder.bundle();
    let (data, wish) = (trial.data.clone(), wish.clone());
    let work = move |_: &Studio| -> Result<Reasons, Problem> {
        let explain =
            |predictor: &dyn Predictor| reasons(predictor, method, &wish, input, data.as_deref());
        Ok(with_model(&bundle, explain)?)
    };
    let found = ctx.studio.blocking(work).await?;
    Ok(show::show(ctx, &found))
}

#[cfg(test)]
mod tests {
    use super::Wish;

    #[test]
    fn wishes_are_read_from_the_fields_of_the_form() {
        let fields = [
            ("why", "counterfactual"),
            ("wanted", "yes"),
            ("at-least", "1,5"),
            ("at-most", ""),
            ("fixed", "age"),
            ("fixed", "sex"),
        ];
        let fields = fields.map(|(name, value)| (name.to_string(), value.to_string()));
        let wish = Wish::from(fields.to_vec());
        assert_eq!(wish.method, "counterfactual");
        assert_eq!(wish.fixed, ["age", "sex"]);
        let answer = wish.answer();
        assert_eq!(
            (answer.class, answer.at_least, answer.at_most),
            (Some("yes"), Some(1.5), None)
        );
        assert_eq!(Wish::from(Vec::new()), Wish::default());
    }
}
