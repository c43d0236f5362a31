//! Writes a self-contained HTML page: without scripts or external resources, legible in print, in dark mode and in a
//! narrow window.
//!
//! Charts are inline SVG, because browsers print its colors but omit background colors.

use std::io::{self, Write};

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::number::grouped;

/// The stylesheet; dark colors only on screens, so that prints have a white background.
const STYLE: &str = include_str!("page.css");

/// The resources that browsers load for the page: none.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'";

/// A bar of a chart.
pub(super) struct Bar {
    /// The label at its left.
    pub(super) name: String,
    /// Small print below the label; may be empty.
    pub(super) note: String,
    /// Its parts from left to right: class and size.
    pub(super) parts: Vec<(&'static str, usize)>,
    /// The label at its right.
    pub(super) said: String,
}

/// A section that can be opened: a line with its state, and the content.
pub(super) struct ExpandableSection {
    /// The class of its first word: `good`, `maybe` or `bad`.
    pub(super) class: &'static str,
    /// Its state, in a word or two.
    pub(super) word: &'static str,
    /// Its name, number, parts and small print, as in a chart's bar.
    pub(super) bar: Bar,
    /// The content; without it, the section cannot be opened.
    pub(super) behind: Option<Markup>,
    /// Whether it is initially open.
    pub(super) is_open: bool,
}

/// The number of lines shown before the rest of a list must be opened.
const SHOWN: usize = 20;

/// Returns a list of sections, with bars on one scale; the end of a long list must be opened first.
pub(super) fn disclosures(list: &[ExpandableSection], noun: &str) -> Markup {
    let longest = list.iter().map(|one| length(&one.bar)).max().unwrap_or_default();
    let (first, rest) = list.split_at_checked(SHOWN).unwrap_or((list, &[]));
    let lines = |list: &[ExpandableSection]| {
        html! {
            div.list {
                @for one in list {
                    "\n"
                    @if let Some(behind) = &one.behind {
                        details open[one.is_open] { summary { (line(one, longest)) } div.behind { (behind) } }
                    } @else {
                        div.summary { (line(one, longest)) }
                    }
                }
            }
        }
    };
    html! {
        (lines(first))
        @if !rest.is_empty() {
            details.rows { summary { (grouped(rest.len())) " more " (noun) } (lines(rest)) }
        }
    }
}

fn line(one: &ExpandableSection, longest: usize) -> Markup {
    html! {
        b.(one.class) { (one.word) }
        span.name { (one.bar.name) @if !one.bar.note.is_empty() { small { (one.bar.note) } } }
        (drawn(&one.bar.parts, longest))
        span.said { (one.bar.said) }
    }
}

fn length(bar: &Bar) -> usize {
    bar.parts.iter().map(|(_, size)| size).sum()
}

/// Writes a page.
pub(super) fn write(out: &mut dyn Write, title: &str, body: &Markup) -> io::Result<()> {
    let page = html! {
        (DOCTYPE) "\n"
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(CONTENT_SECURITY_POLICY);
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            "\n"
            body { h1 { (title) } "\n" (body) }
        }
    };
    writeln!(out, "{}", page.into_string())
}

/// Returns a heading and the text below it.
pub(super) fn heading(title: &str, below: &str) -> Markup {
    html! {
        "\n" h2 { (title) }
        @if !below.is_empty() { p.dim { (below) } }
    }
}

/// Returns the page's answer: the first sentence large, its first word in the color of `class`.
pub(super) fn answer(class: &str, sentences: &[String]) -> Markup {
    let Some((first, others)) = sentences.split_first() else { return Markup::default() };
    html! {
        section.answer.(class) {
            p.first {
                @if let Some((word, rest)) = first.split_once(": ") {
                    b { (word) "." } " " (capitalized(rest))
                } @else {
                    (first)
                }
            }
            @if !others.is_empty() {
                ul { @for sentence in others { li { (sentence) } } }
            }
        }
    }
}

pub(super) fn capitalized(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

/// Returns a row of numbers with their labels.
pub(super) fn tiles(tiles: &[(usize, &str)]) -> Markup {
    html! {
        div.tiles { @for (number, label) in tiles { div.tile { b { (grouped(*number)) } (label) } } }
    }
}

/// Returns a bar chart: name, number, and the text after the bar.
pub(super) fn bars(title: &str, bars: &[(String, usize, String)]) -> Markup {
    let bar = |(name, number, said): &(String, usize, String)| Bar {
        name: name.clone(),
        note: String::new(),
        parts: vec![("number", *number)],
        said: said.clone(),
    };
    html! { (heading(title, "")) (chart(&bars.iter().map(bar).collect::<Vec<_>>())) }
}

/// Returns a chart of bars with several parts, on one scale.
pub(super) fn chart(bars: &[Bar]) -> Markup {
    let longest = bars.iter().map(length).max().unwrap_or_default();
    html! {
        div.chart {
            @for bar in bars {
                "\n"
                div.name { (bar.name) @if !bar.note.is_empty() { small { (bar.note) } } }
                (drawn(&bar.parts, longest))
                div.said { (bar.said) }
            }
        }
    }
}

/// Returns adjacent parts that together have the width of the page, with their labels.
pub(super) fn whole(parts: &[(&'static str, usize, &str)]) -> Markup {
    let sizes: Vec<_> = parts.iter().map(|(class, size, _)| (*class, *size)).collect();
    html! {
        div.whole { (drawn(&sizes, sizes.iter().map(|(_, size)| size).sum())) }
        p.legend {
            @for (class, size, name) in parts.iter().filter(|(_, size, _)| *size > 0) {
                span {
                    svg.key viewBox="0 0 1 1" aria-hidden="true" { rect.(class) width="1" height="1" {} }
                    " " (grouped(*size)) " " (name)
                }
                " "
            }
        }
    }
}

/// Returns the parts of a bar in thousandths of `longest`, never too thin to see.
fn drawn(parts: &[(&'static str, usize)], longest: usize) -> Markup {
    let mut from = 0;
    let placed = parts.iter().filter(|(_, size)| *size > 0).map(|(class, size)| {
        let width = (size.saturating_mul(1_000) / longest.max(1)).max(4);
        from += width;
        (class, from - width, width)
    });
    html! {
        svg.bar viewBox="0 0 1000 1" preserveAspectRatio="none" aria-hidden="true" {
            @for (class, from, width) in placed { rect.(class) x=(from) width=(width) height="1" {} }
        }
    }
}

/// A row of a table: its class and its cells.
pub(super) type Row = (&'static str, Vec<String>);

/// Returns a table; the class of a row colors its first cell. Without rows, returns nothing.
pub(super) fn table<'a>(columns: &[&str], rows: impl Iterator<Item = (&'a str, Vec<String>)>) -> Markup {
    let mut rows = rows.peekable();
    if rows.peek().is_none() {
        return Markup::default();
    }
    html! {
        table {
            thead { tr { @for column in columns { th { (column) } } } }
            tbody {
                @for (class, cells) in rows {
                    "\n"
                    tr {
                        @for (position, cell) in cells.iter().enumerate() {
                            td class=[(position == 0).then_some(class)]
                                data-column=(columns.get(position).copied().unwrap_or_default()) { (cell) }
                        }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_stays_text_and_nothing_comes_from_elsewhere() {
        let hostile = "</td><script>alert('x')</script>&\" onload=x <img src=//e.example>";
        let text = || hostile.to_owned();
        let bar = Bar { name: text(), note: text(), parts: vec![("blocked", 1)], said: text() };
        let opened = Bar { name: text(), note: text(), parts: vec![("blocked", 1)], said: text() };
        let body = html! {
            (heading(hostile, hostile))
            (answer("bad", &[format!("{hostile}: {hostile}"), text()]))
            (bars(hostile, &[(text(), 1, text())]))
            (disclosures(&[ExpandableSection { class: "bad", word: "bad", bar: opened, behind: Some(heading(hostile, "")), is_open: true }], "x"))
            (chart(&[bar]))
            (whole(&[("blocked", 1, hostile)]))
            (table(&[hostile], [("bad", vec![text()])].into_iter()))
            (tiles(&[(1, hostile)]))
        };
        let mut out = Vec::new();
        write(&mut out, hostile, &body).unwrap();
        let page = String::from_utf8(out).unwrap();
        for foreign in ["<script", "<img", "http:", "https:", "src=\"", "href", "@import", "url(", "\" onload"] {
            assert!(!page.contains(foreign), "{foreign}: {page}");
        }
        assert_eq!(page.matches("&lt;script&gt;").count(), 22, "each text is shown as it is: {page}");
    }

    #[test]
    fn bars_share_one_scale_and_small_ones_are_seen() {
        let bar = |parts| Bar { name: "a".into(), note: String::new(), parts, said: "b".into() };
        let chart = chart(&[bar(vec![("blocked", 3), ("exempted", 1)]), bar(vec![("blocked", 2)]), bar(vec![])]);
        let whole = whole(&[("blocked", 1, "x"), ("passed", 9_999, "y"), ("exempted", 0, "z")]);
        let page = chart.into_string() + &whole.into_string();
        let widths: Vec<_> =
            page.split(" width=\"").skip(1).map(|rest| rest.split('"').next().unwrap_or_default()).collect();
        assert_eq!(widths, ["750", "250", "500", "4", "999", "1", "1"], "{page}");
        assert!(page.contains("9,999 y") && !page.contains("0 z"), "{page}");
    }

    #[test]
    fn a_table_without_rows_is_left_out() {
        assert_eq!(table(&["a"], std::iter::empty()).into_string(), "");
    }
}
