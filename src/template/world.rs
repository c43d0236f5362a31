//! Evaluates a resource in every world that its undecided conditions allow.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;

use super::assumption::Atom;
use super::budget::Exhausted;
use super::evaluator::{Evaluator, Resolved, Stop};
use super::expand::LOOP;
use super::unknown::shortened;
use super::{MAX_EVALUATION_DEPTH, Resource, Template, budget, measure, text};
use crate::value::{Kind, Map, Value};

/// The maximum number of worlds of one resource that are evaluated: enough for eight independent conditions. The rest
/// is reported as undetermined.
pub const MAX_WORLDS: usize = 256;

/// The maximum number of values in all worlds of one resource: enough for [`MAX_WORLDS`] worlds of a group with three
/// hundred egress rules. The rest is reported as undetermined.
pub const MAX_WORLD_VALUES: u64 = 400_000;

/// The maximum number of undecided comparisons that one world may depend on.
const MAX_DECISIONS: usize = 64;

/// The possible forms of a deployed resource.
#[derive(Debug, Clone, PartialEq)]
pub struct EvaluatedResource<'t> {
    /// The resource in each distinct world. A resource that depends on nothing undecided has exactly one.
    pub worlds: Vec<World<'t>>,
    /// The reason why worlds are missing, if any are. If there are too many worlds, only those are evaluated in which
    /// all undecided conditions have the same value, or all but one.
    pub undetermined: Option<Undetermined>,
    /// The parameters whose default decided something in one of the worlds.
    pub defaults: BTreeSet<&'t str>,
}

/// A resource under certain assumptions.
#[derive(Debug, Clone, PartialEq)]
pub struct World<'t> {
    /// The undecided conditions that the resource depends on, by name, and their values in this world.
    pub assumptions: Vec<Assumption>,
    /// Whether the resource is created.
    pub exists: bool,
    /// The properties. Each value has its origin in the resource: a resolved function has the function's, the branch of
    /// an `Fn::If` has the branch's.
    pub properties: Cow<'t, Value>,
    /// The function that may add properties, if any: `Fn::Transform`, or `Fn::ForEach` over an unknown list. A property
    /// that is missing here may then still exist.
    pub open: Option<&'static str>,
}

/// The worlds in which something occurs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Occurrence {
    /// All of them.
    Always,
    /// Exactly the worlds with these assumptions.
    Under(Vec<Assumption>),
    /// Some worlds without such a common description; contains the assumptions of the first one.
    Sometimes(Vec<Assumption>),
}

impl EvaluatedResource<'_> {
    /// Returns the worlds in which something occurs, from the indices in [`EvaluatedResource::worlds`] where it was
    /// found. Returns `None` if there are none.
    #[must_use]
    pub(crate) fn occurrence(&self, seen: &[usize]) -> Option<Occurrence> {
        let seen_in: Vec<&World<'_>> = seen.iter().filter_map(|index| self.worlds.get(*index)).collect();
        let (first, others) = seen_in.split_first()?;
        if seen_in.len() == self.worlds.len() && self.undetermined.is_none() {
            return Some(Occurrence::Always);
        }
        let mut shared = first.assumptions.clone();
        shared.retain(|assumption| others.iter().all(|world| world.assumptions.contains(assumption)));
        let described =
            self.worlds.iter().filter(|world| shared.iter().all(|it| world.assumptions.contains(it))).count();
        Some(if described == seen_in.len() {
            Occurrence::Under(shared)
        } else {
            Occurrence::Sometimes(first.assumptions.clone())
        })
    }
}

/// An undecided condition and its value in a world.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Assumption {
    /// The condition's name in the template.
    pub condition: String,
    /// Whether it is true.
    pub holds: bool,
}

impl fmt::Display for Assumption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is {}", shortened(&self.condition), self.holds)
    }
}

/// The reason why a resource could not be evaluated in all of its worlds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Undetermined {
    /// The conditions allow more than [`MAX_WORLDS`] or [`MAX_WORLD_VALUES`], or more than the remaining steps allow.
    TooManyWorlds,
    /// The evaluation needs more steps than the resource's share of the template's budget.
    TooMuchWork,
    /// Values or conditions are nested too deeply.
    TooDeep,
}

impl fmt::Display for Undetermined {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooManyWorlds => f.write_str("its undetermined conditions have more combinations than the limit"),
            Self::TooMuchWork => f.write_str("its functions exceed the work limit for one resource"),
            Self::TooDeep => f.write_str("its functions or conditions are nested too deeply"),
        }
    }
}

impl<'a> Template<'a> {
    /// Evaluates a resource in each world that its undecided conditions allow.
    ///
    /// Only conditions that the resource uses, through its `Condition` or an `Fn::If` that is reached, create worlds.
    /// Contradictory worlds (`!Ref Env` being both `dev` and `prod`) are left out.
    #[must_use]
    pub fn evaluate<'t>(&'t self, resource: &'t Resource<'a>) -> EvaluatedResource<'t> {
        self.evaluate_some(resource, None, &[])
    }

    /// Like [`Template::evaluate`], but only for these properties. The others do not create worlds and may be missing
    /// or not computed.
    #[must_use]
    pub fn evaluate_only<'t>(&'t self, resource: &'t Resource<'a>, properties: &[&str]) -> EvaluatedResource<'t> {
        self.evaluate_some(resource, Some(properties), &[])
    }

    /// Like [`Template::evaluate_only`], but only in the worlds in which these parameters have these values.
    #[must_use]
    pub(crate) fn evaluate_given<'t>(
        &'t self,
        resource: &'t Resource<'a>,
        properties: &[&str],
        given: &[(&str, &str)],
    ) -> EvaluatedResource<'t> {
        let is = |(name, text): &(&str, &str)| {
            (Atom::Is { identity: format!("!Ref {name}"), text: (*text).to_owned() }, true)
        };
        self.evaluate_some(resource, Some(properties), &given.iter().map(is).collect::<Vec<_>>())
    }

    fn evaluate_some<'t>(
        &'t self,
        resource: &'t Resource<'a>,
        wanted: Option<&[&str]>,
        given: &[(Atom, bool)],
    ) -> EvaluatedResource<'t> {
        let mut values = 0;
        measure(resource.body(), MAX_EVALUATION_DEPTH, &mut values);
        let own = budget::share_of(values);
        let mut worlds = ResourceWorlds::default();
        let mut undetermined = self.budget.share(own, || self.all_worlds(resource, wanted, given, &mut worlds)).err();
        if undetermined == Some(Undetermined::TooManyWorlds) {
            worlds.found.clear();
            worlds.held = 0;
            // If this takes too much work too, the worlds found so far are kept.
            let stop = self.budget.share(own, || self.some_worlds(resource, wanted, given, &mut worlds)).err();
            if worlds.found.is_empty() && stop == Some(Stop::TooDeep) {
                undetermined = Some(Undetermined::TooDeep);
            }
        }
        EvaluatedResource { worlds: distinct(worlds.found), undetermined, defaults: worlds.defaults }
    }

    fn all_worlds<'t>(
        &'t self,
        resource: &'t Resource<'a>,
        wanted: Option<&[&str]>,
        given: &[(Atom, bool)],
        worlds: &mut ResourceWorlds<'t>,
    ) -> Result<(), Undetermined> {
        let mut pending: Vec<Vec<(Atom, bool)>> = vec![given.to_vec()];
        while let Some(decisions) = pending.pop() {
            if worlds.found.len() == MAX_WORLDS || decisions.len() > MAX_DECISIONS {
                return Err(Undetermined::TooManyWorlds);
            }
            match self.world(resource, wanted, &decisions, None, worlds) {
                Ok((world, _)) => worlds.hold(world).map_err(|_| Undetermined::TooManyWorlds)?,
                Err(Stop::Undecided(atom)) => {
                    for holds in [false, true] {
                        let mut decisions = decisions.clone();
                        decisions.push((atom.clone(), holds));
                        pending.push(decisions);
                    }
                }
                Err(Stop::OutOfSteps) if !decisions.is_empty() => return Err(Undetermined::TooManyWorlds),
                Err(Stop::OutOfSteps) => return Err(Undetermined::TooMuchWork),
                Err(Stop::TooDeep) => return Err(Undetermined::TooDeep),
            }
        }
        Ok(())
    }

    /// Finds the worlds in which all comparisons are decided the same way, or all but one. This is enough to find each
    /// value that depends on one condition.
    fn some_worlds<'t>(
        &'t self,
        resource: &'t Resource<'a>,
        wanted: Option<&[&str]>,
        given: &[(Atom, bool)],
        worlds: &mut ResourceWorlds<'t>,
    ) -> Result<(), Stop> {
        let mut differing = Vec::with_capacity(2);
        for otherwise in [true, false] {
            let (world, met) = self.world(resource, wanted, given, Some(otherwise), worlds)?;
            worlds.hold(world)?;
            differing.push((otherwise, met));
        }
        for (otherwise, met) in differing {
            for atom in met.into_iter().take(MAX_DECISIONS) {
                let decisions = [given, &[(atom, !otherwise)]].concat();
                let (world, _) = self.world(resource, wanted, &decisions, Some(otherwise), worlds)?;
                worlds.hold(world)?;
            }
        }
        Ok(())
    }

    /// Evaluates a resource under these decisions, and returns the atoms that were decided in addition.
    fn world<'t>(
        &'t self,
        resource: &'t Resource<'a>,
        wanted: Option<&[&str]>,
        decisions: &[(Atom, bool)],
        otherwise: Option<bool>,
        worlds: &mut ResourceWorlds<'t>,
    ) -> Result<(World<'t>, Vec<Atom>), Stop> {
        self.budget.steps(4 * decisions.len() as u64)?;
        let mut evaluator = Evaluator::new(self, decisions);
        evaluator.assumptions.otherwise = otherwise;
        let world = Self::in_world(&mut evaluator, resource, wanted);
        // An undecided world used these defaults too.
        worlds.defaults.append(&mut evaluator.defaults);
        Ok((world?, evaluator.assumptions.met))
    }

    fn in_world<'t>(
        evaluator: &mut Evaluator<'t>,
        resource: &'t Resource<'a>,
        wanted: Option<&[&str]>,
    ) -> Result<World<'t>, Stop> {
        let body = resource.body();
        let exists = match body.get("Condition").and_then(text::of_scalar) {
            Some(name) => evaluator.holds(&name)?,
            None => true,
        };
        let empty = || Value::new(Kind::Map(Map::new()), body.origin);
        let properties = match body.get("Properties") {
            Some(properties) if exists && !properties.is_null() => match evaluator.properties(properties, wanted)? {
                Resolved::Same(properties) => Cow::Borrowed(properties),
                Resolved::New(properties) => Cow::Owned(properties),
                Resolved::Gone => Cow::Owned(empty()),
            },
            _ => Cow::Owned(empty()),
        };
        let assumptions: Vec<Assumption> = std::mem::take(&mut evaluator.assumed)
            .into_iter()
            .map(|(condition, holds)| Assumption { condition, holds })
            .collect();
        let has_loop = || body.as_map().is_some_and(|map| map.iter().any(|(key, _)| key.name.starts_with(LOOP)));
        let of_body = body.get("Fn::Transform").map(|_| "Fn::Transform");
        let open = evaluator.open.or(of_body).or_else(|| has_loop().then_some("Fn::ForEach"));
        Ok(World { assumptions, exists, properties, open })
    }
}

/// The worlds of a resource found so far.
#[derive(Default)]
struct ResourceWorlds<'t> {
    found: Vec<World<'t>>,
    /// The number of values that they own.
    held: u64,
    defaults: BTreeSet<&'t str>,
}

impl<'t> ResourceWorlds<'t> {
    /// Adds a world, unless the stored worlds would own too many values. The first world is always added.
    fn hold(&mut self, world: World<'t>) -> Result<(), Exhausted> {
        if let Cow::Owned(properties) = &world.properties {
            measure(properties, MAX_EVALUATION_DEPTH, &mut self.held);
        }
        if self.held > MAX_WORLD_VALUES && !self.found.is_empty() {
            return Err(Exhausted);
        }
        self.found.push(world);
        Ok(())
    }
}

/// Removes worlds that do not differ for the reader: several decisions can lead to the same conditions.
fn distinct(worlds: Vec<World<'_>>) -> Vec<World<'_>> {
    let mut distinct: Vec<World<'_>> = Vec::with_capacity(worlds.len());
    let mut by_assumptions: std::collections::HashMap<Vec<Assumption>, Vec<usize>> = std::collections::HashMap::new();
    for world in worlds {
        let same = by_assumptions.entry(world.assumptions.clone()).or_default();
        if same.iter().any(|index| distinct.get(*index) == Some(&world)) {
            continue;
        }
        same.push(distinct.len());
        distinct.push(world);
    }
    distinct
}
