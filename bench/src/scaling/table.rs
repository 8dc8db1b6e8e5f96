//! Rows of a table, one for each count.

use std::fmt::Write as _;

use serde::Serialize;

/// What was measured at one count.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Row {
    /// How many there are.
    pub count: usize,
    /// Calls measured.
    pub calls: usize,
    /// Ticks of the time-stamp counter that the engine spends on one call, frame in to frame out, with the
    /// acknowledgements: the median.
    pub ticks_per_call: u64,
    /// Bytes of its tables that are made at start, for each of them there may be.
    pub bytes_at_start: u64,
    /// Bytes that one more takes later, its data not counted.
    pub bytes_later: u64,
}

/// A Markdown table.
pub fn markdown(what: &str, rows: &[Row]) -> String {
    let mut table = format!(
        "\n| {what} | ticks a call | to the first row | bytes each, at start | bytes each, later |\n\
         | ---: | ---: | ---: | ---: | ---: |\n"
    );
    let first = rows.first().map_or(1, |row| row.ticks_per_call.max(1));
    for row in rows {
        let percent = row.ticks_per_call * 100 / first;
        let _ = writeln!(
            table,
            "| {} | {} | {}.{:02} × | {} | {} |",
            row.count,
            row.ticks_per_call,
            percent / 100,
            percent % 100,
            row.bytes_at_start,
            row.bytes_later
        );
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_compared_with_the_first() {
        let row = |count, ticks_per_call| Row {
            count,
            calls: 1,
            ticks_per_call,
            bytes_at_start: 5,
            bytes_later: 7,
        };
        let table = markdown("files", &[row(1, 1000), row(10, 1057)]);
        assert!(table.contains("| 1 | 1000 | 1.00 × | 5 | 7 |"), "{table}");
        assert!(table.contains("| 10 | 1057 | 1.05 × | 5 | 7 |"), "{table}");
    }
}
