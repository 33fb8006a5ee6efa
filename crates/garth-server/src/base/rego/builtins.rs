//! The functions that policies may call: those that answer the same today and tomorrow, and of them those that could
//! run for long or take much memory within one call bounded before they begin.

use super::text::short;
use anyhow::{Result, bail};
use regorus::Value;
use regorus::rvm::program::Program;
use regorus::unstable::{BUILTINS, BuiltinFcn, Expr, Ref, Span};

/// Longest text that a call may make, and most that it may be given, in bytes.
pub const TEXT: usize = 4 * 1024 * 1024;
/// Most numbers that a call may make.
pub const NUMBERS: i64 = 100_000;
/// Most places that bits are shifted by.
pub const SHIFT: i64 = 4_096;

/// What may be called as it is: whole families, and single functions. Nothing that tells the time, makes a random number,
/// looks outside, or whose answer has no bound.
const FAMILIES: [&str; 9] = ["array.", "bits.", "json.", "net.", "object.", "regex.", "strings.", "time.", "units."];
const SINGLE: [&str; 47] = [
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
    "walk",
];
/// Of the families, what may not.
const NEVER: [&str; 3] = ["time.now_ns", "net.cidr_expand", "strings.replace_n"];

type Call = fn(&Span, &[Ref<Expr>], &[Value], bool) -> Result<Value>;

/// What stands in front of a function.
const BOUNDED: [(&str, Call); 10] = [
    ("bits.lsh", shift_left),
    ("concat", concat),
    ("json.marshal", marshal),
    ("numbers.range", range),
    ("numbers.range_step", range_step),
    ("regex.replace", regex_replace),
    ("replace", replace),
    ("sprintf", sprintf),
    ("to_number", to_number),
    ("walk", walk),
];

/// Puts the bounded functions in the place of the library's.
///
/// # Errors
/// The name of a function that may not be called.
pub(super) fn bound(program: &mut Program) -> std::result::Result<(), String> {
    let mut resolved: Vec<BuiltinFcn> = Vec::with_capacity(program.builtin_info_table.len());
    for info in &program.builtin_info_table {
        let name = info.name.as_str();
        let family = FAMILIES.iter().any(|family| name.starts_with(family)) && !NEVER.contains(&name);
        let known = BUILTINS.get(name).filter(|_| family || SINGLE.contains(&name));
        let known = known.ok_or_else(|| name.to_owned())?;
        let ours = BOUNDED.iter().find(|(bounded, _)| *bounded == name);
        resolved.push((ours.map_or(known.0, |(_, call)| *call), known.1));
    }
    program.resolved_builtins = resolved;
    Ok(())
}

/// Calls the library's.
fn call(name: &str, span: &Span, params: &[Ref<Expr>], args: &[Value], strict: bool) -> Result<Value> {
    match BUILTINS.get(name) {
        Some((function, _)) => function(span, params, args, strict),
        None => bail!("there is no {name}"),
    }
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

fn range(span: &Span, params: &[Ref<Expr>], args: &[Value], strict: bool) -> Result<Value> {
    between(args.first(), args.get(1))?;
    call("numbers.range", span, params, args, strict)
}

fn range_step(span: &Span, params: &[Ref<Expr>], args: &[Value], strict: bool) -> Result<Value> {
    between(args.first(), args.get(1))?;
    call("numbers.range_step", span, params, args, strict)
}

fn between(from: Option<&Value>, to: Option<&Value>) -> Result<()> {
    match whole(from).zip(whole(to)).and_then(|(from, to)| to.checked_sub(from)) {
        Some(distance) if distance.checked_abs().is_some_and(|d| d < NUMBERS) => Ok(()),
        _ => bail!("a range may hold {NUMBERS} numbers"),
    }
}

fn shift_left(span: &Span, params: &[Ref<Expr>], args: &[Value], strict: bool) -> Result<Value> {
    if !whole(args.get(1)).is_some_and(|by| (0..=SHIFT).contains(&by)) {
        bail!("bits are shifted by at most {SHIFT} places");
    }
    call("bits.lsh", span, params, args, strict)
}

fn concat(span: &Span, params: &[Ref<Expr>], args: &[Value], strict: bool) -> Result<Value> {
    small(args)?;
    let parts = match args.get(1) {
        Some(Value::Array(array)) => array.iter().count(),
        Some(Value::Set(set)) => set.len(),
        _ => 0,
    };
    if length(args.first()).saturating_mul(parts) > TEXT {
        bail!("a text may have {TEXT} bytes");
    }
    call("concat", span, params, args, strict)
}

fn marshal(span: &Span, params: &[Ref<Expr>], args: &[Value], strict: bool) -> Result<Value> {
    small(args)?;
    call("json.marshal", span, params, args, strict)
}

fn walk(span: &Span, params: &[Ref<Expr>], args: &[Value], strict: bool) -> Result<Value> {
    small(args)?;
    call("walk", span, params, args, strict)
}

fn replace(span: &Span, params: &[Ref<Expr>], args: &[Value], strict: bool) -> Result<Value> {
    grows(args.first(), args.get(2))?;
    call("replace", span, params, args, strict)
}

fn regex_replace(span: &Span, params: &[Ref<Expr>], args: &[Value], strict: bool) -> Result<Value> {
    grows(args.first(), args.get(2))?;
    // A group in the replacement stands for as much as the text has.
    let groups = args.get(2).and_then(|with| with.as_string().ok()).map_or(0, |with| with.matches('$').count());
    if length(args.first()).saturating_mul(groups) > TEXT {
        bail!("a text may have {TEXT} bytes");
    }
    call("regex.replace", span, params, args, strict)
}

/// Requires that a text stays short when another one comes in every place of it.
fn grows(text: Option<&Value>, with: Option<&Value>) -> Result<()> {
    if (length(text) + 1).saturating_mul(length(with) + 1) > TEXT {
        bail!("a text may have {TEXT} bytes");
    }
    Ok(())
}

fn sprintf(span: &Span, params: &[Ref<Expr>], args: &[Value], strict: bool) -> Result<Value> {
    small(args)?;
    let format = args.first().and_then(|format| format.as_string().ok());
    let mut run = 0;
    for c in format.map_or("", |format| format.as_ref()).chars() {
        run = if c.is_ascii_digit() { run + 1 } else { 0 };
        if run > 3 || c == '*' {
            bail!("a width in a format has at most three digits, written out");
        }
    }
    call("sprintf", span, params, args, strict)
}

fn to_number(span: &Span, params: &[Ref<Expr>], args: &[Value], strict: bool) -> Result<Value> {
    if args.first().and_then(|text| text.as_string().ok()).is_some_and(|text| !short(text)) {
        bail!("a number is too long");
    }
    call("to_number", span, params, args, strict)
}
