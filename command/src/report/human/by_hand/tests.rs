use std::borrow::Cow;

use annotate_snippets::Renderer;
use proptest::prelude::*;

use super::*;
use crate::report::human::library;
use cfn_egress_guard_core::source::Span;

/// A value that begins on a line of a text, by the line's index and bytes.
fn span(text: &str, line: usize, start: usize, length: usize) -> Span {
    let offset = text.split_inclusive('\n').take(line).map(str::len).sum::<usize>() + start;
    Span::of(text, offset..text.floor_char_boundary(offset + length))
}

fn picture<'a>(text: &'a str, primary: Mark<'a>, related: Vec<Mark<'a>>) -> Picture<'a> {
    let remarks = vec![(Remark::Note, Cow::Borrowed("in `Sg`")), (Remark::Help, Cow::Borrowed("Open one port."))];
    Picture {
        level: Level::Error,
        code: Some("port-range"),
        title: Cow::Borrowed("tcp 80-87 opens 8 ports"),
        name: "folder/a.yaml",
        text,
        primary: Some(primary),
        related,
        remarks,
    }
}

/// What is drawn by hand, if it is, after the library was found to draw the same.
fn drawn(picture: &Picture<'_>) -> Option<String> {
    let mut plain = String::new();
    for styled in [true, false] {
        plain.clear();
        draw(picture, &Ink::new(styled), &mut plain)?;
        let renderer = if styled { Renderer::styled() } else { Renderer::plain() };
        assert_eq!(plain, library::draw(picture, &renderer));
    }
    Some(plain)
}

#[test]
fn what_is_found_most_is_drawn_by_hand() {
    let text = "a\n  FromPort: 80\n  ToPort: 87\n";
    let to = Mark { span: span(text, 2, 10, 2), label: "to 87" };
    let from = Mark { span: span(text, 1, 12, 2), label: "from 80" };
    for (primary, related) in [(to, vec![from]), (from, vec![to]), (to, vec![])] {
        assert!(drawn(&picture(text, primary, related)).is_some());
    }
    let json = "  {\n    \"FromPort\": 80,\n    \"IpProtocol\": \"tcp\",\n    \"ToPort\": 87,\n";
    let to = Mark { span: span(json, 3, 14, 2), label: "to 87" };
    for line in [1, 0] {
        let from = Mark { span: span(json, line, 2, 1), label: "from 80" };
        assert!(drawn(&picture(json, to, vec![from])).is_some());
    }
    for level in [Level::Error, Level::Warning, Level::Note] {
        let without_code = Picture { level, code: None, ..picture(json, to, vec![]) };
        assert!(drawn(&without_code).is_some());
    }
}

#[test]
fn what_is_not_simple_is_left_to_the_library() {
    let wide = format!("  Port: {}\n", "8".repeat(200));
    let deep = format!("{}Port: 80\n", " ".repeat(40));
    for (text, line, start, related) in [
        ("\tPort: 80\n", 0, 7, None),
        ("  Pört: 80\n", 0, 9, None),
        (wide.as_str(), 0, 8, None),
        (deep.as_str(), 0, 46, None),
        ("{From: 80, To: 87}\n", 0, 15, Some((0, 7))),
        ("From: 80\n\nTo: 87\n", 2, 4, Some((0, 6))),
    ] {
        let mark = |(line, start)| Mark { span: span(text, line, start, 2), label: "here" };
        let picture = picture(text, mark((line, start)), related.map(mark).into_iter().collect());
        assert_eq!(drawn(&picture), None, "{text:?}");
    }
    let text = "To: 87\n";
    let to = Mark { span: span(text, 0, 4, 2), label: "to 87" };
    let title = Picture { title: Cow::Borrowed("a\u{202e}b"), ..picture(text, to, vec![]) };
    assert_eq!(drawn(&title), None);
    let no_remarks = Picture { remarks: Vec::new(), ..picture(text, to, vec![]) };
    assert_eq!(drawn(&no_remarks), None);
    let nowhere = Picture { primary: None, ..picture(text, to, vec![]) };
    assert_eq!(drawn(&nowhere), None);
}

/// Lines as templates have them, and as they do not; all of them end.
fn text() -> impl Strategy<Value = String> {
    let line = prop_oneof![
        4 => " {0,30}[A-Za-z]{1,6}: [ -~]{1,12}",
        1 => "[ -~]{0,150}",
        1 => "[ \ta-zé世…\u{202e}]{0,30}",
    ];
    proptest::collection::vec(line, 1..14).prop_flat_map(|lines| {
        proptest::sample::select(vec!["\n", "\r\n"])
            .prop_map(move |end| lines.iter().fold(String::new(), |text, line| text + line + end))
    })
}

/// A value somewhere: the parts of the text and of the rest of it where it begins and ends.
fn place() -> impl Strategy<Value = (f64, f64, &'static str)> {
    (0.0..1.0, 0.0..1.2, proptest::sample::select(vec!["", "from 80", "to 87: 8 ports", "…"]))
}

proptest! {
    #[test]
    fn it_is_what_the_library_draws(text in text(), places in proptest::collection::vec(place(), 1..4), near in any::<bool>()) {
        #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "parts of a short text")]
        let part = |whole: usize, part: f64| (whole as f64 * part) as usize;
        let lines = text.lines().count();
        let first = part(lines, places[0].0);
        let marks: Vec<Mark<'_>> = places.iter().enumerate().map(|(index, (start, length, label))| {
            let line = if near { (first + index).min(lines - 1) } else { part(lines, *start) };
            let width = text.lines().nth(line).unwrap().len();
            let start = part(width, *start);
            Mark { span: span(&text, line, start, part(width - start, *length).max(1)), label }
        }).collect();
        drawn(&picture(&text, marks[0], marks[1..].to_vec()));
    }
}
