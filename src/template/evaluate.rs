//! Values with their functions worked out, as far as that is possible, in one world.

use std::collections::{BTreeMap, HashMap};

use super::budget::{Exhausted, MAX_EVALUATION_DEPTH};
use super::condition::{Assumptions, Atom, Truth};
use super::{Template, expand, function, unknown};
use crate::path::Origin;
use crate::rule::Unknown;
use crate::value::{Key, Kind, Map, Value};

/// Why an evaluation stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Stop {
    /// It needs this to be decided.
    Undecided(Atom),
    /// The template causes too much work.
    OutOfSteps,
    /// Values or conditions go too deep.
    TooDeep,
}

impl From<Exhausted> for Stop {
    fn from(_: Exhausted) -> Self {
        Self::OutOfSteps
    }
}

/// What became of a value.
#[derive(Debug)]
pub(super) enum Resolved<'v> {
    /// It is as written.
    Same(&'v Value),
    /// It is something else.
    New(Value),
    /// It is removed (`AWS::NoValue`).
    Gone,
}

impl<'v> Resolved<'v> {
    /// What this makes of a value written as that: nothing if it is unchanged, `Some(None)` if it
    /// is removed. A value handed on from elsewhere in the template (a branch) is a change.
    fn change(self, written: &Value) -> Option<Option<Value>> {
        match self {
            Self::Same(value) if std::ptr::eq(value, written) => None,
            Self::Same(value) => Some(Some(value.clone())),
            Self::New(value) => Some(Some(value)),
            Self::Gone => Some(None),
        }
    }

    /// A value for a place where something must stand.
    pub(super) fn into_value(self, written: &Value) -> std::borrow::Cow<'v, Value> {
        match self {
            Self::Same(value) => std::borrow::Cow::Borrowed(value),
            Self::New(value) => std::borrow::Cow::Owned(value),
            Self::Gone => std::borrow::Cow::Owned(Value::new(Kind::Null, written.origin)),
        }
    }
}

/// Evaluates values of one template in one world.
pub(super) struct Evaluator<'t> {
    pub(super) template: &'t Template<'t>,
    pub(super) assumptions: Assumptions,
    /// Conditions that were looked at; nothing while one is being looked at.
    pub(super) decided: HashMap<String, Option<Truth>>,
    /// Whether the value of an unknown was assumed since somebody asked.
    pub(super) used_assumption: bool,
    /// The conditions that something rested on and that hold or not by assumption only.
    pub(super) assumed: BTreeMap<String, bool>,
    /// The function that may add entries to the object that is being looked at, if one may.
    pub(super) open: Option<&'static str>,
    depth: usize,
}

impl<'t> Evaluator<'t> {
    pub(super) fn new(template: &'t Template<'t>, decisions: &[(Atom, bool)]) -> Self {
        Self {
            template,
            assumptions: Assumptions::of(template, decisions),
            decided: HashMap::new(),
            used_assumption: false,
            assumed: BTreeMap::new(),
            open: None,
            depth: 0,
        }
    }

    pub(super) fn descend(&mut self) -> Result<(), Stop> {
        self.template.budget.steps(1)?;
        self.depth += 1;
        if self.depth > MAX_EVALUATION_DEPTH { Err(Stop::TooDeep) } else { Ok(()) }
    }

    pub(super) const fn ascend(&mut self) {
        self.depth -= 1;
    }

    /// Whether a condition holds that something rests on.
    pub(super) fn holds(&mut self, name: &str) -> Result<bool, Stop> {
        match self.condition(name)? {
            Truth::Decided { holds, assumed } => {
                if assumed {
                    self.template.budget.text(name.len())?;
                    self.assumed.insert(name.to_owned(), holds);
                }
                Ok(holds)
            }
            Truth::Open(atom) => Err(Stop::Undecided(atom)),
        }
    }

    /// A value with its functions worked out.
    pub(super) fn resolve<'v>(&mut self, value: &'v Value) -> Result<Resolved<'v>, Stop> {
        self.descend()?;
        let resolved = match &value.kind {
            Kind::List(list) => self.list(value, list),
            Kind::Map(map) => match map.single() {
                Some((key, argument)) if function::is_function(&key.name) => self.function(value, &key.name, argument),
                _ => self.map(value, map),
            },
            Kind::Unknown(unknown) => Ok(match self.assumed_value(unknown) {
                Some(text) => Resolved::New(Value::new(text, value.origin)),
                None => Resolved::Same(value),
            }),
            _ => Ok(Resolved::Same(value)),
        };
        self.ascend();
        resolved
    }

    /// A value that stands here because nothing better is known; in a world that assumes what it
    /// is, that.
    pub(super) fn unknown<'v>(&mut self, unknown: Unknown, origin: Origin) -> Resolved<'v> {
        let kind = self.assumed_value(&unknown).unwrap_or(Kind::Unknown(unknown));
        Resolved::New(Value::new(kind, origin))
    }

    fn assumed_value(&mut self, unknown: &Unknown) -> Option<Kind> {
        let text = self.assumptions.value(unknown.identity.as_deref()?)?;
        self.used_assumption = true;
        Some(Kind::String(text.to_owned()))
    }

    /// A resource's properties, or only some of them. What a transform, or a loop over what is not
    /// known, adds to them is not known; the rest stands, and [`Self::open`] says so.
    pub(super) fn properties<'v>(&mut self, value: &'v Value, wanted: Option<&[&str]>) -> Result<Resolved<'v>, Stop> {
        let Some(map) = value.as_map() else { return self.resolve(value) };
        let is_function = map.single().is_some_and(|(key, _)| function::is_function(&key.name));
        if is_function && map.get("Fn::Transform").is_none() {
            return self.resolve(value);
        }
        self.open = map.get("Fn::Transform").map(|_| "Fn::Transform");
        let is_wanted = |key: &Key| {
            key.name != "Fn::Transform"
                && wanted.is_none_or(|wanted| key.name.starts_with(expand::LOOP) || wanted.contains(&&*key.name))
        };
        self.entries(value, map, &is_wanted)
    }

    fn list<'v>(&mut self, value: &'v Value, list: &'v [Value]) -> Result<Resolved<'v>, Stop> {
        let mut new: Option<Vec<Value>> = None;
        for (index, entry) in list.iter().enumerate() {
            let Some(changed) = self.resolve(entry)?.change(entry) else {
                new.iter_mut().for_each(|new| new.push(entry.clone()));
                continue;
            };
            let new = new.get_or_insert_with(|| list.iter().take(index).cloned().collect());
            new.extend(changed);
        }
        Ok(new.map_or(Resolved::Same(value), |new| Resolved::New(Value::new(Kind::List(new), value.origin))))
    }

    fn map<'v>(&mut self, value: &'v Value, map: &'v Map) -> Result<Resolved<'v>, Stop> {
        if map.len() > 1 && map.get("Fn::Transform").is_some() {
            let why = "a macro may change everything around it".to_owned();
            let unknown = unknown::function("Fn::Transform", value, why).with_identity(None);
            return Ok(Resolved::New(Value::new(Kind::Unknown(unknown), value.origin)));
        }
        let around = self.open.take();
        let resolved = self.entries(value, map, &|_| true)?;
        if let Some(function) = std::mem::replace(&mut self.open, around) {
            self.template.budget.unknown()?;
            let why = "a loop makes entries of it that are not known".to_owned();
            let unknown = unknown::function(function, &resolved.into_value(value), why).with_identity(None);
            return Ok(Resolved::New(Value::new(Kind::Unknown(unknown), value.origin)));
        }
        Ok(resolved)
    }

    /// An object with its wanted entries worked out; the others are as written, or not there.
    fn entries<'v>(
        &mut self,
        value: &'v Value,
        map: &'v Map,
        is_wanted: &dyn Fn(&Key) -> bool,
    ) -> Result<Resolved<'v>, Stop> {
        let mut new = map.get("Fn::Transform").map(|_| Map::new());
        for (index, (key, entry)) in map.iter().enumerate() {
            if !is_wanted(key) {
                continue;
            }
            if key.name.starts_with(expand::LOOP) {
                let new = new.get_or_insert_with(|| first(map, index, is_wanted));
                self.expanded(key, entry, new)?;
                continue;
            }
            let Some(changed) = self.resolve(entry)?.change(entry) else {
                new.iter_mut().for_each(|new| new.push_unique(key.clone(), entry.clone()));
                continue;
            };
            let new = new.get_or_insert_with(|| first(map, index, is_wanted));
            if let Some(entry) = changed {
                new.push_unique(key.clone(), entry);
            }
        }
        Ok(new.map_or(Resolved::Same(value), |new| Resolved::New(Value::new(Kind::Map(new), value.origin))))
    }

    /// The properties that a loop among properties makes.
    fn expanded(&mut self, key: &Key, body: &Value, new: &mut Map) -> Result<(), Stop> {
        let mut made = expand::Made::default();
        expand::expand(self, key, body, &mut made)?;
        if made.unknown_key || made.malformed {
            self.open.get_or_insert("Fn::ForEach");
        }
        for (key, entry) in made.entries {
            self.template.budget.steps(new.len() as u64)?;
            match self.resolve(&entry)?.change(&entry) {
                None => new.insert(key, entry),
                Some(Some(entry)) => new.insert(key, entry),
                Some(None) => {}
            }
        }
        Ok(())
    }
}

/// The wanted ones among the first entries of a map.
fn first(map: &Map, count: usize, is_wanted: &dyn Fn(&Key) -> bool) -> Map {
    let wanted = map.iter().take(count).filter(|(key, _)| is_wanted(key));
    Map::from_unique(wanted.map(|(key, value)| (key.clone(), value.clone())).collect())
}
