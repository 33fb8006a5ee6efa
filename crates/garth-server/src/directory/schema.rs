//! How much work a kind's JSON Schema can make: parts that lead to themselves, or to the same place in many ways.
//!
//! A schema that leads to itself without going down into the value would never end. One that does go down may visit
//! the same value in several ways, each of which doubles with every level: that is bounded by the depth of the body.

use serde_json::Value;
use std::collections::{HashMap, HashSet};

/// Most parts of a schema that look at one and the same value.
const PARTS: u64 = 10_000;
/// Longest chain of parts, each leading to the next, that look at one and the same value.
const CHAIN: usize = 64;
/// Most visits to one value of a body, over all ways that lead to it.
const VISITS: u64 = 100_000;

/// What was found out about a schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Work {
    /// In how many ways a part leads to itself one level down; 0 when none does.
    ways: u64,
}

impl Work {
    /// Deepest body that such a schema checks within bounds; any depth when there is one way only.
    pub fn depth(self) -> Option<usize> {
        (self.ways > 1).then(|| {
            let levels = std::iter::successors(Some(1_u64), |visits| visits.checked_mul(self.ways));
            levels.take_while(|visits| *visits <= VISITS).count() - 1
        })
    }
}

/// Finds out how much work a schema makes.
///
/// # Errors
/// What is wrong, when it would never end or has too many parts.
pub fn work(schema: &Value) -> Result<Work, String> {
    let graph = Graph::new(schema);
    let mut known = HashMap::new();
    let mut most = 0;
    for part in &graph.all {
        most = most.max(graph.measure(part, &mut known, 0)?.ways);
    }
    Ok(Work { ways: most })
}

/// What is known of one part.
#[derive(Clone, Copy, Default)]
struct Measure {
    /// Parts that look at the same value, itself counted.
    parts: u64,
    /// In how many ways it leads down to parts that lead to themselves.
    ways: u64,
}

type Part<'a> = &'a Value;

/// A part is told from others by where it lies in memory.
fn key(part: Part<'_>) -> *const Value {
    std::ptr::from_ref(part)
}

struct Graph<'a> {
    root: Part<'a>,
    all: Vec<Part<'a>>,
    anchors: HashMap<&'a str, Vec<Part<'a>>>,
    /// Parts on a circle, or between two.
    circular: HashSet<*const Value>,
}

impl<'a> Graph<'a> {
    fn new(root: Part<'a>) -> Self {
        let mut graph = Graph { root, all: Vec::new(), anchors: HashMap::new(), circular: HashSet::new() };
        let mut waiting = vec![root];
        while let Some(value) = waiting.pop() {
            match value {
                Value::Object(fields) => {
                    graph.all.push(value);
                    for name in ["$anchor", "$dynamicAnchor"] {
                        if let Some(Value::String(anchor)) = fields.get(name) {
                            graph.anchors.entry(anchor).or_default().push(value);
                        }
                    }
                    waiting.extend(fields.values());
                }
                Value::Array(items) => waiting.extend(items),
                _ => {}
            }
        }
        graph.find_circles();
        graph
    }

    /// Takes away whatever leads nowhere any more, then whatever nothing leads to any more: what stays lies on a circle,
    /// or between two.
    fn find_circles(&mut self) {
        let number: HashMap<*const Value, usize> =
            self.all.iter().enumerate().map(|(at, part)| (key(part), at)).collect();
        let mut leads = Vec::with_capacity(self.all.len());
        let mut led: Vec<Vec<usize>> = vec![Vec::new(); self.all.len()];
        for (at, part) in self.all.iter().enumerate() {
            let next = self.beside(part).into_iter().chain(self.below(part).into_iter().flatten());
            let next: Vec<usize> = next.filter_map(|part| number.get(&key(part)).copied()).collect();
            next.iter().for_each(|to| led[*to].push(at));
            leads.push(next);
        }
        let mut stays = vec![true; self.all.len()];
        for (ahead, back) in [(&leads, &led), (&led, &leads)] {
            let mut left: Vec<usize> = ahead.iter().map(|to| to.iter().filter(|to| stays[**to]).count()).collect();
            let mut waiting: Vec<usize> = (0..left.len()).filter(|at| stays[*at] && left[*at] == 0).collect();
            while let Some(at) = waiting.pop() {
                stays[at] = false;
                for from in back[at].iter().copied().filter(|from| stays[*from]) {
                    left[from] -= 1;
                    if left[from] == 0 {
                        waiting.push(from);
                    }
                }
            }
        }
        self.circular = self.all.iter().zip(stays).filter(|(_, stays)| *stays).map(|(part, _)| key(part)).collect();
    }

    /// Where a part's references lead.
    fn referred(&self, part: Part<'a>) -> Vec<Part<'a>> {
        let names = ["$ref", "$dynamicRef", "$recursiveRef"].into_iter().filter_map(|name| part.get(name)?.as_str());
        names.flat_map(|target| self.target(target)).collect()
    }

    fn target(&self, reference: &str) -> Vec<Part<'a>> {
        let Some(fragment) = reference.strip_prefix('#') else { return Vec::new() };
        if fragment.is_empty() || fragment.starts_with('/') {
            return self.root.pointer(&unescaped(fragment)).into_iter().collect();
        }
        self.anchors.get(fragment).cloned().unwrap_or_default()
    }

    /// The parts that look at the same value.
    fn beside(&self, part: Part<'a>) -> Vec<Part<'a>> {
        let mut parts = self.referred(part);
        parts.extend(["not", "if", "then", "else"].iter().filter_map(|name| part.get(*name)));
        for name in ["allOf", "anyOf", "oneOf"] {
            parts.extend(part.get(name).and_then(Value::as_array).into_iter().flatten());
        }
        for name in ["dependentSchemas", "dependencies"] {
            parts.extend(part.get(name).and_then(Value::as_object).into_iter().flat_map(|fields| fields.values()));
        }
        parts.retain(|part| part.is_object());
        parts
    }

    /// The parts that look at what is inside the value, those together of which one only looks at each thing inside.
    fn below(&self, part: Part<'a>) -> Vec<Vec<Part<'a>>> {
        let one = |names: &[&str]| -> Vec<Part<'a>> {
            let found = names.iter().filter_map(|name| part.get(*name));
            found.flat_map(|found| found.as_array().map_or(vec![found], |list| list.iter().collect())).collect()
        };
        let fields = |name: &str| part.get(name).and_then(Value::as_object).into_iter().flat_map(|all| all.values());
        let mut groups = vec![fields("properties").chain(one(&["additionalProperties"])).collect()];
        groups.extend(fields("patternProperties").map(|part| vec![part]));
        groups.push(one(&["items", "prefixItems", "additionalItems"]));
        groups.extend(["contains", "unevaluatedItems", "unevaluatedProperties"].map(|name| one(&[name])));
        groups.into_iter().map(|group| group.into_iter().filter(|part| part.is_object()).collect()).collect()
    }

    fn measure(
        &self,
        part: Part<'a>,
        known: &mut HashMap<*const Value, Option<Measure>>,
        depth: usize,
    ) -> Result<Measure, String> {
        match known.get(&key(part)) {
            Some(Some(measure)) => return Ok(*measure),
            Some(None) => return Err("leads to itself without going down into the value".to_owned()),
            None => {}
        }
        if depth == CHAIN {
            return Err(format!("has more than {CHAIN} parts that lead one to the next"));
        }
        known.insert(key(part), None);
        let down = self.below(part);
        let circular = down.iter().filter(|group| group.iter().any(|part| self.circular.contains(&key(part))));
        let mut measure = Measure { parts: 1, ways: circular.count() as u64 };
        for next in self.beside(part) {
            let of = self.measure(next, known, depth + 1)?;
            measure.parts = measure.parts.saturating_add(of.parts);
            measure.ways = measure.ways.saturating_add(of.ways);
        }
        if measure.parts > PARTS {
            return Err(format!("has more than {PARTS} parts that look at the same value"));
        }
        known.insert(key(part), Some(measure));
        Ok(measure)
    }
}

/// A pointer in a reference is percent-encoded.
fn unescaped(fragment: &str) -> String {
    let mut bytes = Vec::with_capacity(fragment.len());
    let mut rest = fragment.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let code = after.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
        match code.and_then(|hex| u8::from_str_radix(hex, 16).ok()).filter(|_| *first == b'%') {
            Some(byte) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_schema_that_never_ends_is_found() {
        for endless in [
            json!({"$ref": "#"}),
            json!({"allOf": [{"$ref": "#"}]}),
            json!({"$defs": {"a": {"not": {"$ref": "#/%24defs/a"}}}, "properties": {"x": {"$ref": "#/$defs/a"}}}),
            json!({"$anchor": "top", "anyOf": [{"type": "string"}, {"$ref": "#top"}]}),
        ] {
            assert!(work(&endless).is_err(), "{endless}");
        }
        let mut chain = json!({});
        for _ in 0..70 {
            chain = json!({ "not": chain });
        }
        assert!(work(&chain).is_err());
    }

    #[test]
    fn ways_that_lead_to_themselves_are_counted() {
        let depth = |schema: Value| work(&schema).expect("it ends").depth();
        assert_eq!(depth(json!({"type": "object"})), None);
        let tree = json!({"properties": {"left": {"$ref": "#"}, "right": {"$ref": "#"}}, "additionalProperties": {"$ref": "#"}});
        assert_eq!(depth(tree), None);
        let twice = json!({"properties": {"a": {"allOf": [{"$ref": "#"}, {"$ref": "#"}]}}});
        assert_eq!(depth(twice), Some(16));
        let union = json!({
            "$defs": {"node": {"oneOf": [
                {"type": "string"},
                {"properties": {"list": {"items": {"$ref": "#/$defs/node"}}}},
                {"properties": {"quote": {"$ref": "#/$defs/node"}}},
            ]}},
            "$ref": "#/$defs/node",
        });
        assert_eq!(depth(union), Some(16));
        let beside = json!({"$ref": "#/$defs/a", "$defs": {"a": {"type": "object"}}, "properties": {"a": {"$ref": "#/$defs/a"}}});
        assert_eq!(depth(beside), None);
    }
}
