//! A program's output on a terminal, as an SVG picture.

use std::fmt::Write as _;

const CHARACTER: f32 = 8.4;
const LINE: usize = 19;
const MARGIN: usize = 16;

/// The style of the following characters.
#[derive(Clone, Copy, Default)]
struct Style {
    bold: bool,
    color: Option<&'static str>,
}

impl Style {
    /// Returns this style after an escape sequence: the numbers of `ESC [ numbers m`.
    fn after(mut self, numbers: &str) -> Self {
        for number in numbers.split(';') {
            match number {
                "" | "0" => self = Self::default(),
                "1" => self.bold = true,
                "2" => self.color = Some("#8b949e"),
                "31" | "91" => self.color = Some("#ff7b72"),
                "32" | "92" => self.color = Some("#7ee787"),
                "33" | "93" => self.color = Some("#e3b341"),
                "34" | "94" => self.color = Some("#79c0ff"),
                "36" | "96" => self.color = Some("#56d4dd"),
                other => panic!("the picture does not know the style {other}"),
            }
        }
        self
    }
}

/// Escapes text for a picture.
pub(super) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// Converts a line of the output, without its escape sequences, to `tspan`s at their columns.
fn spans(line: &str, style: &mut Style) -> String {
    let (mut spans, mut column) = (String::new(), 0_u16);
    for (index, part) in line.split('\u{1b}').enumerate() {
        let text = if index == 0 {
            part
        } else {
            let (numbers, text) = part.strip_prefix('[').unwrap().split_once('m').unwrap();
            *style = style.after(numbers);
            text
        };
        if !text.trim().is_empty() {
            let indent = text.chars().take_while(|c| *c == ' ').count();
            let start = column + u16::try_from(indent).unwrap();
            let x = f32::from(start).mul_add(CHARACTER, f32::from(u16::try_from(MARGIN).unwrap()));
            let escaped = escaped(text.trim());
            let weight = if style.bold { " font-weight=\"bold\"" } else { "" };
            let fill = style.color.map_or_else(String::new, |color| format!(" fill=\"{color}\""));
            write!(spans, "<tspan x=\"{x:.1}\"{weight}{fill}>{escaped}</tspan>").unwrap();
        }
        column += u16::try_from(text.chars().count()).unwrap();
    }
    spans
}

/// Returns the picture of a command and its output.
pub(super) fn picture(command: &str, output: &str) -> String {
    let lines: Vec<&str> = output.trim_end().lines().collect();
    let shown = |line: &str| {
        line.split('\u{1b}')
            .enumerate()
            .map(
                |(index, part)| {
                    if index == 0 { part.chars().count() } else { part.split_once('m').unwrap().1.chars().count() }
                },
            )
            .sum::<usize>()
    };
    let columns = lines.iter().map(|line| shown(line)).max().unwrap().max(command.len() + 2);
    let width = columns * 42 / 5 + 2 * MARGIN;
    let height = (lines.len() + 1) * LINE + 2 * MARGIN;
    let mut picture = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" \
         role=\"img\" aria-label=\"The output of {command}\">\n\
         <rect width=\"{width}\" height=\"{height}\" rx=\"8\" fill=\"#0d1117\"/>\n\
         <g font-family=\"ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace\" font-size=\"14\" \
         fill=\"#e6edf3\" xml:space=\"preserve\">\n"
    );
    let mut style = Style::default();
    let prompt = format!("\u{1b}[32m$\u{1b}[0m {command}");
    for (index, line) in std::iter::once(prompt.as_str()).chain(lines).enumerate() {
        let y = MARGIN + LINE * index + 14;
        let spans = spans(line, &mut style);
        if !spans.is_empty() {
            writeln!(picture, "<text y=\"{y}\">{spans}</text>").unwrap();
        }
    }
    picture.push_str("</g>\n</svg>\n");
    picture
}
