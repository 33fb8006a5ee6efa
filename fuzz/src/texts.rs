//! Readers of single texts: codes, cursors, entity tags, imports, names, principals, queries, login policies, scenario
//! files, times.

use crate::Yard;
use axum::http::{HeaderMap, HeaderValue, Uri, header};
use garth_core::Caller;
use garth_server::access;
use garth_server::base::address::client;
use garth_server::base::clock;
use garth_server::base::error::Error;
use garth_server::base::http::{Query, if_match};
use garth_server::base::ids::{Codes, read_code};
use garth_server::base::rego::text::{NESTING, Part, TEXT_BYTES, check, parts};
use garth_server::base::text;
use garth_server::fuzzing::{
    ATTACHMENTS, Arriving, CONTENT_BYTES, Cutter, File, LETTER_BYTES, LINE_BYTES, Line, PARTS, SmtpLine,
    TEXT_BYTES as SAID_BYTES, WORD_BYTES, cut, read, read_letter, smtp_line, sought, write,
};
use garth_server::resources::Drafts;
use garth_server::scenarios;
use std::net::IpAddr;

/// The bytes as text; none when they are not UTF-8, which never reaches these readers.
fn utf8(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok()
}

/// A fault of ours must not come of what somebody wrote.
fn theirs<T>(result: Result<T, Error>) -> Option<T> {
    match result {
        Ok(value) => Some(value),
        Err(Error::Internal(why)) => panic!("a fault of ours: {why}"),
        Err(_) => None,
    }
}

/// Headers count from a trusted proxy only, and what stands left of the address that was found changes nothing: whoever
/// wrote it is not believed.
pub fn addresses(_: &Yard, bytes: &[u8]) {
    let (proxy, stranger) = (IpAddr::from([10, 0, 0, 1]), IpAddr::from([192, 0, 2, 7]));
    let trusted = ["10.0.0.0/8".parse().expect("a network"), "fd00::/8".parse().expect("a network")];
    for (name, forged) in [("forwarded", "for=203.0.113.9, "), ("x-forwarded-for", "203.0.113.9, ")] {
        let with =
            |value: &[u8]| Some(HeaderMap::from_iter([(name.parse().ok()?, HeaderValue::from_bytes(value).ok()?)]));
        let Some(headers) = with(bytes) else { return };
        assert_eq!(client(stranger, &headers, &trusted), stranger);
        assert_eq!(client(proxy, &headers, &[]), proxy);
        let found = client(proxy, &headers, &trusted);
        if !trusted.iter().any(|network| network.contains(&found)) {
            let forged = with(&[forged.as_bytes(), bytes].concat()).expect("a header");
            assert_eq!(client(proxy, &forged, &trusted), found);
        }
    }
}

/// What is looked at before a policy is parsed: its parts stand in it in their order, nothing but white space and comments is
/// between them, and what passes nests no deeper than it may wherever one looks.
pub fn rego(_: &Yard, bytes: &[u8]) {
    let Some(policy) = utf8(bytes) else { return };
    let (mut end, mut depth, mut deepest) = (0, 0_usize, 0);
    for (at, part) in parts(policy) {
        let between = &policy[end..at];
        let idle = |line: &str| line.split('#').next().unwrap_or_default().trim().is_empty();
        assert!(between.split('\n').all(idle), "left out: {between:?}");
        let length = match part {
            Part::Name(text) | Part::Text(text) | Part::Number(text) => text.len(),
            Part::Sign(sign) => sign.len_utf8(),
        };
        assert!(length > 0 && policy.is_char_boundary(at + length));
        end = at + length;
        match part {
            Part::Sign('[' | '{' | '(') => depth += 1,
            Part::Sign(']' | '}' | ')') => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    match check(policy) {
        Ok(()) => assert!(deepest <= NESTING && policy.len() <= TEXT_BYTES),
        Err(fault) => {
            let (line, column) = fault.at.unwrap_or((1, 1));
            let there = policy.split('\n').nth(line - 1).expect("a line of the text");
            assert!(column <= there.chars().count() + 1, "{fault}");
        }
    }
}

/// A code reads to one way of writing it, which reads to itself; a made code reads back.
pub fn codes(_: &Yard, bytes: &[u8]) {
    if let Some(code) = utf8(bytes).and_then(read_code) {
        assert_eq!(read_code(&code).as_ref(), Some(&code));
        assert_eq!(read_code(&code.to_ascii_lowercase()).as_ref(), Some(&code));
        assert!(code.is_ascii() && (11..=18).contains(&code.len()), "{code}");
    }
    if let Some((number, key)) = bytes.split_at_checked(8) {
        let mut long = [7; 32];
        long[..key.len().min(32)].copy_from_slice(&key[..key.len().min(32)]);
        let number = i64::from_le_bytes(number.try_into().unwrap_or_default());
        let made = Codes::new(&long).expect("a key of 32 bytes").code("T", number);
        let fits = (0..1 << 40).contains(&number);
        assert_eq!(made.is_ok(), fits, "{number}");
        if let Ok(code) = made {
            assert_eq!(read_code(&code), Some(code));
        }
    }
}

/// Nobody makes a cursor but us, and it is good for one caller and one query, to the last bit.
pub fn cursors(yard: &Yard, bytes: &[u8]) {
    let Some(given) = utf8(bytes) else { return };
    let dir = yard.directory();
    let [lin, bo] =
        ["@lin", "@bo"].map(|name| Caller::user(&dir.world, dir.user_ref(name).expect("known")).expect("enabled"));
    let read = |caller: &Caller, query: &str, cursor: &str| access::read_cursor(&dir, caller, query, cursor);
    assert!(matches!(read(&lin, "tasks", given), Err(Error::Invalid(_))), "forged: {given}");
    // Where the first space stands, the key ends and the id begins.
    let (key, id) = given.split_once(' ').unwrap_or((given, ""));
    let cursor = access::cursor(&dir, &lin, "tasks", key, id).expect("a cursor");
    if cursor.len() <= 2_048 {
        assert_eq!(theirs(read(&lin, "tasks", &cursor)), Some((key.to_owned(), id.to_owned())));
    }
    assert!(read(&bo, "tasks", &cursor).is_err(), "of somebody else");
    assert!(read(&lin, "notes", &cursor).is_err(), "of another list");
    assert!(read(&lin, given, &cursor).is_err() || given == "tasks", "of another list: {given}");
    let at = bytes.iter().map(|byte| usize::from(*byte)).sum::<usize>() % cursor.len();
    assert!(read(&lin, "tasks", &cursor[..at]).is_err(), "cut off at {at}");
    let mut changed = cursor.clone().into_bytes();
    changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
    let changed = String::from_utf8(changed).expect("ASCII");
    assert!(read(&lin, "tasks", &changed).is_err(), "changed at {at}");
}

/// A tag that is read names a version, and the tag of that version reads the same.
pub fn etags(_: &Yard, bytes: &[u8]) {
    let Ok(value) = HeaderValue::from_bytes(bytes) else { return };
    let with = |value: HeaderValue| HeaderMap::from_iter([(header::IF_MATCH, value)]);
    if let Some(Some(version)) = theirs(if_match(&with(value.clone()))) {
        let tag = format!("\"{version}\"");
        let written = value.to_str().expect("a tag that is read is text").trim();
        assert_eq!(written.strip_prefix("W/").unwrap_or(written), tag, "only the tag itself is read");
        assert_eq!(theirs(if_match(&with(tag.parse().expect("a header")))), Some(Some(version)));
    }
}

/// A file is read whole or refused with what is wrong, each at a line of it; what was read once reads the same again.
pub fn imports(_: &Yard, bytes: &[u8]) {
    let lines = bytes.split(|byte| *byte == b'\n').count();
    match File::read(bytes) {
        Ok(file) => {
            assert!(Drafts::count(&file) <= lines);
            let mut last = 0;
            for at in 0..Drafts::count(&file) {
                let line = Drafts::line(&file, at);
                assert!(line > last && line <= lines, "{line} after {last} of {lines}");
                last = line;
                let draft = theirs(Drafts::read(&file, at)).expect("it was read before");
                assert!(draft.new.space.is_none(), "a line says nothing of where it goes");
            }
            assert!(theirs(Drafts::read(&file, 0)).is_some() || Drafts::count(&file) == 0);
        }
        Err(Error::Invalid(wrong)) => {
            assert!(!wrong.is_empty());
            for fault in wrong {
                let line = fault.pointer.strip_prefix("/lines/").and_then(|rest| rest.split('/').next());
                let line: usize =
                    line.and_then(|line| line.parse().ok()).unwrap_or_else(|| panic!("{}", fault.pointer));
                assert!((1..=lines + 1).contains(&line), "{} of {lines}", fault.pointer);
            }
        }
        Err(other) => panic!("not told by lines: {other}"),
    }
    if let Ok(Line::Resource(item)) = read(bytes) {
        let mut written = Vec::new();
        write("resource", &item, &mut written).expect("it is written");
        let Ok(Line::Resource(again)) = read(&written) else { panic!("{}", String::from_utf8_lossy(&written)) };
        assert_eq!(format!("{item:?}"), format!("{again:?}"));
    }
}

/// What is accepted as a name, a handle, an address, labels or a description is within its limits, and is accepted
/// again as it is.
pub fn names(_: &Yard, bytes: &[u8]) {
    let Some(given) = utf8(bytes) else { return };
    let seen = |c: char| !c.is_control() && !matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}');
    for read in [text::name, text::handle, text::email] {
        if let Some(name) = theirs(read("/name", given)) {
            assert!((1..=text::NAME_BYTES).contains(&name.len()) && name.chars().all(seen), "{name:?}");
            assert_eq!(theirs(read("/name", &name)), Some(name));
        }
    }
    if let Some(handle) = theirs(text::handle("/name", given)) {
        assert!(!handle.contains([':', '|', '/', ' ']) && !handle.starts_with('@'), "{handle:?}");
    }
    if let Some(description) = theirs(text::description("/description", given)) {
        assert!(description.len() <= text::DESCRIPTION_BYTES && !description.contains('\0'));
    }
    let labels: Vec<String> = given.split(',').map(str::to_owned).collect();
    if let Some(labels) = theirs(text::labels("/labels", &labels)) {
        assert!(labels.len() <= text::LABELS && labels.is_sorted());
        assert!(
            labels
                .iter()
                .all(|label| (1..=text::LABEL_BYTES).contains(&label.len()) && label.chars().all(|c| !c.is_control()))
        );
        assert_eq!(theirs(text::labels("/labels", &labels)), Some(labels));
    }
    // A step of a pointer holds any text.
    let object = serde_json::json!({ given: { given: 1 } });
    let pointer = text::pointer(&text::pointer("", given), given);
    assert_eq!(object.pointer(&pointer), Some(&serde_json::json!(1)), "{pointer}");
}

/// Whoever is named is written back in one way, which names them again; a permission that is known is a pattern.
pub fn principals(yard: &Yard, bytes: &[u8]) {
    let Some(given) = utf8(bytes) else { return };
    let dir = yard.directory();
    if let Some(principal) = dir.principal(given) {
        let written = dir.principal_text(principal);
        assert_eq!(dir.principal(&written), Some(principal), "{given:?} {written}");
        assert!(dir.world.knows(principal), "{given:?}");
    }
    if let Some(permission) = dir.permission(given) {
        assert_eq!(dir.words().permission(permission), given);
        assert!(dir.permissions().iter().any(|known| known == given), "{given}");
        assert!(theirs(dir.patterns("", &[given.to_owned()])).is_some(), "{given}");
    }
    if let Some(patterns) = theirs(dir.patterns("", &[given.to_owned()])) {
        let [pattern] = patterns[..] else { panic!("one pattern, one text") };
        // It names a permission that there is, or will be with the first kind.
        assert!(given.contains(':') && pattern.covers(&pattern), "{given}");
    }
}

/// A query is read whole or refused; the page is within its bounds.
pub fn queries(_: &Yard, bytes: &[u8]) {
    let Some(given) = utf8(bytes) else { return };
    let Ok(uri) = format!("/x?{given}").parse::<Uri>() else { return };
    let Some(mut query) = theirs(Query::new(&uri)) else { return };
    let archived = query.flag("archived");
    let (parent, labels, page) = (query.one("parent"), query.many("label"), query.page());
    assert!((1..=text::PAGE_MAX).contains(&page.limit));
    if theirs(query.done()).is_some() {
        // Nothing but what was asked for stood there, and none of it holds a NUL.
        let texts = parent.iter().chain(&labels).chain(&page.cursor);
        assert!(texts.clone().all(|text| !text.contains('\0')));
        let stood = given.split('&').filter(|part| !part.is_empty()).count();
        assert!(texts.count() + usize::from(archived) <= stood, "{given}");
    }
}

/// A text is cut into words within their limits; it is found by itself, as a phrase, and by each thing that it asks for.
pub fn searches(_: &Yard, bytes: &[u8]) {
    let Some(given) = utf8(bytes) else { return };
    let words = cut(given);
    for word in &words {
        assert!((1..=WORD_BYTES).contains(&word.len()) && !word.contains(char::is_whitespace), "{word:?}");
        assert!(!word.contains(['%', '_', '|', '"', '*', '\\', '\'']), "{word:?}");
    }
    let lines = Cutter::default().lines(std::iter::once(given));
    assert!(lines.matches('|').count() <= 1);
    if let Some(parts) = theirs(sought(given)) {
        assert!(parts.len() <= PARTS && (!parts.is_empty() || given.trim().is_empty()));
        assert!(parts.iter().all(|part| !part.words.is_empty() && part.stands_in(&lines)), "{given:?} {parts:?}");
    }
    let plain = given.replace(['"', '“', '”', '„'], " ");
    let phrase = format!("\"{plain}\"");
    if let Some(parts) = theirs(sought(&phrase)) {
        let lines = Cutter::default().lines(std::iter::once(plain.as_str()));
        assert!(parts.iter().all(|part| part.stands_in(&lines)), "{phrase:?}");
    }
}

/// A file is read in one way or refused with a sentence that names it.
pub fn scenarios(_: &Yard, bytes: &[u8]) {
    let Some(given) = utf8(bytes) else { return };
    match scenarios::read("some.yaml", given) {
        Ok(scenario) => {
            let again = scenarios::read("some.yaml", given).expect("the same file reads the same");
            let written = format!("{scenario:?}");
            assert_eq!(written, format!("{again:?}"));
            // References make a file larger than it is written, within bounds.
            assert!(written.len() < 64 * 1024 * 1024, "{} bytes make {}", given.len(), written.len());
        }
        Err(error) => assert!(error.to_string().contains("some.yaml"), "{error}"),
    }
}

/// A time reads to a moment that is written in one way, which reads to the same moment.
pub fn times(_: &Yard, bytes: &[u8]) {
    if let Some(moment) = utf8(bytes).and_then(clock::from_text) {
        let written = clock::to_text(moment);
        assert_eq!(clock::from_text(&written), Some(moment), "{written}");
        assert!(written.ends_with('Z'), "{written}");
    }
    if let Some(number) = bytes.first_chunk() {
        let moment = i64::from_le_bytes(*number);
        let written = clock::to_text(moment);
        // RFC 3339 has four digits for the year; nothing that is read lies beyond them.
        let beyond = written.starts_with(['-', '+']);
        assert!(written.is_empty() || beyond || clock::from_text(&written) == Some(moment), "{moment} {written}");
    }
}

/// What is read of a letter is bounded and can be shown, and whom it is from is what a trusted server vouches for.
pub fn letters(_: &Yard, bytes: &[u8]) {
    let Some(letter) = read_letter(bytes, "mx.example") else { return };
    assert!(letter.from.contains('@') && read_letter(bytes, "\0").is_none(), "{letter:?}");
    assert!((1..=255).contains(&letter.subject.len()) && letter.subject.chars().all(text::seen));
    assert!(letter.text.len() <= SAID_BYTES + 64 && letter.attachments.len() <= ATTACHMENTS);
    let mut kept = 0;
    for attachment in &letter.attachments {
        assert!((1..=255).contains(&attachment.name.len()) && !attachment.name.contains(['/', '\\', '\0']));
        assert!(attachment.content.as_ref().is_none_or(|content| content.len() == attachment.size_bytes));
        kept += attachment.content.as_ref().map_or(0, Vec::len);
    }
    assert!(kept <= CONTENT_BYTES);
    let body = letter.body(&serde_json::json!({}), "2031-05-04T08:00:00Z");
    assert_eq!(body["from"], letter.from.as_str());
}

/// Lines and letters end where they end however the bytes arrive, and nothing gets lost between them.
pub fn smtp(_: &Yard, bytes: &[u8]) {
    let end = |bytes: &[u8]| {
        if bytes.starts_with(b".\r\n") {
            return Some(3);
        }
        bytes.windows(5).position(|five| five == b"\r\n.\r\n").map(|at| at + 5)
    };
    for chunk in [1, 2, 7, bytes.len().max(1)] {
        let (mut letter, mut taken, mut found) = (Arriving::new(LETTER_BYTES), 0, None);
        for part in bytes.chunks(chunk) {
            if let Some(at) = letter.take(part) {
                found = Some(taken + at);
                break;
            }
            taken += part.len();
        }
        assert_eq!(found, end(bytes), "by {chunk}");
    }
    let mut rest = bytes.to_vec();
    while let Some(line) = smtp_line(&mut rest) {
        match line {
            SmtpLine::Good(line) => {
                assert!(line.len() + 2 <= LINE_BYTES && !line.iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0)));
            }
            SmtpLine::Odd => {}
            SmtpLine::Long => break,
        }
    }
}
