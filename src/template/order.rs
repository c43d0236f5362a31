//! The order in which CloudFormation creates a template's resources: each after the resources it depends on through
//! `DependsOn` or a reference ("DependsOn attribute").

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap, HashMap, HashSet};

use super::assumption::ConditionValue;
use super::evaluator::{Evaluator, Stop};
use super::text::{self, Piece};
use super::{Resource, Template, TemplateError, budget, expand};
use crate::value::{Kind, Map, Value};

/// Attributes whose references do not affect the order.
const NO_REFERENCES: [&str; 6] =
    ["Type", "Condition", "Metadata", "DependsOn", "DeletionPolicy", "UpdateReplacePolicy"];

impl<'a> Template<'a> {
    /// Returns the resources in an order in which CloudFormation can create them: each after its dependencies, and
    /// otherwise as written. Unused branches of a decided `Fn::If` do not count.
    ///
    /// # Errors
    /// Fails if resources depend on each other in a circle, or if the search exceeds the work bounds.
    pub fn deployment_order(&self) -> Result<Vec<&Resource<'a>>, TemplateError> {
        self.budget.apart(budget::allowance(self.values), || self.order())
    }

    fn order(&self) -> Result<Vec<&Resource<'a>>, TemplateError> {
        let mut needs: Vec<BTreeSet<usize>> = Vec::with_capacity(self.resources.len());
        let mut needed_by: Vec<Vec<usize>> = vec![Vec::new(); self.resources.len()];
        for (index, resource) in self.resources.iter().enumerate() {
            let found = self.dependencies(resource).map_err(|stop| match stop {
                Stop::TooDeep => TemplateError::TooDeep,
                Stop::OutOfSteps | Stop::Undecided(_) => TemplateError::TooMuchWork { origin: resource.origin },
            })?;
            for dependency in &found {
                needed_by.get_mut(*dependency).into_iter().for_each(|list| list.push(index));
            }
            needs.push(found);
        }
        let mut waiting_for: Vec<usize> = needs.iter().map(BTreeSet::len).collect();
        let is_ready = |(index, left): (usize, &usize)| (*left == 0).then_some(Reverse(index));
        let mut ready: BinaryHeap<Reverse<usize>> = waiting_for.iter().enumerate().filter_map(is_ready).collect();
        let mut order = Vec::with_capacity(self.resources.len());
        let mut done = HashSet::new();
        while let Some(Reverse(index)) = ready.pop() {
            order.extend(self.resources.get(index));
            done.insert(index);
            for dependent in needed_by.get(index).into_iter().flatten() {
                if let Some(left) = waiting_for.get_mut(*dependent) {
                    *left -= 1;
                    if *left == 0 {
                        ready.push(Reverse(*dependent));
                    }
                }
            }
        }
        if order.len() == self.resources.len() { Ok(order) } else { Err(self.circle(&needs, &done)) }
    }

    /// Returns a circle among the resources that could not be created.
    fn circle(&self, needs: &[BTreeSet<usize>], done: &HashSet<usize>) -> TemplateError {
        let mut path: Vec<usize> = Vec::new();
        let mut places: HashMap<usize, usize> = HashMap::new();
        let mut at = (0..needs.len()).find(|index| !done.contains(index));
        while let Some(index) = at {
            if let Some(start) = places.insert(index, path.len()) {
                path.drain(..start);
                path.push(index);
                break;
            }
            path.push(index);
            at = needs.get(index).into_iter().flatten().find(|index| !done.contains(index)).copied();
        }
        let members: Vec<_> = path.iter().filter_map(|index| self.resources.get(*index)).collect();
        TemplateError::Circle {
            resources: members.iter().map(|resource| resource.logical_id.clone().into_owned()).collect(),
            origin: members.first().map(|resource| resource.origin).unwrap_or_default(),
        }
    }

    /// Returns the dependencies of a resource as indices, including the resource itself if it refers to itself.
    fn dependencies(&self, resource: &Resource<'_>) -> Result<BTreeSet<usize>, Stop> {
        let mut found = BTreeSet::new();
        let Some(body) = resource.body().as_map() else { return Ok(found) };
        match body.get("DependsOn") {
            Some(Value { kind: Kind::List(names), .. }) => {
                names.iter().filter_map(Value::as_str).for_each(|name| self.found(name, &mut found));
            }
            Some(name) => name.as_str().into_iter().for_each(|name| self.found(name, &mut found)),
            None => {}
        }
        for (key, value) in body.iter().filter(|(key, _)| !NO_REFERENCES.contains(&key.name.as_str())) {
            if key.name == "Properties" || value.as_map().is_some() {
                self.walk(value, &mut found)?;
            }
        }
        Ok(found)
    }

    fn found(&self, logical_id: &str, found: &mut BTreeSet<usize>) {
        found.extend(self.by_name.get(logical_id));
    }

    fn walk(&self, value: &Value, found: &mut BTreeSet<usize>) -> Result<(), Stop> {
        self.budget.steps(1)?;
        match &value.kind {
            Kind::List(list) => list.iter().try_for_each(|entry| self.walk(entry, found)),
            Kind::Map(map) => {
                if let Some((key, argument)) = map.single()
                    && self.function_refers(&key.name, argument, found)?
                {
                    return Ok(());
                }
                for (key, entry) in map.iter() {
                    let mut made = expand::LoopOutput::default();
                    if key.name.starts_with(expand::LOOP)
                        && expand::expand(&mut Evaluator::new(self, &[]), key, entry, &mut made).is_ok()
                    {
                        made.entries.iter().try_for_each(|(_, value)| self.walk(value, found))?;
                    } else {
                        self.walk(entry, found)?;
                    }
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Collects the references of a function itself. Returns `true` if its argument needs no further search.
    fn function_refers(&self, name: &str, argument: &Value, found: &mut BTreeSet<usize>) -> Result<bool, Stop> {
        match (name, argument.as_str(), argument.as_list()) {
            ("Ref", Some(name), _) => self.found(name, found),
            ("Fn::GetAtt", Some(path), _) => self.found(path.split('.').next().unwrap_or(path), found),
            ("Fn::GetAtt", _, Some([resource, ..])) => {
                resource.as_str().into_iter().for_each(|name| self.found(name, found));
            }
            ("Fn::Sub", Some(written), _) => self.sub_refers(written, None, found)?,
            ("Fn::Sub", _, Some([written, values])) => {
                self.sub_refers(written.as_str().unwrap_or_default(), Some(values), found)?;
                self.walk(values, found)?;
            }
            ("Fn::If", _, Some([condition, then, otherwise])) => {
                let name = text::of_scalar(condition).unwrap_or_default();
                match Evaluator::new(self, &[]).condition(&name) {
                    Ok(ConditionValue::Decided { holds: true, .. }) => self.walk(then, found)?,
                    Ok(ConditionValue::Decided { holds: false, .. }) => self.walk(otherwise, found)?,
                    Ok(ConditionValue::Open(_)) | Err(Stop::Undecided(_)) => {
                        self.walk(then, found)?;
                        self.walk(otherwise, found)?;
                    }
                    Err(stop) => return Err(stop),
                }
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn sub_refers(&self, written: &str, values: Option<&Value>, found: &mut BTreeSet<usize>) -> Result<(), Stop> {
        self.budget.text(written.len())?;
        let names = values.and_then(Value::as_map).map_or(0, Map::len) as u64;
        for piece in text::pieces(written) {
            self.budget.steps(1 + names / 8)?;
            if let Piece::Name(name) = piece
                && values.is_none_or(|values| values.get(name).is_none())
            {
                self.found(name.split('.').next().unwrap_or(name), found);
            }
        }
        Ok(())
    }
}
