//! Computes the functions in values, as far as possible, in one world.

use super::evaluator::{Evaluator, Resolved, Stop};
use super::{expand, function, unknown};
use crate::value::{Key, Kind, Map, Value};

impl Evaluator<'_> {
    /// Returns a value with its functions computed.
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

    /// Returns a resource's properties, or only some of them. Properties that a transform or a loop over an unknown
    /// list adds are unknown. The others are known, and [`Self::open`] records that more may exist.
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
            let why = "a loop adds entries to it that are not known".to_owned();
            let unknown = unknown::function(function, &resolved.into_value(value), why).with_identity(None);
            return Ok(Resolved::New(Value::new(Kind::Unknown(unknown), value.origin)));
        }
        Ok(resolved)
    }

    /// Returns an object with its wanted entries computed. The other entries stay as written or are missing.
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

    /// Adds the properties that a loop among properties generates.
    fn expanded(&mut self, key: &Key, body: &Value, new: &mut Map) -> Result<(), Stop> {
        let mut made = expand::LoopOutput::default();
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

/// Returns the wanted entries among the first `count` entries of a map.
fn first(map: &Map, count: usize, is_wanted: &dyn Fn(&Key) -> bool) -> Map {
    let wanted = map.iter().take(count).filter(|(key, _)| is_wanted(key));
    Map::from_unique(wanted.map(|(key, value)| (key.clone(), value.clone())).collect())
}
