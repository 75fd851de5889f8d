//! The picture: what is called is below what calls it, and as wide as it takes instructions.

use std::fmt::Write;

use super::Frame;
use super::names::Kind;

pub(super) fn picture(title: &str, root: &Frame, messages: u64) -> String {
    let height = TOP + ROW * (1.0 + depth(root, root.cost)) + MARGIN;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" font-family=\"sans-serif\" \
         font-size=\"10\">\n<rect width=\"{WIDTH}\" height=\"{height}\" rx=\"6\" fill=\"#fff\"/>\n"
    );
    let each = root.cost / messages;
    text(&mut svg, MARGIN, 22.0, &format!("{title}: {each} instructions a message"), " font-size=\"14\"");
    legend(&mut svg);
    let drawing = Drawing { scale: (WIDTH - 2.0 * MARGIN) / root.cost.max(1) as f64, whole: root.cost, messages };
    drawing.frame(&mut svg, root, MARGIN, TOP);
    svg + "</svg>\n"
}

struct Drawing {
    /// Wide for each instruction.
    scale: f64,
    whole: u64,
    messages: u64,
}

impl Drawing {
    fn frame(&self, svg: &mut String, frame: &Frame, left: f64, top: f64) {
        let width = frame.cost as f64 * self.scale;
        let name = escaped(&frame.name.text);
        let share = frame.cost as f64 * 100.0 / self.whole as f64;
        let each = frame.cost / self.messages;
        let color = color(frame.name.kind);
        // A line of background parts it from its neighbours.
        let (shown_width, shown_height) = ((width - 0.6).max(0.4), ROW - 1.0);
        put(
            svg,
            format_args!(
                "<g><title>{name}: {each} instructions, {share:.1} %</title><rect x=\"{left:.1}\" y=\"{top}\" \
                 width=\"{shown_width:.1}\" height=\"{shown_height}\" rx=\"2\" fill=\"{color}\"/>"
            ),
        );
        let room = ((width - 6.0) / CHARACTER) as usize;
        let label = label(&frame.name.text, each, room);
        if !label.is_empty() {
            text(svg, left + 3.0, top + 12.5, &label, "");
        }
        put(svg, format_args!("</g>\n"));
        let mut left = left;
        for call in by_size(frame, self.whole) {
            self.frame(svg, call, left, top + ROW);
            left += call.cost as f64 * self.scale;
        }
    }
}

/// The name, with the number if there is room, and shortened if need be.
fn label(name: &str, each: u64, room: usize) -> String {
    let whole = format!("{name} {each}");
    if whole.len() <= room {
        whole
    } else if name.len() <= room {
        name.to_owned()
    } else if room >= 5 {
        name.chars().take(room - 2).chain(['…']).collect()
    } else {
        String::new()
    }
}

/// Those that are wide enough to be seen, the widest first.
fn by_size(frame: &Frame, whole: u64) -> Vec<&Frame> {
    let mut calls: Vec<_> = frame.calls.iter().filter(|call| call.cost * 300 >= whole).collect();
    calls.sort_by_key(|call| std::cmp::Reverse(call.cost));
    calls
}

fn depth(frame: &Frame, whole: u64) -> f64 {
    by_size(frame, whole).iter().map(|call| 1.0 + depth(call, whole)).fold(0.0, f64::max)
}

fn legend(svg: &mut String) {
    let mut left = WIDTH - MARGIN - 545.0;
    for (name, kind) in KINDS {
        let color = color(kind);
        put(svg, format_args!("<rect x=\"{left}\" y=\"12\" width=\"12\" height=\"12\" rx=\"2\" fill=\"{color}\"/>"));
        text(svg, left + 16.0, 22.0, name, "");
        left += 32.0 + name.len() as f64 * CHARACTER;
    }
    svg.push('\n');
}

const KINDS: [(&str, Kind); 6] = [
    ("the program", Kind::Application),
    ("dunlin", Kind::Client),
    ("dunlin-session", Kind::Session),
    ("dunlin-codec", Kind::Codec),
    ("tokio", Kind::Tokio),
    ("std and libc", Kind::System),
];

fn color(kind: Kind) -> &'static str {
    match kind {
        Kind::Application => "#d9d9d9",
        Kind::Client => "#9cc3e6",
        Kind::Session => "#a8d5a2",
        Kind::Codec => "#f6c482",
        Kind::Tokio => "#cdb8e3",
        Kind::System => "#efd9d0",
    }
}

fn text(svg: &mut String, x: f64, y: f64, words: &str, more: &str) {
    put(svg, format_args!("<text x=\"{x:.1}\" y=\"{y}\"{more}>{}</text>", escaped(words)));
}

fn put(svg: &mut String, what: std::fmt::Arguments<'_>) {
    // Nothing can go wrong in memory.
    let _ = svg.write_fmt(what);
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

const WIDTH: f64 = 1200.0;
const MARGIN: f64 = 10.0;
const TOP: f64 = 36.0;
const ROW: f64 = 18.0;
/// As wide as a character is, about.
const CHARACTER: f64 = 6.0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_has_as_much_as_there_is_room_for() {
        assert_eq!(label("Receipt::poll", 76, 40), "Receipt::poll 76");
        assert_eq!(label("Receipt::poll", 76, 13), "Receipt::poll");
        assert_eq!(label("Receipt::poll", 76, 7), "Recei…");
        assert_eq!(label("Receipt::poll", 76, 4), "");
    }
}
