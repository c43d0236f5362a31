//! Merges the reports of several deployments of one template.

use std::collections::HashMap;

use super::diagnostic::{Diagnostic, DiagnosticLevel, FileError, FileReport, ResourceName};
use super::printable;
use cfn_egress_guard_core::rule::Outcome;

impl FileReport {
    /// Marks all entries as belonging to this deployment of the template.
    pub fn deployed_as(&mut self, deployment: &str) {
        for entry in &mut self.entries {
            entry.deployments.push(printable(deployment.to_owned()));
        }
    }

    /// Merges the reports of all deployments of a template: entries that several of them share appear once. Returns
    /// nothing if there are no reports.
    #[must_use]
    pub fn merged<R: IntoIterator<Item = Self>>(reports: R) -> Option<Self> {
        let mut reports = reports.into_iter().peekable();
        let mut all = reports.next()?;
        if reports.peek().is_none() {
            return Some(all);
        }
        let mut known: HashMap<DiagnosticIdentity, usize> =
            all.entries.iter().enumerate().map(|(index, entry)| (DiagnosticIdentity::of(entry), index)).collect();
        for report in reports {
            if all.text.is_empty() {
                all.text = report.text;
            }
            let indices: Vec<usize> = report.resources.into_iter().map(|resource| all.index_of(resource)).collect();
            for mut entry in report.entries {
                entry.resource = entry.resource.and_then(|index| indices.get(index).copied());
                let place = known.get(&DiagnosticIdentity::of(&entry)).and_then(|index| all.entries.get_mut(*index));
                if let Some(same) = place {
                    same.is_also(&mut entry);
                } else {
                    known.insert(DiagnosticIdentity::of(&entry), all.entries.len());
                    all.entries.push(entry);
                }
            }
            all.rules = all.rules.max(report.rules);
            all.problem = match (all.problem, report.problem) {
                (Some(one), Some(other)) if one.message != other.message => {
                    Some(FileError { message: format!("{}; {}", one.message, other.message), ..one })
                }
                (one, other) => one.or(other),
            };
        }
        all.entries.sort_by_key(|entry| entry.place.as_ref().map(|place| place.span.offset));
        Some(all)
    }

    fn index_of(&mut self, resource: ResourceName) -> usize {
        let same = self.resources.iter().position(|known| known.logical_id == resource.logical_id);
        same.unwrap_or_else(|| {
            self.resources.push(resource);
            self.resources.len() - 1
        })
    }
}

impl Diagnostic {
    /// Adds the deployments of an equal entry. An entry that applies to every deployment needs no names.
    fn is_also(&mut self, other: &mut Self) {
        if self.deployments.is_empty() || other.deployments.is_empty() {
            self.deployments.clear();
        } else {
            self.deployments.append(&mut other.deployments);
        }
        self.when = match (self.when.take(), other.when.take()) {
            (Some(one), Some(other)) if one != other => Some(format!("{one} or {other}")),
            (Some(one), Some(_)) => Some(one),
            _ => None,
        };
    }
}

/// The fields that make entries of two deployments the same.
#[derive(PartialEq, Eq, Hash)]
struct DiagnosticIdentity {
    fingerprint: String,
    outcome: Outcome,
    level: DiagnosticLevel,
    message: String,
    offset: Option<u32>,
}

impl DiagnosticIdentity {
    fn of(entry: &Diagnostic) -> Self {
        Self {
            fingerprint: entry.fingerprint.clone(),
            outcome: entry.outcome,
            level: entry.level,
            message: entry.message.clone(),
            offset: entry.place.as_ref().map(|place| place.span.offset),
        }
    }
}
