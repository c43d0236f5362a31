//! One self-contained HTML page: no script, nothing from elsewhere, legible on paper, in the dark and
//! in a narrow window.
//!
//! Charts are inline SVG, since browsers print its colours and leave out those of backgrounds.

use std::fmt;
use std::io::{self, Write};

use super::number::grouped;

/// A text as HTML shows it.
pub(super) struct Escaped<'a>(pub(super) &'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|c| match c {
            '&' => f.write_str("&amp;"),
            '<' => f.write_str("&lt;"),
            '>' => f.write_str("&gt;"),
            '"' => f.write_str("&quot;"),
            '\'' => f.write_str("&#39;"),
            c => write!(f, "{c}"),
        })
    }
}

/// The stylesheet; dark colours only on screens, so that a print is on white.
const STYLE: &str = include_str!("page.css");

/// A bar of a chart.
pub(super) struct Bar {
    /// What it stands for.
    pub(super) name: String,
    /// What is said below the name, if anything.
    pub(super) note: String,
    /// Its parts from left to right: class and size.
    pub(super) parts: Vec<(&'static str, usize)>,
    /// What is said behind it.
    pub(super) said: String,
}

/// Begins a page.
pub(super) fn begin(out: &mut dyn Write, title: &str) -> io::Result<()> {
    let title = Escaped(title);
    write!(
        out,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{title}</title>\n\
         <style>\n{STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>\n"
    )
}

/// Ends it.
pub(super) fn end(out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "</body>\n</html>")
}

/// A heading, and what stands below it.
pub(super) fn heading(out: &mut dyn Write, title: &str, below: &str) -> io::Result<()> {
    writeln!(out, "<h2>{}</h2>", Escaped(title))?;
    if below.is_empty() { Ok(()) } else { writeln!(out, "<p class=\"dim\">{}</p>", Escaped(below)) }
}

/// The answer that the page gives: the first sentence large, its first word in the colour of `class`.
pub(super) fn answer(out: &mut dyn Write, class: &str, sentences: &[String]) -> io::Result<()> {
    let Some((first, others)) = sentences.split_first() else { return Ok(()) };
    writeln!(out, "<section class=\"answer {class}\">")?;
    match first.split_once(": ") {
        Some((word, rest)) => {
            writeln!(out, "<p class=\"first\"><b>{}.</b> {}</p>", Escaped(word), Escaped(&capitalized(rest)))?;
        }
        None => writeln!(out, "<p class=\"first\">{}</p>", Escaped(first))?,
    }
    if !others.is_empty() {
        writeln!(out, "<ul>")?;
        for sentence in others {
            writeln!(out, "<li>{}</li>", Escaped(sentence))?;
        }
        writeln!(out, "</ul>")?;
    }
    writeln!(out, "</section>")
}

fn capitalized(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

/// A row of numbers with what they count.
pub(super) fn tiles(out: &mut dyn Write, tiles: &[(usize, &str)]) -> io::Result<()> {
    writeln!(out, "<div class=\"tiles\">")?;
    for (number, label) in tiles {
        writeln!(out, "<div class=\"tile\"><b>{}</b>{}</div>", grouped(*number), Escaped(label))?;
    }
    writeln!(out, "</div>")
}

/// A bar chart: name, number, and what stands behind the bar.
pub(super) fn bars(out: &mut dyn Write, title: &str, bars: &[(String, usize, String)]) -> io::Result<()> {
    let bar = |(name, number, said): &(String, usize, String)| Bar {
        name: name.clone(),
        note: String::new(),
        parts: vec![("number", *number)],
        said: said.clone(),
    };
    heading(out, title, "")?;
    chart(out, &bars.iter().map(bar).collect::<Vec<_>>())
}

/// A chart of bars of several parts, on one scale.
pub(super) fn chart(out: &mut dyn Write, bars: &[Bar]) -> io::Result<()> {
    let length = |bar: &Bar| bar.parts.iter().map(|(_, size)| size).sum::<usize>();
    let longest = bars.iter().map(length).max().unwrap_or_default();
    writeln!(out, "<div class=\"chart\">")?;
    for bar in bars {
        write!(out, "<div class=\"name\">{}", Escaped(&bar.name))?;
        if !bar.note.is_empty() {
            write!(out, "<small>{}</small>", Escaped(&bar.note))?;
        }
        write!(out, "</div>")?;
        drawn(out, &bar.parts, longest)?;
        writeln!(out, "<div class=\"said\">{}</div>", Escaped(&bar.said))?;
    }
    writeln!(out, "</div>")
}

/// Parts side by side that together have the width of the page, with what each of them is.
pub(super) fn whole(out: &mut dyn Write, parts: &[(&'static str, usize, &str)]) -> io::Result<()> {
    let sizes: Vec<_> = parts.iter().map(|(class, size, _)| (*class, *size)).collect();
    write!(out, "<div class=\"whole\">")?;
    drawn(out, &sizes, sizes.iter().map(|(_, size)| size).sum())?;
    write!(out, "</div>\n<p class=\"legend\">")?;
    for (class, size, name) in parts.iter().filter(|(_, size, _)| *size > 0) {
        write!(
            out,
            "<span><svg class=\"key\" viewBox=\"0 0 1 1\" aria-hidden=\"true\"><rect class=\"{class}\" width=\"1\" \
             height=\"1\"/></svg> {} {}</span> ",
            grouped(*size),
            Escaped(name)
        )?;
    }
    writeln!(out, "</p>")
}

/// Parts of a bar on a scale that ends at `longest`, in thousandths: never so thin that one is not seen.
fn drawn(out: &mut dyn Write, parts: &[(&'static str, usize)], longest: usize) -> io::Result<()> {
    write!(out, "<svg class=\"bar\" viewBox=\"0 0 1000 1\" preserveAspectRatio=\"none\" aria-hidden=\"true\">")?;
    let mut from = 0;
    for (class, size) in parts.iter().filter(|(_, size)| *size > 0) {
        let width = (size.saturating_mul(1_000) / longest.max(1)).max(4);
        write!(out, "<rect class=\"{class}\" x=\"{from}\" width=\"{width}\" height=\"1\"/>")?;
        from += width;
    }
    write!(out, "</svg>")
}

/// A table; the class of a row colours its first cell. Without rows, nothing.
pub(super) fn table<'a>(
    out: &mut dyn Write,
    columns: &[&str],
    rows: impl Iterator<Item = (&'a str, Vec<String>)>,
) -> io::Result<()> {
    let mut rows = rows.peekable();
    if rows.peek().is_none() {
        return Ok(());
    }
    write!(out, "<table>\n<thead><tr>")?;
    for column in columns {
        write!(out, "<th>{}</th>", Escaped(column))?;
    }
    writeln!(out, "</tr></thead>\n<tbody>")?;
    for (class, cells) in rows {
        write!(out, "<tr>")?;
        for (position, cell) in cells.iter().enumerate() {
            let class = if position == 0 { class } else { "" };
            let column = Escaped(columns.get(position).copied().unwrap_or_default());
            write!(out, "<td class=\"{class}\" data-column=\"{column}\">{}</td>", Escaped(cell))?;
        }
        writeln!(out, "</tr>")?;
    }
    writeln!(out, "</tbody>\n</table>")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_stays_text_and_nothing_comes_from_elsewhere() {
        let hostile = "</td><script>alert('x')</script>&\" onload=x <img src=//e.example>";
        let mut out = Vec::new();
        begin(&mut out, hostile).unwrap();
        heading(&mut out, hostile, hostile).unwrap();
        answer(&mut out, "bad", &[format!("{hostile}: {hostile}"), hostile.to_owned()]).unwrap();
        bars(&mut out, hostile, &[(hostile.to_owned(), 1, hostile.to_owned())]).unwrap();
        let bar =
            || Bar { name: hostile.into(), note: hostile.into(), parts: vec![("blocked", 1)], said: hostile.into() };
        chart(&mut out, &[bar()]).unwrap();
        whole(&mut out, &[("blocked", 1, hostile)]).unwrap();
        table(&mut out, &[hostile], [("bad", vec![hostile.to_owned()])].into_iter()).unwrap();
        tiles(&mut out, &[(1, hostile)]).unwrap();
        end(&mut out).unwrap();
        let page = String::from_utf8(out).unwrap();
        for foreign in ["<script", "<img", "alert('", "http:", "https:", "src=\"", "href", "@import", "url("] {
            assert!(!page.contains(foreign), "{foreign}: {page}");
        }
        assert_eq!(page.matches("&lt;script&gt;").count(), 18, "each text is shown as it is: {page}");
    }

    #[test]
    fn bars_share_one_scale_and_small_ones_are_seen() {
        let bar = |parts| Bar { name: "a".into(), note: String::new(), parts, said: "b".into() };
        let mut out = Vec::new();
        chart(&mut out, &[bar(vec![("blocked", 3), ("exempted", 1)]), bar(vec![("blocked", 2)]), bar(vec![])]).unwrap();
        whole(&mut out, &[("blocked", 1, "x"), ("passed", 9_999, "y"), ("exempted", 0, "z")]).unwrap();
        let page = String::from_utf8(out).unwrap();
        let widths: Vec<_> =
            page.split(" width=\"").skip(1).map(|rest| rest.split('"').next().unwrap_or_default()).collect();
        assert_eq!(widths, ["750", "250", "500", "4", "999", "1", "1"], "{page}");
        assert!(page.contains("9,999 y") && !page.contains("0 z"), "{page}");
    }

    #[test]
    fn a_table_without_rows_is_left_out() {
        let mut out = Vec::new();
        table(&mut out, &["a"], std::iter::empty()).unwrap();
        assert_eq!(out, b"");
    }
}
