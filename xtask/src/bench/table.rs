//! Figures as a table of Markdown.

/// Rows below a head.
#[derive(Debug)]
pub(super) struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(super) fn new(head: &[&str]) -> Self {
        Table { rows: vec![head.iter().map(ToString::to_string).collect()] }
    }

    pub(super) fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }

    /// With a title above.
    pub(super) fn print(&self, title: &str) {
        print!("\n{}", self.text(title));
    }

    fn text(&self, title: &str) -> String {
        let mut text = format!("**{title}**\n\n");
        for (index, row) in self.rows.iter().enumerate() {
            text += &format!("| {} |\n", row.join(" | "));
            if index == 0 {
                text += &format!("|---{}|\n", "|---:".repeat(row.len() - 1));
            }
        }
        text
    }
}

/// The one in the middle.
pub(super) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// With commas between thousands.
pub(super) fn whole(value: f64) -> String {
    if value.is_nan() {
        return "-".to_owned();
    }
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// One number as a part of another.
pub(super) fn ratio(value: f64, of: f64) -> String {
    if (value / of).is_finite() { format!("{:.2}", value / of) } else { "-".to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_markdown() {
        let mut table = Table::new(&["client", "rate"]);
        table.row(vec!["dunlin".to_owned(), whole(1_234_567.0)]);
        assert_eq!(table.text("T"), "**T**\n\n| client | rate |\n|---|---:|\n| dunlin | 1,234,567 |\n");
    }

    #[test]
    fn numbers_are_for_people_to_read() {
        assert_eq!([0.4, 999.0, 1_000.0].map(whole), ["0", "999", "1,000"]);
        assert_eq!(median(vec![3.0, 1.0, 2.0]), 2.0);
        assert_eq!([ratio(1.0, 2.0), ratio(1.0, 0.0), whole(f64::NAN)], ["0.50", "-", "-"]);
    }
}
