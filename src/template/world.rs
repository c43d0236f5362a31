//! A resource in every world that its undecided conditions allow.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;

use super::assumption::Atom;
use super::budget::Exhausted;
use super::evaluator::{Evaluator, Resolved, Stop};
use super::unknown::shortened;
use super::{MAX_EVALUATION_DEPTH, Resource, Template, budget, measure, text};
use crate::value::{Kind, Map, Value};

/// How many worlds of one resource are looked at: eight conditions that are independent of each
/// other. What lies beyond is reported as undetermined.
pub const MAX_WORLDS: usize = 256;

/// How many values the worlds of one resource hold together: what [`MAX_WORLDS`] of a group of three
/// hundred egress rules hold. What lies beyond is reported as undetermined.
pub const MAX_WORLD_VALUES: u64 = 400_000;

/// How many undecided comparisons one world may rest on.
const MAX_DECISIONS: usize = 64;

/// A resource as it may be deployed.
#[derive(Debug, Clone, PartialEq)]
pub struct EvaluatedResource<'t> {
    /// It in each world, the same world never twice. A resource that depends on nothing undecided
    /// has exactly one.
    pub worlds: Vec<World<'t>>,
    /// Why the worlds are not all of them, if so. Of too many worlds, those are looked at in which
    /// every undecided condition is the same, or all but one.
    pub undetermined: Option<Undetermined>,
    /// The parameters of which a default decided something in one of the worlds.
    pub defaults: BTreeSet<&'t str>,
}

/// A resource under certain assumptions.
#[derive(Debug, Clone, PartialEq)]
pub struct World<'t> {
    /// The undecided conditions that the resource rests on, by name, and whether they are true here.
    pub assumptions: Vec<Assumption>,
    /// Whether the resource is created at all.
    pub exists: bool,
    /// Its properties. Each value points to where it was written in the resource: a resolved
    /// function to the function, the branch of an `Fn::If` to the branch.
    pub properties: Cow<'t, Value>,
    /// What may add properties, if anything: `Fn::Transform`, or `Fn::ForEach` over what is not known. A
    /// property that is missing here is then not known to be missing.
    pub open: Option<&'static str>,
}

/// In which worlds something occurs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Occurrence {
    /// In all of them.
    Always,
    /// Exactly in those of these assumptions.
    Under(Vec<Assumption>),
    /// In some that have no such description; the first of them.
    Sometimes(Vec<Assumption>),
}

impl EvaluatedResource<'_> {
    /// In which worlds something occurs, given in which of [`EvaluatedResource::worlds`] it was seen, by
    /// index. Nothing if it was seen in none.
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

/// A condition that cannot be decided, and how a world decides it.
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

/// Why a resource could not be looked at in all of its worlds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Undetermined {
    /// Its conditions allow more than [`MAX_WORLDS`] or [`MAX_WORLD_VALUES`], or than there is work
    /// left for.
    TooManyWorlds,
    /// Evaluating it takes more steps than its share of the template's.
    TooMuchWork,
    /// Its values or conditions go too deep.
    TooDeep,
}

impl fmt::Display for Undetermined {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooManyWorlds => f.write_str("its undetermined conditions have more combinations than the limit"),
            Self::TooMuchWork => f.write_str("its functions exceed the work limit for one resource"),
            Self::TooDeep => f.write_str("its functions or conditions are nested too deep"),
        }
    }
}

impl<'a> Template<'a> {
    /// A resource in each world that its undecided conditions allow.
    ///
    /// Only conditions that the resource really uses, through its `Condition` or an `Fn::If` that
    /// is reached, make worlds; worlds that contradict themselves (`!Ref Env` being both `dev` and
    /// `prod`) are left out.
    #[must_use]
    pub fn evaluate<'t>(&'t self, resource: &'t Resource<'a>) -> EvaluatedResource<'t> {
        self.evaluate_some(resource, None, &[])
    }

    /// Like [`Template::evaluate`], for who looks at these properties only: the others make no worlds, and whether
    /// they are there and computed is left open.
    #[must_use]
    pub fn evaluate_only<'t>(&'t self, resource: &'t Resource<'a>, properties: &[&str]) -> EvaluatedResource<'t> {
        self.evaluate_some(resource, Some(properties), &[])
    }

    /// Like [`Template::evaluate_only`], in the worlds in which these parameters have these values.
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
            // If that takes too much work as well, those that were found stand.
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

    /// Worlds that decide everything the same way, and all but one comparison the same way: enough
    /// to see each value that rests on one condition.
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

    /// A resource under these decisions, and what was decided besides them.
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
        // A world that is not decided yet used them all the same.
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
        let open = evaluator.open.or(body.get("Fn::Transform").map(|_| "Fn::Transform"));
        Ok(World { assumptions, exists, properties, open })
    }
}

/// The worlds of a resource that were found so far.
#[derive(Default)]
struct ResourceWorlds<'t> {
    found: Vec<World<'t>>,
    /// How many values they hold of their own.
    held: u64,
    defaults: BTreeSet<&'t str>,
}

impl<'t> ResourceWorlds<'t> {
    /// Keeps a world, unless those that are kept hold too many values of their own with it. The first one
    /// is kept in any case.
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

/// Worlds that differ for the reader: several decisions can amount to the same conditions.
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
