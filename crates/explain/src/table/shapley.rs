//! Shapley values of the columns of a row.

use super::linear::LinearScore;
use super::{conformed, sampled, shown, spread};
use crate::explanation::{ColumnShare, Explanation, Shares};
use crate::method::Method;
use crate::said::{Setting, Unit};
use crate::subject::Subject;
use crate::{Result, asked};
use modelwright_data::table::ColumnEncoder;
use modelwright_data::{Content, Table, TableEncoder};
use modelwright_tasks::{Inside, LinearOutputs, RowInside};

/// Rows that a row is compared with, evenly spread over those given.
const BACKGROUND: usize = 100;
/// Orders of the columns that are drawn, at least; each is gone through both ways.
const ORDERS: usize = 400;
/// Draws are the same for the same question.
const SEED: u64 = 0;

/// The shares that the columns of a row have in the difference of its score to the mean score of
/// `background` (rows of the training data). Of a linear model they are exact: those of its score before
/// softmax. Of any other they are drawn, with standard errors, and are shares of the probability or of
/// the number. A column's inputs (one a level, say) are one column again.
///
/// # Errors
/// The model reads no table, or there is no row to compare with.
pub fn shapley(
    subject: &Subject,
    examples: &Content,
    row: usize,
    background: &Content,
) -> Result<Explanation> {
    let table = conformed(subject, examples, &[row])?;
    if background.is_empty() {
        return Err(asked(
            "there is no row to compare with",
            "give training data with --data",
        ));
    }
    if let Inside::Rows(net) = subject.predictor().inside()
        && let Some(outputs) = net.linear()
    {
        let all: Vec<usize> = (0..background.len()).collect();
        let others = conformed(subject, background, &all)?;
        return exact(subject, net, &outputs, &table, &others);
    }
    let others = conformed(subject, background, &spread(background.len(), BACKGROUND))?;
    drawn(subject, &table, &others)
}

fn exact(
    subject: &Subject,
    net: &dyn RowInside,
    outputs: &LinearOutputs,
    row: &Table,
    others: &Table,
) -> Result<Explanation> {
    let encoder = net.encoder();
    let all: Vec<usize> = (0..others.rows()).collect();
    let inputs = encoder.encode(row, subject.place(), &[0])?;
    let background = encoder.encode(others, subject.place(), &all)?;
    let model = LinearScore::new(outputs, subject.class());
    let values = model.shares(&inputs, &background, &widths(encoder));
    let unit = match outputs.weights.len() {
        1 => subject.unit(),
        2 => Unit::LogOdds,
        _ => Unit::MeanLogOdds,
    };
    let settings = Setting::Linear {
        rows: others.rows(),
    };
    let (score, base) = (model.score(&inputs), model.base(&background));
    let columns = columns(row, &values, None);
    Ok(added_up(subject, unit, (base, score), settings, columns))
}

fn drawn(subject: &Subject, row: &Table, others: &Table) -> Result<Explanation> {
    let rounds = ORDERS.div_ceil(others.rows());
    let found = sampled::sampled(subject, row, others, rounds, SEED)?;
    let settings = Setting::Drawn {
        orders: rounds * others.rows(),
        rows: others.rows(),
    };
    let columns = columns(row, &found.values, Some(&found.errors));
    let ends = (found.base, found.score);
    Ok(added_up(subject, subject.unit(), ends, settings, columns))
}

fn added_up(
    subject: &Subject,
    unit: Unit,
    (base, score): (f64, f64),
    settings: Setting,
    columns: Vec<ColumnShare>,
) -> Explanation {
    let sum: f64 = columns.iter().map(|c| c.value).sum();
    let shares = Shares::Row { columns };
    let method = Method::Shapley;
    let mut explanation = Explanation::new(method, subject, unit, score, settings, shares);
    explanation.base = Some(base);
    explanation.delta = Some(base + sum - score);
    explanation
}

fn columns(row: &Table, values: &[f64], errors: Option<&[f64]>) -> Vec<ColumnShare> {
    let share = |(c, value): (usize, &f64)| ColumnShare {
        column: row.columns[c].name.clone(),
        given: shown(row, c, 0),
        value: *value,
        error: errors.map(|errors| errors[c]),
    };
    values.iter().enumerate().map(share).collect()
}

/// Inputs that each column becomes.
fn widths(encoder: &TableEncoder) -> Vec<usize> {
    let alone = |column: &ColumnEncoder| TableEncoder {
        columns: vec![column.clone()],
    };
    encoder.columns.iter().map(|c| alone(c).width()).collect()
}
