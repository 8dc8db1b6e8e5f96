//! What was measured, as a table and as JSON.

use std::fmt;

use serde_json::{Map, Value as Json, json};

use crate::{Machine, Spread};

/// All measurements of a run.
#[derive(Debug)]
pub struct Report {
    /// Where.
    pub machine: Machine,
    /// Whether memory was hugepages.
    pub hugepages: bool,
    /// What.
    pub rows: Vec<Row>,
}

/// One figure.
#[derive(Clone, Debug)]
pub struct Row {
    /// Its key in JSON, or what the table calls it.
    pub name: &'static str,
    /// What is set against what, and for what unit of work.
    pub meaning: &'static str,
    /// The figure.
    pub value: Value,
    /// What it should be.
    pub budget: Option<Budget>,
    /// Whether it is in the JSON.
    pub is_key: bool,
}

/// A figure, in ticks of the time stamp counter or without a unit.
#[derive(Clone, Copy, Debug)]
pub enum Value {
    /// The first over the second.
    Ratio(Spread, Spread),
    /// For one unit of work.
    Ticks(Spread),
}

/// What a figure should be.
#[derive(Clone, Copy, Debug)]
pub enum Budget {
    /// At least so much.
    AtLeast(f64),
    /// At most so much.
    AtMost(f64),
}

impl Row {
    /// A ratio that is in the JSON.
    pub fn ratio(
        name: &'static str,
        meaning: &'static str,
        over: Spread,
        under: Spread,
        budget: Budget,
    ) -> Self {
        Self {
            name,
            meaning,
            value: Value::Ratio(over, under),
            budget: Some(budget),
            is_key: true,
        }
    }

    /// Ticks that are in the JSON.
    pub fn ticks(
        name: &'static str,
        meaning: &'static str,
        spread: Spread,
        budget: Option<Budget>,
    ) -> Self {
        Self {
            name,
            meaning,
            value: Value::Ticks(spread),
            budget,
            is_key: true,
        }
    }

    /// The same figure for the table only.
    #[must_use]
    pub fn besides(self) -> Self {
        Self {
            is_key: false,
            ..self
        }
    }
}

impl Value {
    /// The figure itself: of the fastest rounds, which are the ones nobody disturbed.
    pub fn figure(&self) -> f64 {
        match self {
            Self::Ratio(over, under) => over.min / under.min,
            Self::Ticks(spread) => spread.min,
        }
    }

    /// The same, of the tenth percentiles.
    fn at_p10(&self) -> f64 {
        match self {
            Self::Ratio(over, under) => over.p10 / under.p10,
            Self::Ticks(spread) => spread.p10,
        }
    }
}

impl Budget {
    fn holds(self, figure: f64) -> bool {
        match self {
            Self::AtLeast(least) => figure >= least,
            Self::AtMost(most) => figure <= most,
        }
    }
}

impl Report {
    /// `{"ratios": {…}, "ticks": {…}}`.
    pub fn to_json(&self) -> Json {
        let (mut ratios, mut ticks) = (Map::new(), Map::new());
        for row in self.rows.iter().filter(|row| row.is_key) {
            let place = match row.value {
                Value::Ratio(..) => &mut ratios,
                Value::Ticks(_) => &mut ticks,
            };
            let rounded = (row.value.figure() * 1000.0).round() / 1000.0;
            place.insert(row.name.to_owned(), json!(rounded));
        }
        json!({ "ratios": ratios, "ticks": ticks })
    }
}

impl fmt::Display for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtLeast(least) => write!(f, "≥ {least}"),
            Self::AtMost(most) => write!(f, "≤ {most}"),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Machine {
            cpu,
            load,
            tsc_hz,
            core_per_tsc,
        } = &self.machine;
        let pages = if self.hugepages {
            "hugepages"
        } else {
            "ordinary pages"
        };
        writeln!(f, "{cpu}, {pages}, load {load}")?;
        writeln!(
            f,
            "time stamp counter {:.3} GHz, {core_per_tsc:.2} core cycles a tick",
            *tsc_hz as f64 / 1e9
        )?;
        writeln!(f)?;
        writeln!(
            f,
            "{:<30} {:>8} {:>8} {:>9}  {:<10} what",
            "", "min", "p10", "budget", ""
        )?;
        for row in &self.rows {
            let budget = row
                .budget
                .map(|budget| budget.to_string())
                .unwrap_or_default();
            let verdict = match row.budget {
                Some(budget) if !budget.holds(row.value.figure()) => "MISSED",
                Some(_) => "holds",
                None => "",
            };
            let decimals = if matches!(row.value, Value::Ticks(_)) {
                0
            } else {
                2
            };
            writeln!(
                f,
                "{:<30} {:>8.decimals$} {:>8.decimals$} {budget:>9}  {verdict:<10} {}",
                row.name,
                row.value.figure(),
                row.value.at_p10(),
                row.meaning,
            )?;
            let spread = |f: &mut fmt::Formatter<'_>, what: &str, spread: &Spread| {
                let Spread {
                    min,
                    p10,
                    median,
                    rounds,
                } = spread;
                writeln!(
                    f,
                    "    {what:<12} min {min:.3}, p10 {p10:.3}, median {median:.3} ticks, {rounds} rounds"
                )
            };
            match &row.value {
                Value::Ratio(over, under) => {
                    spread(f, "over", over)?;
                    spread(f, "under", under)?;
                }
                Value::Ticks(ticks) => spread(f, "", ticks)?,
            }
        }
        Ok(())
    }
}
