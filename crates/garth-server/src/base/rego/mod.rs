//! Rego, the language of login policies: reading a text, and asking it about an input under budgets. Nothing else in
//! the program knows the library.
//!
//! What the library leaves open is closed here. Its parser takes twice as long for each level of nesting, so texts are
//! looked at first ([`text`]). Its limits of time and memory are not looked at inside a function, so those functions
//! that could run for long or take much memory are bounded before they begin, and only functions that answer the same
//! today and tomorrow are known at all ([`builtins`]). A function that calls itself would never end, so that is looked
//! for ([`circles`]). Big numbers panic when they are printed, so no value ever is,
//! and answers are read by their type. What runs on all the same holds one of a few places ([`threads`]).

mod builtins;
mod circles;
pub mod text;
mod threads;

pub use threads::{ASKING, Halt, Rego, TRYING, Threads};

use circles::Defined;
use regorus::unstable::{Expr, Rule, RuleHead};
use regorus::utils::limits::ExecutionTimerConfig;
use regorus::{Engine, LimitError, QueryResults, Value};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use text::{Part, line_and_column, parts};

/// The memory of the evaluations that run at a time, in bytes.
pub const MEMORY: u64 = 256 * 1024 * 1024;
/// Most rules of a policy: each may lead to the next.
pub const RULES: usize = 500;
/// Steps after which the time is looked at.
const LOOK: NonZeroU32 = NonZeroU32::MIN.saturating_add(63);
/// A package beside the policy's, so that there is a rule to begin with.
const BESIDE: &str = "package garth_beside\nhere := true\n";
/// Longest text of what went wrong.
const TOLD: usize = 300;

/// The version of the language.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// Rules without `if`.
    V0,
    /// Rules with `if` and `contains`.
    V1,
}

impl Version {
    /// As it is stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::V0 => "v0",
            Self::V1 => "v1",
        }
    }
}

impl FromStr for Version {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "v0" => Ok(Self::V0),
            "v1" => Ok(Self::V1),
            _ => Err(()),
        }
    }
}

/// What a rule is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// True, or not.
    Flag,
    /// A set of texts.
    Set,
    /// Sets of texts by a text.
    Map,
}

/// The packages a policy may be in, and the rules that are asked of it.
pub struct Contract {
    /// Names of packages.
    pub packages: &'static [&'static str],
    /// Names of rules; others are the policy's own business.
    pub rules: &'static [(&'static str, Shape)],
}

/// What is wrong with a text, or went wrong in an evaluation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// In a few words.
    pub message: String,
    /// Line and column, from 1, if it is known where.
    pub at: Option<(usize, usize)>,
}

impl Fault {
    /// Nobody knows where.
    pub fn of(message: impl Into<String>) -> Self {
        Self { message: message.into(), at: None }
    }

    /// At that place of a text, in bytes.
    pub fn at(text: &str, at: usize, message: impl Into<String>) -> Self {
        Self { message: message.into(), at: Some(line_and_column(text, at)) }
    }

    /// What the library says, whose place stands in its words.
    fn read(said: &str) -> Self {
        let place = said.split_once("--> ").and_then(|(_, rest)| {
            let mut numbers = rest.lines().next()?.rsplit(':').map(|n| n.trim().parse::<usize>().ok());
            let (column, line) = (numbers.next()??, numbers.next()??);
            Some((line, column))
        });
        let message = said.rsplit_once("error: ").map_or(said, |(_, message)| message);
        Self { message: message.trim().chars().take(TOLD).collect(), at: place }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.at {
            Some((line, column)) => write!(f, "line {line}, column {column}: {}", self.message),
            None => f.write_str(&self.message),
        }
    }
}

/// What a policy is asked about.
#[derive(Clone, Debug)]
pub struct Input(Value);

impl Input {
    /// Reads JSON.
    pub fn of(json: &serde_json::Value) -> Self {
        Self(Value::from(json.clone()))
    }

    /// An object of parts.
    pub fn object<'a>(parts: impl IntoIterator<Item = (&'a str, Input)>) -> Self {
        let parts = parts.into_iter().map(|(name, part)| (Value::from(name), part.0));
        Self(Value::from(parts.collect::<BTreeMap<Value, Value>>()))
    }

    /// The same with another part; what is there already is shared, not copied.
    pub fn with(&self, name: &str, part: &Input) -> Self {
        let mut whole = self.clone();
        if let Ok(object) = whole.0.as_object_mut() {
            object.insert(Value::from(name), part.0.clone());
        }
        whole
    }
}

/// What the rules of a contract came to; those that are not defined are not here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answers {
    /// Rules that are true.
    pub flags: BTreeSet<&'static str>,
    /// Rules that are sets.
    pub sets: BTreeMap<&'static str, BTreeSet<String>>,
    /// Rules that are maps of sets.
    pub maps: BTreeMap<&'static str, BTreeMap<String, BTreeSet<String>>>,
}

/// A policy that was read and can be asked, by many at once.
pub struct Policy {
    engine: Mutex<Engine>,
    asked: Vec<Asked>,
}

impl fmt::Debug for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Policy").field("rules", &self.asked.len()).finish_non_exhaustive()
    }
}

/// A rule that is asked: its path, and what it is part of.
struct Asked {
    path: String,
    rule: &'static str,
    shape: Shape,
}

impl Policy {
    /// Reads a text. Do it on a thread of its own ([`Threads`]): what somebody wrote takes as long as it takes.
    ///
    /// # Errors
    /// What is wrong with it, and where.
    pub fn read(text: &str, version: Version, contract: &Contract) -> Result<Self, Fault> {
        text::check(text)?;
        of_version(text, version)?;
        let said = |error: anyhow::Error| Fault::read(&error.to_string());
        let mut engine = Engine::new();
        engine.set_rego_v0(version == Version::V0);
        engine.set_strict_builtin_errors(true);
        builtins::bound(&mut engine).map_err(said)?;
        let package = engine.add_policy("policy".to_owned(), text.to_owned()).map_err(said)?;
        let packages = contract.packages;
        if !packages.iter().any(|own| package.strip_prefix("data.") == Some(own)) {
            let at = parts(text).find(|(_, part)| *part == Part::Name("package")).map_or(0, |(at, _)| at);
            return Err(Fault::at(text, at, format!("must be in the package {}", packages.join(" or "))));
        }
        engine.add_policy("beside".to_owned(), BESIDE.to_owned()).map_err(said)?;
        let compiled = engine.compile_with_entrypoint(&"data.garth_beside.here".into()).map_err(said)?;
        let rules = compiled.get_rules();
        if rules.len() > RULES {
            return Err(Fault::of(format!("has more than {RULES} rules")));
        }
        let own = |name: &str| {
            let path = if name.starts_with("data.") { name.to_owned() } else { format!("{package}.{name}") };
            rules.get(&path).is_some_and(|rules| rules.iter().any(|rule| is_function(rule)))
        };
        builtins::calls(text, own)?;
        let mut defined = Vec::new();
        for (path, rules) in rules {
            defined.push(Defined { path, times: rules.len(), function: rules.iter().any(|rule| is_function(rule)) });
        }
        circles::refuse(text, &package, &defined)?;
        let mut paths: BTreeSet<String> = rules.keys().cloned().collect();
        // A rule that is nothing but its default is a rule all the same.
        paths.extend(defaults(text).map(|name| format!("{package}.{name}")));
        let mut asked = Vec::new();
        for path in &paths {
            let Some(one) = asked_by(path, &package, contract, text)? else { continue };
            if rules.get(path).is_some_and(|rules| !rules.iter().all(|rule| fits(rule, one.shape))) {
                return Err(another_type(text, one.rule, one.shape));
            }
            // A map may be made of many paths, and is asked as a whole.
            if !asked.iter().any(|other: &Asked| other.path == one.path) {
                asked.push(one);
            }
        }
        Ok(Self { engine: Mutex::new(engine), asked })
    }

    /// Asks every rule, all together in that time. Do it on a thread of its own ([`Threads`]).
    ///
    /// # Errors
    /// What went wrong in it; a budget that was used up too.
    pub fn ask(&self, input: &Input, time: Duration) -> Result<Answers, Fault> {
        let mut engine = self.engine.lock().unwrap_or_else(PoisonError::into_inner).clone();
        engine.set_input(input.0.clone());
        let began = crate::base::clock::monotonic();
        let mut answers = Answers::default();
        for one in &self.asked {
            let Some(left) = time.checked_sub(began.elapsed()).filter(|left| !left.is_zero()) else {
                return Err(Fault::of(TIME_OVER));
            };
            engine.set_execution_timer_config(ExecutionTimerConfig { limit: left, check_interval: LOOK });
            let value = match one.shape {
                Shape::Map => engine.eval_query(one.path.clone(), false).map(whole),
                _ => engine.eval_rule(one.path.clone()),
            };
            let value = value.map_err(|error| in_words(&error))?;
            one.take(&value, &mut answers)
                .ok_or_else(|| Fault::of(format!("{} is not {}", one.rule, meant(one.shape))))?;
        }
        Ok(answers)
    }
}

/// What a query that is one path came to.
fn whole(found: QueryResults) -> Value {
    let first = found.result.into_iter().next().and_then(|result| result.expressions.into_iter().next());
    first.map_or(Value::Undefined, |expression| expression.value)
}

fn is_function(rule: &Rule) -> bool {
    matches!(rule, Rule::Spec { head: RuleHead::Func { .. }, .. })
}

/// Is a rule of the kind that its values will have to be?
fn fits(rule: &Rule, shape: Shape) -> bool {
    let Rule::Spec { head, .. } = rule else { return true };
    match (head, shape) {
        (RuleHead::Func { .. }, _) => false,
        (_, Shape::Map) | (RuleHead::Set { .. }, Shape::Set) => true,
        (RuleHead::Compr { refr, .. }, Shape::Flag) => !matches!(refr.as_ref(), Expr::RefBrack { .. }),
        _ => false,
    }
}

/// The rules that a text gives a default.
fn defaults(text: &str) -> impl Iterator<Item = &str> {
    let mut after = false;
    parts(text).filter_map(move |(_, part)| {
        let named = if let (true, Part::Name(name)) = (after, part) { Some(name) } else { None };
        after = part == Part::Name("default");
        named
    })
}

/// What of the newer language an older text may not use unless it asks for it.
fn of_version(text: &str, version: Version) -> Result<(), Fault> {
    let asks = |(_, part)| matches!(part, Part::Name(name) if name == "rego.v1" || name.starts_with("future.keywords"));
    if version == Version::V1 || parts(text).any(asks) {
        return Ok(());
    }
    let mut words = parts(text).peekable();
    while let Some((at, part)) = words.next() {
        let called = words.peek().is_some_and(|(_, next)| *next == Part::Sign('('));
        if let Part::Name(word @ ("if" | "contains" | "every")) = part
            && !called
        {
            return Err(Fault::at(text, at, format!("“{word}” is of v1; store it as v1, or import rego.v1")));
        }
    }
    Ok(())
}

/// The rule of a contract that a path is, or is part of.
fn asked_by(path: &str, package: &str, contract: &Contract, text: &str) -> Result<Option<Asked>, Fault> {
    let Some(rest) = path.strip_prefix(package).and_then(|rest| rest.strip_prefix('.')) else { return Ok(None) };
    let end = rest.find(['.', '[']).unwrap_or(rest.len());
    let (name, below) = rest.split_at(end);
    let Some((rule, shape)) = contract.rules.iter().find(|(rule, _)| *rule == name) else { return Ok(None) };
    if *shape != Shape::Map && !below.is_empty() {
        return Err(another_type(text, rule, *shape));
    }
    Ok(Some(Asked { path: format!("{package}.{rule}"), rule, shape: *shape }))
}

fn another_type(text: &str, rule: &str, shape: Shape) -> Fault {
    let at = parts(text).find(|(_, part)| matches!(part, Part::Name(name) if name.split('.').next() == Some(rule)));
    let message = format!("{rule} must be {}", meant(shape));
    Fault { at: at.map(|(at, _)| line_and_column(text, at)), message }
}

fn meant(shape: Shape) -> &'static str {
    match shape {
        Shape::Flag => "true or false",
        Shape::Set => "a set of texts",
        Shape::Map => "sets of texts by a text",
    }
}

impl Asked {
    /// Takes a value into the answers; `None` where it is not what the rule is.
    fn take(&self, value: &Value, answers: &mut Answers) -> Option<()> {
        if *value == Value::Undefined {
            return Some(());
        }
        match self.shape {
            Shape::Flag => {
                if *value.as_bool().ok()? {
                    answers.flags.insert(self.rule);
                }
            }
            Shape::Set => answers.sets.entry(self.rule).or_default().extend(texts(value)?),
            Shape::Map => {
                let map = answers.maps.entry(self.rule).or_default();
                for (key, inside) in value.as_object().ok()?.iter() {
                    map.entry(key.as_string().ok()?.to_string()).or_default().extend(texts(inside)?);
                }
            }
        }
        Some(())
    }
}

/// The texts of a set, or of an object that says true of each.
fn texts(value: &Value) -> Option<BTreeSet<String>> {
    let text = |value: &Value| value.as_string().ok().map(|text| text.to_string());
    match value {
        Value::Set(set) => set.iter().map(text).collect(),
        Value::Object(object) => {
            let mut found = BTreeSet::new();
            for (key, said) in object.iter() {
                if *said.as_bool().ok()? {
                    found.insert(text(key)?);
                }
            }
            Some(found)
        }
        Value::Undefined => Some(BTreeSet::new()),
        _ => None,
    }
}

const TIME_OVER: &str = "took longer than it may";

/// What went wrong in an evaluation.
fn in_words(error: &anyhow::Error) -> Fault {
    match error.downcast_ref::<LimitError>() {
        Some(LimitError::TimeLimitExceeded { .. }) => Fault::of(TIME_OVER),
        Some(LimitError::MemoryLimitExceeded { .. }) => Fault::of("took more memory than it may"),
        _ => Fault::read(&error.to_string()),
    }
}
