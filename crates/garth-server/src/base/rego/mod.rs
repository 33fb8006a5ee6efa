//! Rego, the language of login policies: reading a text, and asking it about an input under budgets. Nothing else in
//! the program knows the library.
//!
//! What the library leaves open is closed here. Its parser takes twice as long for each level of nesting, so texts are
//! looked at first ([`text`]). Its limits of time and memory are not looked at inside a function, so those functions
//! that could run for long or take much memory are bounded before they begin, and only functions that answer the same
//! today and tomorrow are known at all ([`builtins`]). Big numbers panic when they are printed, so no value ever is,
//! and answers are read by their type. What runs on all the same holds one of a few places ([`threads`]).

mod builtins;
pub mod text;
mod threads;

pub use threads::{ASKING, Halt, Rego, TRYING, Threads};

use regorus::languages::rego::compiler::Compiler;
use regorus::rvm::program::{Program, RuleInfo, RuleType};
use regorus::rvm::vm::{RegoVM, VmError};
use regorus::utils::limits::ExecutionTimerConfig;
use regorus::{Engine, MemoryBudgetConfig, Value};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::num::{NonZeroU32, NonZeroU64};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;
use text::{Part, line_and_column, parts};

/// The memory of one evaluation, in bytes.
pub const MEMORY: u64 = 256 * 1024 * 1024;
/// Most steps of one evaluation.
pub const STEPS: usize = 20_000_000;
/// Steps after which the time is looked at.
const LOOK: u32 = 256;
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
    program: Arc<Program>,
    asked: Vec<Asked>,
}

impl fmt::Debug for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Policy").field("rules", &self.asked.len()).finish_non_exhaustive()
    }
}

/// A rule that is asked: where it is in the program, and what it is part of.
struct Asked {
    path: String,
    rule: &'static str,
    shape: Shape,
    /// Of a map: the key and the text that the path itself names.
    below: Vec<String>,
}

impl Policy {
    /// Reads a text. Do it on a thread of its own ([`Threads`]): what somebody wrote takes as long as it takes.
    ///
    /// # Errors
    /// What is wrong with it, and where.
    pub fn read(text: &str, version: Version, contract: &Contract) -> Result<Self, Fault> {
        text::check(text)?;
        of_version(text, version)?;
        let mut engine = Engine::new();
        engine.set_rego_v0(version == Version::V0);
        let added = engine.add_policy("policy".to_owned(), text.to_owned());
        let package = added.map_err(|e| Fault::read(&e.to_string()))?;
        let packages = contract.packages;
        if !packages.iter().any(|own| package.strip_prefix("data.") == Some(own)) {
            let at = parts(text).find(|(_, part)| *part == Part::Name("package")).map_or(0, |(at, _)| at);
            return Err(Fault::at(text, at, format!("must be in the package {}", packages.join(" or "))));
        }
        let first: regorus::Rc<str> = format!("{package}.{}", first_rule(contract)).into();
        let compiled = engine.compile_with_entrypoint(&first).map_err(|e| Fault::read(&e.to_string()))?;
        let mut paths: BTreeSet<String> = compiled.get_rules().keys().cloned().collect();
        // A rule that is nothing but its default is a rule all the same.
        paths.extend(defaults(text).map(|name| format!("{package}.{name}")));
        let mut asked = Vec::new();
        for path in &paths {
            asked.extend(asked_by(path, &package, contract, text)?);
        }
        let entries: Vec<&str> = asked.iter().map(|one| one.path.as_str()).collect();
        let program = Compiler::compile_from_policy(&compiled, &entries).map_err(|e| Fault::read(&e.to_string()))?;
        let mut program = Arc::unwrap_or_clone(program);
        builtins::bound(&mut program).map_err(|name| {
            let at = parts(text).find(|(_, part)| *part == Part::Name(&name)).map_or(0, |(at, _)| at);
            Fault::at(text, at, format!("{name} is not there for login policies"))
        })?;
        for one in &asked {
            if let Some(info) = program.rule_infos.iter().find(|info| info.name == one.path) {
                one.fits(info, text)?;
            }
        }
        Ok(Self { program: Arc::new(program), asked })
    }

    /// Asks every rule, each for itself, all together in that time. Do it on a thread of its own ([`Threads`]).
    ///
    /// # Errors
    /// What went wrong in it; a budget that was used up too.
    pub fn ask(&self, input: &Input, time: Duration) -> Result<Answers, Fault> {
        let mut vm = RegoVM::new();
        vm.set_strict_builtin_errors(true);
        vm.set_max_instructions(STEPS);
        vm.set_memory_budget_config(NonZeroU64::new(MEMORY).map(|limit| MemoryBudgetConfig { limit }));
        vm.load_program(Arc::clone(&self.program));
        let data = vm.set_data(Value::new_object());
        data.map_err(|e| Fault::of(in_words(&e)))?;
        vm.set_input(input.0.clone());
        let began = crate::base::clock::monotonic();
        let mut answers = Answers::default();
        for one in &self.asked {
            let Some(left) = time.checked_sub(began.elapsed()).filter(|left| !left.is_zero()) else {
                return Err(Fault::of(TIME_OVER));
            };
            let interval = NonZeroU32::new(LOOK).unwrap_or(NonZeroU32::MIN);
            vm.set_execution_timer_config(Some(ExecutionTimerConfig { limit: left, check_interval: interval }));
            let value = vm.execute_entry_point_by_name(&one.path).map_err(|e| Fault::of(in_words(&e)))?;
            one.take(&value, &mut answers).ok_or_else(|| Fault::of(format!("{} is not {}", one.rule, one.meant())))?;
        }
        Ok(answers)
    }
}

/// A rule to begin with: any will do, because all of a text is read at once.
fn first_rule(contract: &Contract) -> &'static str {
    contract.rules.first().map_or("", |(name, _)| name)
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
    let below = steps(below).ok_or_else(|| Fault::of(format!("{rule} has a part that cannot be read")))?;
    if below.len() > 2 || (*shape != Shape::Map && !below.is_empty()) {
        return Err(another_type(text, rule, *shape));
    }
    Ok(Some(Asked { path: path.to_owned(), rule, shape: *shape, below }))
}

/// The steps of a path: `.name` and `["name"]`.
fn steps(path: &str) -> Option<Vec<String>> {
    let mut steps = Vec::new();
    let mut rest = path;
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix('.') {
            let end = after.find(['.', '[']).unwrap_or(after.len());
            steps.push(after[..end].to_owned());
            rest = &after[end..];
        } else {
            let mut quoted = serde_json::Deserializer::from_str(rest.strip_prefix('[')?).into_iter::<String>();
            steps.push(quoted.next()?.ok()?);
            rest = rest.get(1 + quoted.byte_offset()..)?.strip_prefix(']')?;
        }
    }
    Some(steps)
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
    fn meant(&self) -> &'static str {
        meant(self.shape)
    }

    /// Is the rule of the kind that its values will have to be?
    fn fits(&self, info: &RuleInfo, text: &str) -> Result<(), Fault> {
        let fits = match self.shape {
            Shape::Flag => info.rule_type == RuleType::Complete,
            Shape::Set => info.rule_type == RuleType::PartialSet,
            Shape::Map => true,
        };
        if fits && info.function_info.is_none() { Ok(()) } else { Err(another_type(text, self.rule, self.shape)) }
    }

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
                match self.below.as_slice() {
                    [] => {
                        for (key, inside) in value.as_object().ok()?.iter() {
                            map.entry(key.as_string().ok()?.to_string()).or_default().extend(texts(inside)?);
                        }
                    }
                    [key] => map.entry(key.clone()).or_default().extend(texts(value)?),
                    [key, inside] if *value.as_bool().ok()? => {
                        map.entry(key.clone()).or_default().insert(inside.clone());
                    }
                    _ => {}
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

/// What went wrong in an evaluation, without the values it went wrong with.
fn in_words(error: &VmError) -> String {
    match error {
        VmError::TimeLimitExceeded { .. } => TIME_OVER.to_owned(),
        VmError::InstructionLimitExceeded { .. } => "took more steps than it may".to_owned(),
        VmError::MemoryLimitExceeded { .. } | VmError::MemoryBudgetExceeded { .. } => {
            "took more memory than it may".to_owned()
        }
        VmError::InvalidDivision { .. } | VmError::InvalidModulo { .. } => {
            "divided by zero, or by what is no number".to_owned()
        }
        VmError::ArithmeticError { message, .. } | VmError::Internal { message, .. } => Fault::read(message).message,
        _ => "an operation was not possible with the values it was given".to_owned(),
    }
}
