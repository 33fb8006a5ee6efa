//! A slow, obviously right model of the decision, written from the text of `MODEL.md`
//! ("Who can do what", "Policies") and not from the engine: plain maps, plain recursion,
//! no cleverness. It shares with the engine only the spelling of policies and targets.

use garth_core::{
    Action, Effect, Facts, Grant, Micros, Permission, Policy, Principal, RoleIx, Rule, Target, When, Who,
};
use garth_core::{Asked, Fact, GroupIx, KeyIx, Moon, Part, ResourceIx, SpaceIx, UserIx, Word};
use std::collections::{BTreeMap, BTreeSet};

/// The words of the permissions in test worlds, in the order the engine interns them.
pub const WORDS: [&str; 12] =
    ["space", "meter", "decision", "read", "write", "share", "admin", "consume", "ask", "task", "report", "triage"];

#[derive(Clone, Debug, Default)]
pub struct Plan {
    pub public_access: bool,
    pub spaces: BTreeMap<u32, Space>,
    pub users: BTreeMap<u32, User>,
    /// Each group with the groups that contain it.
    pub groups: BTreeMap<u32, Vec<u32>>,
    /// Custom roles: `task:*`. The built-in ones are 0 reader, 1 writer, 2 admin.
    pub roles: BTreeMap<u32, Vec<String>>,
    pub kinds: BTreeMap<u32, Kind>,
    pub policies: BTreeMap<u32, Policy>,
    pub classes: BTreeMap<u32, Class>,
    /// Each key with its home.
    pub keys: BTreeMap<u32, u32>,
    /// What a session of each user brings: roles in spaces, and whether it makes them a system administrator.
    pub brought: BTreeMap<u32, (Vec<(u32, u32)>, bool)>,
    /// What every question about this world says besides; the first of two alike counts.
    pub given: Vec<(Part, &'static str, Fact)>,
}

#[derive(Clone, Debug)]
pub struct Space {
    pub parent: Option<u32>,
    pub inherits: bool,
    pub sealed: bool,
    pub archived: bool,
    pub view: Policy,
    pub edit: Policy,
    pub grants: Vec<Grant>,
}

#[derive(Clone, Debug)]
pub struct User {
    pub enabled: bool,
    pub system_admin: bool,
    pub groups: Vec<u32>,
}

/// What is always allowed: pairs such as ("owner", "view").
pub type Exceptions = BTreeSet<(&'static str, &'static str)>;

#[derive(Clone, Debug)]
pub struct Kind {
    pub noun: &'static str,
    pub default_view: Option<Policy>,
    pub default_edit: Option<Policy>,
    pub exceptions: Exceptions,
    pub shareable: bool,
}

#[derive(Clone, Debug)]
pub struct Class {
    pub space: u32,
    pub kind: u32,
    pub view: Option<Policy>,
    pub edit: Option<Policy>,
    /// The spaces it is shared to.
    pub windows: Vec<u32>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Asker {
    System,
    Anonymous,
    User(u32),
    /// The same user, asking by a session that brings something.
    Session(u32),
    Group(u32),
    Everyone,
    Key(u32),
    Resource(u32),
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Standing {
    pub gate: bool,
    pub roles: BTreeSet<u32>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    Allowed,
    Missing,
    Forbidden(String),
}

/// Which policy is asked.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Place {
    Gate,
    SpaceEdit,
    ResourceView,
    ResourceEdit,
}

struct First {
    gate: bool,
    roles: BTreeSet<u32>,
    flows_down: BTreeSet<u32>,
}

const BUILT_IN: [u32; 3] = [0, 1, 2];
const READER: u32 = 0;

impl Plan {
    // ---- 1. the caller ----

    /// Unknown keys and groups, unknown and disabled users are refused before any question.
    pub fn accepts(&self, asker: Asker) -> bool {
        match asker {
            Asker::User(ix) | Asker::Session(ix) => self.users.get(&ix).is_some_and(|u| u.enabled),
            Asker::Group(ix) => self.groups.contains_key(&ix),
            Asker::Key(ix) => self.keys.contains_key(&ix),
            _ => true,
        }
    }

    pub fn principals(&self, asker: Asker) -> BTreeSet<Principal> {
        let (own, groups) = match asker {
            Asker::System | Asker::Anonymous => return BTreeSet::new(),
            Asker::Key(ix) => return [Principal::Key(KeyIx(ix))].into(),
            Asker::Resource(ix) => return [Principal::Resource(ResourceIx(ix))].into(),
            Asker::User(ix) | Asker::Session(ix) => (Some(Principal::User(UserIx(ix))), self.users[&ix].groups.clone()),
            Asker::Group(ix) => (None, vec![ix]),
            Asker::Everyone => (None, vec![]),
        };
        let mut all: BTreeSet<Principal> = own.into_iter().chain([Principal::Everyone]).collect();
        all.extend(self.groups_and_above(&groups).into_iter().map(|g| Principal::Group(GroupIx(g))));
        all
    }

    fn groups_and_above(&self, direct: &[u32]) -> BTreeSet<u32> {
        let mut all: BTreeSet<u32> = direct.iter().copied().filter(|g| self.groups.contains_key(g)).collect();
        loop {
            let above: Vec<u32> = all.iter().flat_map(|g| self.groups[g].clone()).collect();
            let before = all.len();
            all.extend(above.into_iter().filter(|g| self.groups.contains_key(g)));
            if all.len() == before {
                return all;
            }
        }
    }

    fn signed_in(&self, asker: Asker) -> bool {
        matches!(asker, Asker::User(_) | Asker::Session(_) | Asker::Group(_) | Asker::Everyone | Asker::Key(_))
    }

    fn system_admin(&self, asker: Asker) -> bool {
        match asker {
            Asker::User(ix) => self.users[&ix].system_admin,
            Asker::Session(ix) => self.users[&ix].system_admin || self.brought.get(&ix).is_some_and(|b| b.1),
            _ => false,
        }
    }

    fn home(&self, asker: Asker) -> Option<u32> {
        if let Asker::Key(ix) = asker { Some(self.keys[&ix]) } else { None }
    }

    // ---- 2. and 3. the gate and the roles ----

    /// From the space up to its root; none if a space is missing, or there are more than 32.
    fn path(&self, space: u32) -> Option<Vec<u32>> {
        let mut path = vec![space];
        while let Some(parent) = self.spaces.get(path.last().unwrap())?.parent {
            path.push(parent);
            if path.len() > 32 {
                return None;
            }
        }
        Some(path)
    }

    /// Missing to a key is all that does not lie in its home.
    fn exists_for(&self, asker: Asker, space: u32) -> bool {
        let path = self.path(space);
        path.is_some_and(|path| self.home(asker).is_none_or(|home| path.contains(&home)))
    }

    pub fn standings(&self, asker: Asker, now: Micros) -> BTreeMap<u32, Standing> {
        self.spaces.keys().map(|space| (*space, self.standing(asker, *space, now))).collect()
    }

    /// After both passes.
    pub fn standing(&self, asker: Asker, space: u32, now: Micros) -> Standing {
        if !self.exists_for(asker, space) {
            return Standing::default();
        }
        let First { gate, mut roles, .. } = self.first_pass(asker, space, now);
        let holder_in_a_child = self.spaces.iter().any(|(ix, child)| {
            child.parent == Some(space) && child.inherits && {
                let there = self.standing(asker, *ix, now);
                there.gate && !there.roles.is_empty()
            }
        });
        let takes_from_below = self.home(asker).is_none() && !self.spaces[&space].sealed;
        if holder_in_a_child && takes_from_below && !roles.iter().any(|r| BUILT_IN.contains(r)) {
            roles.insert(READER);
            return Standing { gate: self.gate(asker, space, &roles, now), roles };
        }
        Standing { gate, roles }
    }

    /// From the root down to here.
    fn first_pass(&self, asker: Asker, ix: u32, now: Micros) -> First {
        let space = &self.spaces[&ix];
        let from_above = match space.parent {
            Some(parent) if !space.sealed && self.exists_for(asker, parent) => {
                self.first_pass(asker, parent, now).flows_down
            }
            _ => BTreeSet::new(),
        };
        let own = self.own_roles(asker, ix, space, now);
        let roles: BTreeSet<u32> = from_above.union(&own).copied().collect();
        let gate = self.gate(asker, ix, &roles, now);
        let flows_down = if gate { roles.clone() } else { from_above };
        First { gate, roles, flows_down }
    }

    fn own_roles(&self, asker: Asker, ix: u32, space: &Space, now: Micros) -> BTreeSet<u32> {
        let principals = self.principals(asker);
        let direct = |p: Principal| matches!(p, Principal::User(_) | Principal::Key(_));
        // A sealed space takes grants to users and keys, and nothing that a login policy gave.
        let brought = match asker {
            Asker::Session(user) if !space.sealed => self.brought.get(&user).map(|b| b.0.clone()).unwrap_or_default(),
            _ => Vec::new(),
        };
        space
            .grants
            .iter()
            .filter(|g| principals.contains(&g.principal))
            .filter(|g| g.expires_at.is_none_or(|end| now < end))
            .filter(|g| !space.sealed || direct(g.principal))
            .map(|g| g.role.0)
            .chain(brought.into_iter().filter(|(space, _)| *space == ix).map(|(_, role)| role))
            .filter(|role| BUILT_IN.contains(role) || self.roles.contains_key(role))
            .collect()
    }

    fn gate(&self, asker: Asker, space: u32, roles: &BTreeSet<u32>, now: Micros) -> bool {
        let view = &self.spaces[&space].view;
        self.home(asker) == Some(space) || self.passes(view, Place::Gate, asker, roles, Facts::default(), now)
    }

    // ---- 4. and 5. view and action ----

    /// In its own space; what is not seen there, through the spaces it is shared to, where it can be looked at and no
    /// more.
    pub fn decide(
        &self,
        asker: Asker,
        standings: &BTreeMap<u32, Standing>,
        target: Target,
        action: Action,
        now: Micros,
    ) -> Outcome {
        let (space, resource) = match target {
            Target::Space(SpaceIx(ix)) => (ix, None),
            Target::Resource(class, facts) => match self.classes.get(&class.0) {
                Some(class) => (class.space, Some((class, facts))),
                None => return Outcome::Missing,
            },
        };
        let own = self.decide_in(asker, standings, space, resource, action, now);
        let Some((class, _)) = resource.filter(|_| own == Outcome::Missing) else { return own };
        let Some(kind) = self.kinds.get(&class.kind).filter(|kind| kind.shareable) else { return own };
        let seen_through =
            |w: &u32| self.decide_in(asker, standings, *w, resource, Action::Read, now) == Outcome::Allowed;
        match action {
            _ if !class.windows.iter().any(seen_through) => Outcome::Missing,
            Action::Read => Outcome::Allowed,
            Action::Write => Outcome::Forbidden(format!("{}:write", kind.noun)),
            Action::Use(permission) => Outcome::Forbidden(spell(permission)),
        }
    }

    /// May a resource in `space` use one of that class? It lies in the same space; or it is shareable, and lies in or is
    /// shared to that space or one above it, every space on the way up to that one inheriting.
    pub fn may_use(&self, space: u32, class: u32) -> bool {
        let Some(class) = self.classes.get(&class) else { return false };
        if class.space == space {
            return true;
        }
        let shareable = self.kinds.get(&class.kind).is_some_and(|kind| kind.shareable);
        let mut reached: Vec<u32> = self.spaces.contains_key(&space).then_some(space).into_iter().collect();
        while let Some(at) = reached.last().map(|last| &self.spaces[last]).filter(|at| at.inherits) {
            match at.parent.filter(|parent| self.spaces.contains_key(parent) && !reached.contains(parent)) {
                Some(parent) => reached.push(parent),
                None => break,
            }
        }
        shareable && reached.iter().any(|at| class.space == *at || class.windows.contains(at))
    }

    /// As if it lay in that space.
    fn decide_in(
        &self,
        asker: Asker,
        standings: &BTreeMap<u32, Standing>,
        space: u32,
        resource: Option<(&Class, Facts)>,
        action: Action,
        now: Micros,
    ) -> Outcome {
        if asker == Asker::System {
            let exists = resource.is_some() || self.spaces.contains_key(&space);
            return if exists { Outcome::Allowed } else { Outcome::Missing };
        }
        let Some(standing) = standings.get(&space).filter(|s| s.gate) else { return Outcome::Missing };
        let holds = |permission: &str| standing.roles.iter().any(|r| self.role_allows(*r, permission));
        let asks = |policy: &Policy, place: Place, facts: Facts| {
            self.passes(policy, place, asker, &standing.roles, facts, now)
        };
        let usual = match resource {
            None => "space:admin".to_owned(),
            Some((class, facts)) => {
                let Some(kind) = self.kinds.get(&class.kind) else { return Outcome::Missing };
                let policy = class.view.as_ref().or(kind.default_view.as_ref());
                let viewable = excepted(&kind.exceptions, facts, "view")
                    || match policy {
                        Some(policy) => asks(policy, Place::ResourceView, facts),
                        None => holds(&format!("{}:read", kind.noun)),
                    };
                if !viewable || facts.barred {
                    return Outcome::Missing;
                }
                format!("{}:write", kind.noun)
            }
        };
        let (allowed, needed) = match (action, resource) {
            (Action::Read, _) => (true, usual),
            (Action::Use(permission), _) => (holds(&spell(permission)), spell(permission)),
            (Action::Write, None) => (asks(&self.spaces[&space].edit, Place::SpaceEdit, Facts::default()), usual),
            (Action::Write, Some((class, facts))) => {
                let kind = &self.kinds[&class.kind];
                let allowed = excepted(&kind.exceptions, facts, "edit")
                    || match class.edit.as_ref().or(kind.default_edit.as_ref()) {
                        Some(policy) => asks(policy, Place::ResourceEdit, facts),
                        None => holds(&usual),
                    };
                (allowed, usual)
            }
        };
        if allowed { Outcome::Allowed } else { Outcome::Forbidden(needed) }
    }

    // ---- roles ----

    pub fn role_allows(&self, role: u32, permission: &str) -> bool {
        let (noun, verb) = permission.split_once(':').unwrap();
        let of_a_kind = !["space", "meter", "decision"].contains(&noun);
        match role {
            0 => verb == "read",
            1 => verb == "read" || verb == "write" || (of_a_kind && verb != "share") || permission == "meter:consume",
            2 => true,
            custom => self.roles.get(&custom).is_some_and(|patterns| {
                patterns.iter().any(|pattern| {
                    let (n, v) = pattern.split_once(':').unwrap();
                    (n == "*" || n == noun) && (v == "*" || v == verb)
                })
            }),
        }
    }

    /// Law 6: grants without expiry to enabled users and to groups with an enabled member.
    pub fn has_admin(&self, space: u32) -> bool {
        let Some(space) = self.spaces.get(&space) else { return false };
        space.grants.iter().filter(|g| g.expires_at.is_none() && self.role_allows(g.role.0, "space:admin")).any(|g| {
            self.users.iter().filter(|(_, u)| u.enabled).any(|(ix, _)| {
                let direct = g.principal == Principal::User(UserIx(*ix));
                direct || (!space.sealed && self.principals(Asker::User(*ix)).contains(&g.principal))
            })
        })
    }

    // ---- policies ----

    pub fn passes(
        &self,
        policy: &Policy,
        place: Place,
        asker: Asker,
        roles: &BTreeSet<u32>,
        facts: Facts,
        now: Micros,
    ) -> bool {
        self.understood(policy, place) && self.says_yes(policy, place, asker, roles, facts, now)
    }

    /// Anything in it that is unknown or does not fit its place makes the whole deny everyone.
    pub fn understood(&self, policy: &Policy, place: Place) -> bool {
        let mut parts = vec![(policy, 1, false)];
        let mut met = 0;
        while let Some((policy, depth, denies)) = parts.pop() {
            met += 1;
            let known = match policy {
                Policy::Unknown => false,
                Policy::Named(ix) => {
                    let named = self.policies.get(&ix.0);
                    parts.extend(named.map(|p| (p, depth + 1, denies)));
                    named.is_some()
                }
                Policy::Rules(rules, _) => {
                    for rule in rules.iter() {
                        if let Who::Policy(inner) = &rule.who {
                            parts.push((inner, depth + 1, denies || rule.effect == Effect::Deny));
                        }
                    }
                    rules.iter().all(|rule| rule_fits(rule, place) && rule.given.iter().all(|a| self.told(a).is_some()))
                }
                // An unknown person or group in a deny rule: an error must not turn the rule off.
                Policy::These(users) if denies => users.iter().all(|u| self.users.contains_key(&u.0)),
                Policy::GroupsAny(groups) | Policy::GroupsAll(groups) if denies => {
                    groups.iter().all(|g| !matches!(g, Principal::Group(ix) if !self.groups.contains_key(&ix.0)))
                }
                _ => true,
            };
            if !known || depth > 16 || met > 1_024 {
                return false;
            }
        }
        true
    }

    /// What a rule is told about what it asks for: by the question, else by itself. Nothing, if that is
    /// of another type.
    fn told(&self, asked: &Asked) -> Option<Fact> {
        let said = self.given.iter().find(|(of, name, _)| *of == asked.of && *name == &*asked.name);
        let fact = said.map(|(_, _, fact)| fact.clone()).or_else(|| asked.otherwise.clone())?;
        let alike = std::mem::discriminant(&fact) == std::mem::discriminant(&asked.equals);
        alike.then_some(fact)
    }

    fn says_yes(
        &self,
        policy: &Policy,
        place: Place,
        asker: Asker,
        roles: &BTreeSet<u32>,
        facts: Facts,
        now: Micros,
    ) -> bool {
        let inner = |policy: &Policy| self.says_yes(policy, place, asker, roles, facts, now);
        let viewing = place == Place::Gate || place == Place::ResourceView;
        let principals = self.principals(asker);
        match policy {
            Policy::Public => self.signed_in(asker) || (viewing && self.public_access),
            Policy::Users => self.signed_in(asker),
            Policy::Members => !roles.is_empty(),
            Policy::Admins => self.system_admin(asker),
            Policy::Nobody | Policy::Unknown => false,
            Policy::Permission(permission) => roles.iter().any(|r| self.role_allows(*r, &spell(*permission))),
            Policy::These(users) => users.iter().any(|u| principals.contains(&Principal::User(*u))),
            Policy::GroupsAny(groups) => groups.iter().any(|g| principals.contains(g)),
            Policy::GroupsAll(groups) => !groups.is_empty() && groups.iter().all(|g| principals.contains(g)),
            Policy::Named(ix) => inner(&self.policies[&ix.0]),
            Policy::Rules(rules, default) => {
                for rule in rules.iter() {
                    let matches = match &rule.who {
                        Who::Policy(policy) => inner(policy),
                        Who::Author => facts.author,
                        Who::Owner => facts.owner,
                        Who::Subscribers => facts.subscriber,
                    };
                    let as_asked = rule.given.iter().all(|asked| self.told(asked) == Some(asked.equals.clone()));
                    if matches && as_asked && rule.when.as_ref().is_none_or(|when| open(when, now)) {
                        return rule.effect == Effect::Allow;
                    }
                }
                *default == Effect::Allow
            }
        }
    }
}

fn rule_fits(rule: &Rule, place: Place) -> bool {
    let on_a_resource = place == Place::ResourceView || place == Place::ResourceEdit;
    let who = matches!(rule.who, Who::Policy(_)) || on_a_resource;
    who && ((rule.when.is_none() && rule.given.is_empty()) || place != Place::Gate)
}

fn excepted(exceptions: &Exceptions, facts: Facts, what: &'static str) -> bool {
    (facts.author && exceptions.contains(&("author", what)))
        || (facts.owner && exceptions.contains(&("owner", what)))
        || (facts.subscriber && exceptions.contains(&("subscribers", what)))
}

pub fn spell(permission: Permission) -> String {
    let word = |w: Word| WORDS.get(w.slot()).copied().unwrap_or("?");
    format!("{}:{}", word(permission.noun), word(permission.verb))
}

/// Is the window open?
fn open(when: &When, now: Micros) -> bool {
    const HOUR: i64 = 3_600_000_000;
    const A_MONDAY: i64 = 4 * 24 * HOUR; // 1970-01-05
    let days_since_monday = (now - A_MONDAY).div_euclid(24 * HOUR).rem_euclid(7);
    let minute = now.rem_euclid(24 * HOUR) / (HOUR / 60);
    let age = ((now - 947_182_440_000_000) as f64 / 2_551_442_876_899.0).rem_euclid(1.0);
    when.from.is_none_or(|from| from <= now)
        && when.until.is_none_or(|until| now < until)
        && (when.weekdays == 0 || (when.weekdays >> days_since_monday) & 1 == 1)
        && when.hours.is_none_or(|(start, end)| {
            let (start, end) = (i64::from(start), i64::from(end));
            if start <= end { (start..end).contains(&minute) } else { !(end..start).contains(&minute) }
        })
        && when.moon.is_none_or(|moon| match moon {
            Moon::New => !(0.0625..=0.9375).contains(&age),
            Moon::Full => age > 0.4375 && age < 0.5625,
            Moon::Waxing => age < 0.5,
            Moon::Waning => age >= 0.5,
        })
}

/// A grant without expiry.
pub fn grant(principal: Principal, role: u32) -> Grant {
    Grant { principal, role: RoleIx(role), expires_at: None }
}
