//! The functions that policies may call: those that answer the same today and tomorrow, and of them those that could
//! run for long or take much memory within one call bounded before they begin.

use super::Fault;
use super::text::{Part, parts, short};
use anyhow::{Result, bail};
use regorus::unstable::{BUILTINS, Expr, Ref, Span};
use regorus::{Engine, Source, Value};

/// Longest text that a call may make, and most that it may be given, in bytes.
pub const TEXT: usize = 4 * 1024 * 1024;
/// Most numbers that a call may make.
pub const NUMBERS: i64 = 100_000;
/// Most places that bits are shifted by.
pub const SHIFT: i64 = 4_096;

/// What may be called as it is: whole families, and single functions. Nothing that tells the time, makes a random
/// number, looks outside, or whose answer has no bound.
const FAMILIES: [&str; 9] = ["array.", "bits.", "json.", "net.", "object.", "regex.", "strings.", "time.", "units."];
const SINGLE: [&str; 46] = [
    "__builtin_sets.intersection",
    "__builtin_sets.union",
    "abs",
    "ceil",
    "concat",
    "contains",
    "count",
    "endswith",
    "floor",
    "format_int",
    "indexof",
    "indexof_n",
    "intersection",
    "is_array",
    "is_boolean",
    "is_null",
    "is_number",
    "is_object",
    "is_set",
    "is_string",
    "lower",
    "max",
    "min",
    "numbers.range",
    "numbers.range_step",
    "product",
    "replace",
    "round",
    "semver.compare",
    "semver.is_valid",
    "sort",
    "split",
    "sprintf",
    "startswith",
    "substring",
    "sum",
    "to_number",
    "trim",
    "trim_left",
    "trim_prefix",
    "trim_right",
    "trim_space",
    "trim_suffix",
    "type_name",
    "union",
    "upper",
];
/// Of the families, what may not.
const NEVER: [&str; 3] = ["time.now_ns", "net.cidr_expand", "strings.replace_n"];
/// What the library has and nobody may call: it fails, should it be called all the same.
const SHUT: [&str; 7] = ["time.now_ns", "net.cidr_expand", "strings.replace_n", "rand.intn", "trace", "print", "walk"];

/// What is asked before a function is called.
type Before = fn(&[Value]) -> Result<()>;

/// What stands in front of a function.
const BOUNDED: [(&str, Before); 9] = [
    ("bits.lsh", shift_left),
    ("concat", concat),
    ("json.marshal", small),
    ("numbers.range", range),
    ("numbers.range_step", range),
    ("regex.replace", regex_replace),
    ("replace", replace),
    ("sprintf", sprintf),
    ("to_number", to_number),
];

/// Words that may stand before a bracket and are no functions.
const WORDS: [&str; 10] = ["as", "default", "else", "every", "if", "import", "in", "not", "some", "with"];

/// Requires that a text calls nothing but what may be called, and its own functions.
///
/// # Errors
/// At the first call of anything else.
pub(super) fn calls(text: &str, own: impl Fn(&str) -> bool) -> std::result::Result<(), Fault> {
    let mut before: Option<(usize, Part<'_>)> = None;
    for (at, part) in parts(text) {
        match (before, part) {
            (Some((at, Part::Name(name))), Part::Sign('(')) => {
                let family = FAMILIES.iter().any(|family| name.starts_with(family)) && !NEVER.contains(&name);
                let known = (family || SINGLE.contains(&name)) && BUILTINS.contains_key(name);
                if !known && !own(name) && !WORDS.contains(&name) {
                    return Err(Fault::at(text, at, format!("there is no {name} for policies")));
                }
            }
            // A function is called by its name, written in one piece.
            (Some((_, Part::Sign(']'))), Part::Sign('(')) | (Some((_, Part::Name(_))), Part::Sign('.')) => {
                return Err(Fault::at(text, at, "a function is called by its plain name"));
            }
            (_, Part::Name(name)) if name.ends_with('.') || name.contains("..") => {
                return Err(Fault::at(text, at, "a name ends with its last part"));
            }
            _ => {}
        }
        before = Some((at, part));
    }
    Ok(())
}

/// Puts the bounded functions in front of the library's, and shuts those that nobody may call.
///
/// # Errors
/// When the library does not know one of them any more.
pub(super) fn bound(engine: &mut Engine) -> Result<()> {
    for (name, before) in BOUNDED {
        let Some((function, args)) = BUILTINS.get(name).copied() else { bail!("there is no {name}") };
        let nowhere = nowhere()?;
        let params: Vec<Ref<Expr>> = (0..args).map(|_| nothing(&nowhere)).collect();
        let call = move |values: Vec<Value>| {
            before(&values)?;
            function(&nowhere, &params, &values, true)
        };
        engine.add_extension(name.to_owned(), args, Box::new(call))?;
    }
    for name in SHUT {
        let args = BUILTINS.get(name).map_or(1, |(_, args)| *args);
        let shut = move |_: Vec<Value>| -> Result<Value> { bail!("there is no {name} for policies") };
        engine.add_extension(name.to_owned(), args, Box::new(shut))?;
    }
    Ok(())
}

/// A place in no text, for functions that want to say where they were called.
fn nowhere() -> Result<Span> {
    let source = Source::from_contents("function".to_owned(), String::new())?;
    Ok(Span { source, line: 1, col: 1, start: 0, end: 0 })
}

fn nothing(nowhere: &Span) -> Ref<Expr> {
    Ref::new(Expr::Null { span: nowhere.clone(), value: Value::Null, eidx: 0 })
}

/// Requires that what a call is given would be no longer than [`TEXT`], written out.
fn small(args: &[Value]) -> Result<()> {
    let mut left = TEXT;
    for arg in args {
        spend(arg, &mut left)?;
    }
    Ok(())
}

fn spend(value: &Value, left: &mut usize) -> Result<()> {
    let own = match value {
        Value::String(text) => text.len(),
        _ => 8,
    };
    match left.checked_sub(own) {
        Some(rest) => *left = rest,
        None => bail!("a function was given more than {TEXT} bytes"),
    }
    match value {
        Value::Array(array) => array.iter().try_for_each(|inside| spend(inside, left)),
        Value::Set(set) => set.iter().try_for_each(|inside| spend(inside, left)),
        Value::Object(object) => object.iter().try_for_each(|(key, inside)| {
            spend(key, left)?;
            spend(inside, left)
        }),
        _ => Ok(()),
    }
}

fn whole(value: Option<&Value>) -> Option<i64> {
    value.and_then(|value| value.as_i64().ok())
}

fn length(value: Option<&Value>) -> usize {
    value.and_then(|value| value.as_string().ok()).map_or(0, |text| text.len())
}

fn range(args: &[Value]) -> Result<()> {
    match whole(args.first()).zip(whole(args.get(1))).and_then(|(from, to)| to.checked_sub(from)) {
        Some(distance) if distance.checked_abs().is_some_and(|d| d < NUMBERS) => Ok(()),
        _ => bail!("a range may hold {NUMBERS} numbers"),
    }
}

fn shift_left(args: &[Value]) -> Result<()> {
    match whole(args.get(1)) {
        Some(0..=SHIFT) => Ok(()),
        _ => bail!("bits are shifted by at most {SHIFT} places"),
    }
}

fn concat(args: &[Value]) -> Result<()> {
    small(args)?;
    let parts = match args.get(1) {
        Some(Value::Array(array)) => array.iter().count(),
        Some(Value::Set(set)) => set.len(),
        _ => 0,
    };
    within(length(args.first()).saturating_mul(parts))
}

fn replace(args: &[Value]) -> Result<()> {
    grows(args)
}

fn regex_replace(args: &[Value]) -> Result<()> {
    grows(args)?;
    // A group in the replacement stands for as much as the text has.
    let groups = args.get(2).and_then(|with| with.as_string().ok()).map_or(0, |with| with.matches('$').count());
    within(length(args.first()).saturating_mul(groups))
}

/// Requires that a text stays short when another one comes in every place of it.
fn grows(args: &[Value]) -> Result<()> {
    within((length(args.first()) + 1).saturating_mul(length(args.get(2)) + 1))
}

fn within(bytes: usize) -> Result<()> {
    if bytes > TEXT {
        bail!("a text may have {TEXT} bytes");
    }
    Ok(())
}

fn sprintf(args: &[Value]) -> Result<()> {
    small(args)?;
    let format = args.first().and_then(|format| format.as_string().ok());
    let mut run = 0;
    for c in format.map_or("", |format| format.as_ref()).chars() {
        run = if c.is_ascii_digit() { run + 1 } else { 0 };
        if run > 3 || c == '*' {
            bail!("a width in a format has at most three digits, written out");
        }
    }
    Ok(())
}

fn to_number(args: &[Value]) -> Result<()> {
    if args.first().and_then(|text| text.as_string().ok()).is_some_and(|text| !short(text)) {
        bail!("a number is too long");
    }
    Ok(())
}
