//! The reports of a run in the order of its inputs: a template that is found directly and also deployed by others is
//! reported once.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cfn_egress_guard::report::FileReport;

use super::folder::same;
use super::judge::InputReports;

/// The reports of a run.
#[derive(Default)]
pub(super) struct CheckReports {
    /// The reports of the inputs, each with its file.
    inputs: Vec<(Option<PathBuf>, FileReport)>,
    /// The reports of templates that an input deploys: the input's index, the canonical path of the file, the report.
    deployed: Vec<(usize, PathBuf, FileReport)>,
}

impl CheckReports {
    /// Adds the reports of the next input and of the templates that it deploys.
    pub(super) fn add(&mut self, file: Option<&Path>, reports: InputReports) {
        let InputReports { mut own, others } = reports;
        if own.entries.is_empty() && own.problem.is_none() {
            // Nothing of it is shown, so its text is not needed any more.
            own.text = Arc::default();
        }
        let input = self.inputs.len();
        self.inputs.push((file.map(Path::to_owned), own));
        self.deployed.extend(others.into_iter().map(|(key, report)| (input, key, report)));
    }

    /// Returns all reports, each file once: those that are not inputs follow the first input that deploys them.
    pub(super) fn in_order(self) -> impl Iterator<Item = FileReport> {
        let Self { inputs, deployed } = self;
        let mut known: HashMap<PathBuf, usize> = HashMap::new();
        if !deployed.is_empty() {
            let files = inputs.iter().enumerate().filter_map(|(index, (file, _))| Some((same(file.as_ref()?), index)));
            known.extend(files);
        }
        // By position: an input, or the reports after it.
        let mut more: BTreeMap<usize, Vec<FileReport>> = BTreeMap::new();
        let mut behind: BTreeMap<usize, Vec<Vec<FileReport>>> = BTreeMap::new();
        let mut new: HashMap<PathBuf, (usize, usize)> = HashMap::new();
        for (input, key, report) in deployed {
            if let Some(index) = known.get(&key) {
                more.entry(*index).or_default().push(report);
                continue;
            }
            let at = new.get(&key).copied();
            match at.and_then(|(input, place)| behind.get_mut(&input)?.get_mut(place)) {
                Some(reports) => reports.push(report),
                None => {
                    let there = behind.entry(input).or_default();
                    new.insert(key, (input, there.len()));
                    there.push(vec![report]);
                }
            }
        }
        inputs.into_iter().enumerate().flat_map(move |(index, (_, own))| {
            let own = std::iter::once(own).chain(more.remove(&index).unwrap_or_default()).collect();
            let all = std::iter::once(own).chain(behind.remove(&index).unwrap_or_default());
            all.filter_map(FileReport::merged::<Vec<FileReport>>).collect::<Vec<_>>()
        })
    }
}
