//! The result's JSON: written one stack at a time and read back the same way, even if the writer was killed.
//!
//! One JSON document, never in memory as a whole. Its head is on the first line and each stack on a separate line; a
//! file without its end still returns every stack that was written.

use std::fmt;
use std::io::{self, Read, Write};
use std::marker::PhantomData;

use schemars::JsonSchema;
use serde::de::{DeserializeOwned, DeserializeSeed, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value as Json};

use super::comparison::ComparisonFile;
use super::live::GroupRecord;
use super::record::{FORMAT_VERSION, ScanHead, StackRecord, Unread};
use super::result::{ScanCompletion, ScanResult};
use super::summary::ScanSummary;

/// The result of a scan, as its JSON file contains it.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "ScanResult")]
#[serde(rename_all = "camelCase")]
pub struct ResultFile {
    /// The scope and settings of the scan.
    #[serde(flatten)]
    pub head: ScanHead,
    /// The stacks, in the order in which they were read.
    pub stacks: Vec<StackRecord>,
    /// The existing security groups, if they were read (`--live`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<GroupRecord>,
    /// The parts that could not be read, and why.
    pub unread: Vec<Unread>,
    /// The answer.
    pub summary: ScanSummary,
    /// Whether every stack was read or is listed in `unread`; false if the scan was interrupted, or if there may be
    /// unknown Regions.
    pub complete: bool,
    /// Whether the scan was interrupted.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub interrupted: bool,
    /// The changes since an earlier scan, if it was compared with one.
    #[serde(skip_deserializing, skip_serializing_if = "Option::is_none")]
    pub comparison: Option<ComparisonFile>,
}

/// Writes a result during a scan.
#[derive(Debug)]
pub struct ResultWriter<W> {
    out: W,
    written: usize,
    list: &'static str,
}

/// The names of the lists of records.
const STACKS: &str = "stacks";
const GROUPS: &str = "groups";

impl<W: Write> ResultWriter<W> {
    /// Begins a result.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn new(mut out: W, head: &ScanHead) -> io::Result<Self> {
        let head = serde_json::to_string(head)?;
        // The head without its closing brace, because the document continues.
        writeln!(out, "{},\"{STACKS}\":[", head.strip_suffix('}').unwrap_or(&head))?;
        Ok(Self { out, written: 0, list: STACKS })
    }

    /// Writes a stack.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn stack(&mut self, record: &StackRecord) -> io::Result<()> {
        self.begin(STACKS)?;
        self.line(record)?;
        // Flushes, so that findings survive when the process is killed.
        self.out.flush()
    }

    /// Writes a live security group. The groups of one Region arrive while another Region's stacks do: each switch
    /// begins a new list, which [`read_records`] reads, and [`write_json`] puts in order at the end.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn group(&mut self, record: &GroupRecord) -> io::Result<()> {
        self.begin(GROUPS)?;
        self.line(record)?;
        self.out.flush()
    }

    /// Continues a list, or begins it.
    fn begin(&mut self, list: &'static str) -> io::Result<()> {
        if self.list != list {
            writeln!(self.out, "\n],\"{list}\":[")?;
            self.list = list;
            self.written = 0;
        }
        Ok(())
    }

    fn line(&mut self, record: &impl Serialize) -> io::Result<()> {
        if self.written > 0 {
            writeln!(self.out, ",")?;
        }
        self.written += 1;
        Ok(serde_json::to_writer(&mut self.out, record)?)
    }

    /// Ends the result with everything that is not about a stack.
    ///
    /// # Errors
    /// When it cannot be written, or the records of unread parts cannot be read back.
    pub fn end(mut self, result: &mut ScanResult) -> io::Result<()> {
        writeln!(self.out, "\n],\"unread\":[")?;
        self.written = 0;
        for what in result.unread.iter() {
            self.line(&what?)?;
        }
        let summary = serde_json::to_string(&result.summary)?;
        let ScanCompletion { complete, interrupted } = result.ending;
        let interrupted = if interrupted { ",\"interrupted\":true" } else { "" };
        write!(self.out, "\n],\"summary\":{summary},\"complete\":{complete}{interrupted}")?;
        if let Some(comparison) = &mut result.comparison {
            write!(self.out, ",\"comparison\":")?;
            serde_json::to_writer(&mut self.out, &comparison.json())?;
        }
        writeln!(self.out, "}}")?;
        self.out.flush()
    }
}

/// Writes a complete result.
///
/// # Errors
/// When it cannot be written, or its records cannot be read back.
pub fn write_json(result: &mut ScanResult, out: &mut dyn Write) -> io::Result<()> {
    let mut writer = ResultWriter::new(out, &result.head)?;
    for record in result.stacks.iter() {
        writer.line(&record?)?;
    }
    for record in result.groups.iter() {
        writer.begin(GROUPS)?;
        writer.line(&record?)?;
    }
    writer.end(result)
}

/// The reason why a text is not a result of a scan.
#[derive(Debug)]
pub enum ResultError {
    /// It is something else.
    NotAResult(serde_json::Error),
    /// It has an unsupported version.
    Version(u64),
    /// It could not be read, or its content could not be stored.
    Io(io::Error),
}

impl fmt::Display for ResultError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAResult(error) => write!(f, "not the JSON result of a scan: {error}"),
            Self::Version(version) => {
                write!(f, "the result has format version {version}, but this program supports {FORMAT_VERSION}")
            }
            Self::Io(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for ResultError {}

/// A record of a result.
#[derive(Debug)]
pub enum ResultRecord {
    Stack(Box<StackRecord>),
    /// A live security group.
    Group(Box<GroupRecord>),
    /// Something that could not be read.
    Unread(Box<Unread>),
}

/// Reads a result back one record at a time: all records, or those that were written before the writer was killed.
///
/// # Errors
/// When the text is not a result of a scan, or `take` fails.
pub fn read_records(
    text: impl Read,
    take: &mut dyn FnMut(ResultRecord) -> io::Result<()>,
) -> Result<(ScanHead, ScanCompletion), ResultError> {
    let mut reader = ResultReader { head: Map::new(), ending: ScanCompletion::default(), take, failed: None };
    let mut text = serde_json::Deserializer::from_reader(text);
    let outcome = reader.deserialize(&mut text).and_then(|()| text.end());
    let ResultReader { head, ending, failed, .. } = reader;
    if let Some(error) = failed {
        return Err(ResultError::Io(error));
    }
    match head.get("version").and_then(Json::as_u64) {
        Some(version) if version != u64::from(FORMAT_VERSION) => return Err(ResultError::Version(version)),
        _ => {}
    }
    let head = serde_json::from_value::<ScanHead>(Json::Object(head));
    match (outcome, head) {
        (Ok(()), Ok(head)) => Ok((head, ending)),
        (Ok(()), Err(error)) => Err(ResultError::NotAResult(error)),
        (Err(error), _) if error.is_io() => Err(ResultError::Io(error.into())),
        // The file is cut off: its writer was killed.
        (Err(error), Ok(head)) if error.is_eof() => Ok((head, ScanCompletion { complete: false, interrupted: true })),
        (Err(error), _) => Err(ResultError::NotAResult(error)),
    }
}

/// Reads a document member by member.
struct ResultReader<'a> {
    head: Map<String, Json>,
    ending: ScanCompletion,
    take: &'a mut dyn FnMut(ResultRecord) -> io::Result<()>,
    failed: Option<io::Error>,
}

impl<'de> DeserializeSeed<'de> for &mut ResultReader<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for &mut ResultReader<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "stacks" => {
                    map.next_value_seed(RecordList { reader: self, record: ResultRecord::Stack, of: PhantomData })?
                }
                "groups" => {
                    map.next_value_seed(RecordList { reader: self, record: ResultRecord::Group, of: PhantomData })?
                }
                "unread" => {
                    map.next_value_seed(RecordList { reader: self, record: ResultRecord::Unread, of: PhantomData })?
                }
                "summary" | "comparison" => drop(map.next_value::<IgnoredAny>()?),
                "complete" => self.ending.complete = map.next_value()?,
                "interrupted" => self.ending.interrupted = map.next_value()?,
                _ => drop(self.head.insert(key, map.next_value()?)),
            }
        }
        Ok(())
    }
}

/// Passes on each record of a list.
struct RecordList<'a, 'b, T> {
    reader: &'a mut ResultReader<'b>,
    record: fn(Box<T>) -> ResultRecord,
    of: PhantomData<T>,
}

impl<'de, T: DeserializeOwned> DeserializeSeed<'de> for RecordList<'_, '_, T> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de, T: DeserializeOwned> Visitor<'de> for RecordList<'_, '_, T> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while let Some(record) = list.next_element::<T>()? {
            let mut record = (self.record)(Box::new(record));
            if let ResultRecord::Stack(stack) = &mut record {
                stack.know_account();
            }
            if let Err(error) = (self.reader.take)(record) {
                self.reader.failed = Some(error);
                return Err(A::Error::custom("the results could not be stored"));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::scan::result::ScanRecords;
    use crate::scan::{AlternativeKind, OutcomeCounts, Ownership};
    use crate::{Failure, FailureKind, Spool};

    /// Reads a result back: all of it, or the part that was written. Computes the answer again.
    fn read_result(text: impl Read) -> Result<ScanResult, ResultError> {
        let mut found = ScanRecords::default();
        let (head, ending) = read_records(text, &mut |record| match record {
            ResultRecord::Stack(stack) => found.stack(&stack),
            ResultRecord::Group(group) => found.group(&group),
            ResultRecord::Unread(unread) => found.unread(&unread),
        })?;
        found.result(head, ending).map_err(ResultError::Io)
    }

    fn stack(name: &str) -> StackRecord {
        StackRecord {
            account: "123456789012".to_owned(),
            region: "eu-west-1".to_owned(),
            stack: name.to_owned(),
            stack_id: format!("arn:aws:cloudformation:eu-west-1:123456789012:stack/{name}/1"),
            root: None,
            owner: Some("team \"a\"\n".to_owned()),
            status: "CREATE_COMPLETE".to_owned(),
            changed: "2026-11-23T00:00:00Z".to_owned(),
            partial: false,
            resources: 1,
            rules: 2,
            findings: Vec::new(),
            more: OutcomeCounts::default(),
            otherwise: [(AlternativeKind::Effective, OutcomeCounts { blocked: 1, ..OutcomeCounts::default() })].into(),
            notes: Vec::new(),
            declared: Vec::new(),
        }
    }

    fn head() -> ScanHead {
        ScanHead {
            accounts: Vec::new(),
            regions_assumed: None,
            version: FORMAT_VERSION,
            program: "0".to_owned(),
            policy: "literal".to_owned(),
            started: "2026-11-23T00:00:00Z".to_owned(),
            regions: vec!["eu-west-1".to_owned()],
            owner_tags: vec!["owner".to_owned()],
            only_stacks: Vec::new(),
            live: false,
        }
    }

    const UNREAD: [&str; 2] = ["x", "y"];

    fn unread(stack: &str) -> Unread {
        Unread {
            account: Some("123456789012".to_owned()),
            region: Some("eu-west-1".to_owned()),
            stack: Some(stack.to_owned()),
            stack_id: None,
            live: false,
            group: None,
            failure: Failure::new("cloudformation:GetTemplate", FailureKind::Unreachable, "no answer in time"),
            judged: false,
        }
    }

    fn all<T: Serialize + DeserializeOwned>(records: &mut Spool<T>) -> Vec<T> {
        records.iter().map(Result::unwrap).collect()
    }

    fn written(stacks: &[StackRecord]) -> String {
        let mut text = Vec::new();
        let mut writer = ResultWriter::new(&mut text, &head()).unwrap();
        for stack in stacks {
            writer.stack(stack).unwrap();
        }
        let mut found = ScanRecords::default();
        stacks.iter().for_each(|stack| found.stack(stack).unwrap());
        UNREAD.iter().for_each(|stack| found.unread(&unread(stack)).unwrap());
        let ending = ScanCompletion { complete: true, interrupted: false };
        writer.end(&mut found.result(head(), ending).unwrap()).unwrap();
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn what_is_written_is_read_back() {
        for stacks in [vec![], vec![stack("a")], vec![stack("a"), stack("b")]] {
            let text = written(&stacks);
            let mut result = read_result(text.as_bytes()).unwrap();
            assert_eq!((&result.head, all(&mut result.stacks)), (&head(), stacks.clone()));
            assert_eq!(all(&mut result.unread), UNREAD.map(unread));
            assert!(result.ending.complete);
            let mut again = Vec::new();
            write_json(&mut result, &mut again).unwrap();
            assert_eq!(String::from_utf8(again).unwrap(), text);
            let whole: ResultFile = serde_json::from_str(&text).unwrap();
            assert_eq!((whole.stacks, whole.summary), (stacks, result.summary), "as the schema describes it");
        }
    }

    /// A killed writer leaves any prefix of the file.
    #[test]
    fn every_stack_of_a_torn_file_is_read_back() {
        let stacks = [stack("a"), stack("b"), stack("c")];
        let text = written(&stacks);
        let lines = stacks.each_ref().map(|stack| serde_json::to_string(stack).unwrap());
        let first_line = text.find('\n').unwrap();
        for end in first_line..text.len() - 2 {
            let torn = text.get(..end).unwrap();
            let mut result = read_result(torn.as_bytes()).unwrap();
            let whole = torn.lines().skip(1).filter(|line| lines.iter().any(|whole| line.starts_with(whole))).count();
            assert_eq!(all(&mut result.stacks), stacks[..whole], "cut at {end}");
            assert_eq!(result.ending, ScanCompletion { complete: false, interrupted: true });
        }
    }

    fn group(id: &str) -> GroupRecord {
        GroupRecord {
            account: "123456789012".to_owned(),
            region: "eu-west-1".to_owned(),
            group: id.to_owned(),
            name: "web".to_owned(),
            vpc: None,
            ownership: Ownership::None,
            stack: None,
            stack_id: None,
            logical_id: None,
            owner: None,
            read: "2026-11-23T00:00:00Z".to_owned(),
            compared_with: String::new(),
            rules: 0,
            findings: Vec::new(),
            more: OutcomeCounts::default(),
            differences: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// One Region reads its groups while another reads its stacks, and the writer may be killed at any time.
    #[test]
    fn groups_that_come_between_stacks_are_read_back_and_put_in_order() {
        let mut text = Vec::new();
        let head = ScanHead { live: true, ..head() };
        let mut writer = ResultWriter::new(&mut text, &head).unwrap();
        writer.group(&group("sg-1")).unwrap();
        writer.stack(&stack("a")).unwrap();
        writer.stack(&stack("b")).unwrap();
        writer.group(&group("sg-2")).unwrap();
        let text = String::from_utf8(text).unwrap();
        let read = |text: &str| {
            let mut result = read_result(text.as_bytes()).unwrap();
            (all(&mut result.stacks), all(&mut result.groups), result)
        };
        for end in text.find('\n').unwrap()..=text.len() {
            let torn = text.get(..end).unwrap();
            let (stacks, groups, _) = read(torn);
            let written = |record: String| torn.contains(&record);
            let of_stacks = ["a", "b"].map(stack).into_iter();
            let of_groups = ["sg-1", "sg-2"].map(group).into_iter();
            let of_stacks = of_stacks.filter(|one| written(serde_json::to_string(one).unwrap()));
            let of_groups = of_groups.filter(|one| written(serde_json::to_string(one).unwrap()));
            assert_eq!(stacks, of_stacks.collect::<Vec<_>>(), "cut at {end}");
            assert_eq!(groups, of_groups.collect::<Vec<_>>(), "cut at {end}");
        }
        let (.., mut result) = read(&text);
        let mut ordered = Vec::new();
        write_json(&mut result, &mut ordered).unwrap();
        let ordered: ResultFile = serde_json::from_slice(&ordered).unwrap();
        assert_eq!((ordered.stacks.len(), ordered.groups.len()), (2, 2), "each list once");
    }

    #[test]
    fn other_files_and_versions_are_refused() {
        assert!(matches!(read_result(&b"{}"[..]), Err(ResultError::NotAResult(_))));
        assert!(matches!(read_result(&b""[..]), Err(ResultError::NotAResult(_))));
        let other = written(&[]).replace("\"version\":1", "\"version\":2");
        assert!(matches!(read_result(other.as_bytes()), Err(ResultError::Version(2))));
        let other = written(&[stack("a")]).replace("\"rules\":2", "\"rules\":\"many\"");
        assert!(
            matches!(read_result(other.as_bytes()), Err(ResultError::NotAResult(_))),
            "not torn, but something else"
        );
    }

    /// A file that is cut off ends too early; another syntax error means that someone changed it.
    #[test]
    fn a_file_with_a_syntax_error_is_not_torn() {
        let text = written(&[stack("a"), stack("b")]);
        for other in [
            text.replace("\n],\"unread\"", "\n,],\"unread\""),
            text.replacen("},\n{", "}\n{", 1),
            format!("{text}{text}"),
            text.replace("\"summary\":", "\"summary\";"),
        ] {
            assert_ne!(other, text);
            assert!(matches!(read_result(other.as_bytes()), Err(ResultError::NotAResult(_))), "{other}");
        }
    }

    /// Members in another order, as programs that sort them write it.
    #[test]
    fn the_order_of_members_does_not_matter() {
        let text = written(&[stack("a")]);
        let sorted = serde_json::to_string_pretty(&serde_json::from_str::<Json>(&text).unwrap()).unwrap();
        let mut result = read_result(sorted.as_bytes()).unwrap();
        assert_eq!((&result.head, all(&mut result.stacks)), (&head(), vec![stack("a")]));
        assert!(result.ending.complete);
    }
}
