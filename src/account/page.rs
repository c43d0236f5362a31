//! One self-contained HTML page: no script, nothing from elsewhere, legible on paper and in the dark.

use std::fmt;
use std::io::{self, Write};

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

const STYLE: &str = "\
:root{color-scheme:light dark;--fg:#1b1f24;--dim:#5b6470;--bg:#fff;--card:#f5f6f8;--line:#d8dce1;--bad:#b3261e;--maybe:#9a6700;--good:#1a7f37;--bar:#3b6fb6}\
@media(prefers-color-scheme:dark){:root{--fg:#e6e8eb;--dim:#9aa4af;--bg:#14171a;--card:#1d2126;--line:#363c43;--bad:#ff7b72;--maybe:#e3b341;--good:#56d364;--bar:#6ea8fe}}\
body{font:15px/1.5 system-ui,sans-serif;color:var(--fg);background:var(--bg);max-width:70rem;margin:2rem auto;padding:0 1rem}\
h1{font-size:1.5rem;margin:0}h2{font-size:1.15rem;margin:2.2rem 0 .6rem}p{margin:.4rem 0}.dim{color:var(--dim)}\
.answer{font-size:1.25rem;border-left:.35rem solid var(--line);padding:.5rem 1rem;background:var(--card);margin:1rem 0}\
.bad{border-color:var(--bad)}.maybe{border-color:var(--maybe)}.good{border-color:var(--good)}\
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(9rem,1fr));gap:.8rem}\
.tile{background:var(--card);padding:.7rem 1rem}.tile b{display:block;font-size:1.7rem;line-height:1.2}\
.bars{display:grid;grid-template-columns:minmax(8rem,max-content) 1fr max-content;gap:.35rem .8rem;align-items:center}\
.bar{height:1rem;background:var(--bar);min-width:2px}\
table{border-collapse:collapse;width:100%;font-size:.9rem}th,td{text-align:left;vertical-align:top;padding:.35rem .6rem;border-bottom:1px solid var(--line)}\
th{white-space:nowrap}td{overflow-wrap:anywhere}code{font-size:.95em}.blocked{color:var(--bad)}.undetermined,.unread{color:var(--maybe)}.exempted{color:var(--good)}\
@media print{body{margin:0}}";

/// Begins a page.
pub(super) fn begin(out: &mut dyn Write, title: &str) -> io::Result<()> {
    let title = Escaped(title);
    write!(
        out,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{title}</title>\n\
         <style>{STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>\n"
    )
}

/// Ends it.
pub(super) fn end(out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "</body>\n</html>")
}

/// A row of numbers with what they count.
pub(super) fn tiles(out: &mut dyn Write, tiles: &[(usize, &str)]) -> io::Result<()> {
    writeln!(out, "<div class=\"tiles\">")?;
    for (number, label) in tiles {
        writeln!(out, "<div class=\"tile\"><b>{number}</b>{}</div>", Escaped(label))?;
    }
    writeln!(out, "</div>")
}

/// A bar chart: name, number, and what stands behind the bar.
pub(super) fn bars(out: &mut dyn Write, title: &str, bars: &[(String, usize, String)]) -> io::Result<()> {
    let most = bars.iter().map(|(_, number, _)| *number).max().unwrap_or_default().max(1);
    writeln!(out, "<h2>{}</h2>\n<div class=\"bars\">", Escaped(title))?;
    for (name, number, behind) in bars {
        writeln!(
            out,
            "<span>{}</span><span><span class=\"bar\" style=\"display:block;width:{}%\"></span></span><span>{}</span>",
            Escaped(name),
            number * 100 / most,
            Escaped(behind)
        )?;
    }
    writeln!(out, "</div>")
}

/// A table; the class of a row colours its first cell.
pub(super) fn table<'a>(
    out: &mut dyn Write,
    columns: &[&str],
    rows: impl Iterator<Item = (&'a str, Vec<String>)>,
) -> io::Result<()> {
    write!(out, "<table>\n<thead><tr>")?;
    for column in columns {
        write!(out, "<th>{}</th>", Escaped(column))?;
    }
    writeln!(out, "</tr></thead>\n<tbody>")?;
    for (class, cells) in rows {
        write!(out, "<tr>")?;
        for (position, cell) in cells.iter().enumerate() {
            let class = if position == 0 { class } else { "" };
            write!(out, "<td class=\"{class}\">{}</td>", Escaped(cell))?;
        }
        writeln!(out, "</tr>")?;
    }
    writeln!(out, "</tbody>\n</table>")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_stays_text() {
        let hostile = "</td><script>alert('x')</script>&\"";
        let mut out = Vec::new();
        begin(&mut out, hostile).unwrap();
        bars(&mut out, hostile, &[(hostile.to_owned(), 1, hostile.to_owned())]).unwrap();
        table(&mut out, &[hostile], [("bad", vec![hostile.to_owned()])].into_iter()).unwrap();
        tiles(&mut out, &[(1, hostile)]).unwrap();
        end(&mut out).unwrap();
        let page = String::from_utf8(out).unwrap();
        assert!(!page.contains("<script") && !page.contains("alert('"), "{page}");
        assert!(!page.contains("http://") && !page.contains("https://"), "nothing from elsewhere");
    }
}
