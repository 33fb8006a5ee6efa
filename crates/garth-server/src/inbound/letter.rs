//! A letter as it was written, and the body of a resource that is made of it. Pure.

use super::authentic;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use mail_parser::{Address, Encoding, Header, HeaderName, Message, MessageParser, MessagePart, MimeHeaders, PartType};
use serde_json::{Map, Value, json};
use std::borrow::Cow;

/// Longest text of a letter that is kept, in bytes.
pub const TEXT_BYTES: usize = 64 * 1024;
/// Most attachments of one letter.
pub const ATTACHMENTS: usize = 50;
/// Contents of all attachments of one letter that are kept, in bytes; of the others name, type and size.
pub const CONTENT_BYTES: usize = 96 * 1024;
/// Most lines of a letter: any of them may be a header or begin a part, of which more is held than what it is written in.
const LINES: usize = 200_000;
/// Most headers that say what a part is (its type, its disposition), or words that look like one: for each boundary that
/// is named there the rest of the letter is searched.
const TYPES: usize = 4 * ATTACHMENTS;
/// Longest of them.
const TYPE_BYTES: usize = 16 * 1024;
/// Types by which a parser finds letters within a letter.
const WITHIN: [&str; 3] = ["rfc822", "global", "digest"];
/// Longest name of a resource, and of an attachment.
const NAME_BYTES: usize = 255;
/// What a letter without a subject is called.
const NAMELESS: &str = "Letter without a subject";

/// A letter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    /// The one address that it is from, for whose domain DMARC passed.
    pub from: String,
    /// What it is about: 1 to 255 bytes, on one line.
    pub subject: String,
    /// What it says, in plain words.
    pub text: String,
    /// What came along.
    pub attachments: Vec<Attachment>,
}

/// Something that came along.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attachment {
    /// Its name: no path, no control characters.
    pub name: String,
    /// Its media type, as `text/plain`.
    pub media_type: String,
    /// How large it is.
    pub size_bytes: usize,
    /// Its bytes, as long as there was room.
    pub content: Option<Vec<u8>>,
}

/// Reads a letter; `None` for what is none, is not plainly from one address, or from one of a domain that the server of
/// that name did not find to be the true one.
pub fn read(bytes: &[u8], authserv: &str) -> Option<Letter> {
    let mut tame = bytes.to_vec();
    if !tamed(&mut tame) {
        return None;
    }
    let message = MessageParser::default().parse(&tame)?;
    let from = from(&message)?;
    let results = results(&message, bytes);
    let domain = authentic::passed(results.iter().map(|result| &**result), authserv)?;
    let (_, of) = from.rsplit_once('@')?;
    if !of.eq_ignore_ascii_case(&domain) || message.attachment_count() > ATTACHMENTS {
        return None;
    }
    Some(Letter {
        subject: one_line(message.subject().unwrap_or_default(), NAMELESS),
        text: text(&message),
        attachments: attachments(&message, bytes),
        from,
    })
}

/// Takes out of the bytes of a letter what would be costly to read; `false` for what is not to be read at all.
///
/// The parser reads a letter within a letter as one more letter, to any depth: enough of them take more room to be let
/// go of than a thread has, and each that is encoded is held as a whole once more. So their types are made unknown, and
/// a letter that came along is an attachment like any other.
fn tamed(bytes: &mut [u8]) -> bool {
    if bytes.iter().filter(|byte| **byte == b'\n').count() > LINES {
        return false;
    }
    let (mut at, mut types) = (0, 0);
    // The search goes on right behind a name, not behind its header: one header may look like a part of another.
    while let Some(end) = type_from(bytes, at) {
        (at, types) = (end, types + 1);
        let Some(length) = bytes.get(end..).and_then(folded) else { return false };
        if types > TYPES {
            return false;
        }
        let header = bytes.get_mut(end..end + length).unwrap_or_default();
        // Names and boundaries stand behind a semicolon, and stay as they are. In a comment it would be none.
        let mark = header.iter().position(|byte| matches!(byte, b';' | b'('));
        let whole = header.len();
        let said = mark.filter(|mark| header.get(*mark) == Some(&b';')).unwrap_or(whole);
        unname(header.get_mut(..said).unwrap_or_default());
    }
    true
}

/// Where the next name of a header ends that says what a part is. A parser passes over spaces in a name: so does this.
fn type_from(bytes: &[u8], from: usize) -> Option<usize> {
    const NAMES: [&str; 2] = ["content-type", "content-disposition"];
    let mut known = [0_usize; 2];
    for (at, byte) in bytes.iter().enumerate().skip(from) {
        if byte.is_ascii_whitespace() && *byte != b'\n' {
            continue;
        }
        for (name, known) in NAMES.iter().zip(&mut known) {
            let fits = |place: usize| name.as_bytes().get(place).is_some_and(|next| byte.eq_ignore_ascii_case(next));
            // Their first letter is nowhere else in them: what does not go on begins anew, or not.
            *known = if fits(*known) { *known + 1 } else { usize::from(fits(0)) };
            if *known == name.len() {
                return Some(at + 1);
            }
        }
    }
    None
}

/// How long a header is: up to a line that does not begin with a space; `None` when it is too long.
fn folded(rest: &[u8]) -> Option<usize> {
    let ends = |at: &usize| match rest.get(*at) {
        Some(b'\n') => !matches!(rest.get(*at + 1), Some(b' ' | b'\t')),
        Some(_) => false,
        None => true,
    };
    (0..=TYPE_BYTES).find(ends)
}

/// Makes types of letters within a letter unknown.
fn unname(header: &mut [u8]) {
    for word in WITHIN {
        let is = |part: &[u8]| part.eq_ignore_ascii_case(word.as_bytes());
        let mut at = 0;
        while let Some(further) = header.get(at..).and_then(|rest| rest.windows(word.len()).position(is)) {
            at += further;
            if let Some(first) = header.get_mut(at) {
                *first = b'x';
            }
        }
    }
}

/// The values of all `Authentication-Results` at the head of a letter, the topmost first, whatever bytes they are of.
fn results<'a>(message: &Message<'_>, bytes: &'a [u8]) -> Vec<Cow<'a, str>> {
    let one = |header: &Header<'_>| {
        let [field, start, end] = [header.offset_field, header.offset_start, header.offset_end].map(|at| at as usize);
        // With spaces in it, which the parser passes over, it is no name that a mail server takes away.
        let named = bytes.get(field..start)?.eq_ignore_ascii_case(b"Authentication-Results:");
        named.then_some(String::from_utf8_lossy(bytes.get(start..end)?))
    };
    message.parts.first().into_iter().flat_map(|part| &part.headers).filter_map(one).collect()
}

/// The one address behind the one `From`.
fn from(message: &Message<'_>) -> Option<String> {
    let mut headers = message.header_values(HeaderName::From);
    let (first, second) = (headers.next()?, headers.next());
    let Address::List(addresses) = first.as_address()? else { return None };
    let [only] = addresses.as_slice() else { return None };
    let address = only.address()?.trim();
    let plain = second.is_none() && address.len() <= NAME_BYTES && !address.contains(char::is_whitespace);
    (plain && crate::base::mail::deliverable(address)).then(|| address.to_owned())
}

fn text(message: &Message<'_>) -> String {
    let bodies = (0..message.text_body_count()).filter_map(|at| message.body_text(at));
    let whole = bodies.map(|body| body.trim().to_owned()).filter(|body| !body.is_empty()).collect::<Vec<_>>();
    let kept = |c: &char| !c.is_control() || matches!(c, '\n' | '\t');
    let whole: String = whole.join("\n\n").replace("\r\n", "\n").chars().filter(kept).collect();
    let head = cut(&whole, TEXT_BYTES);
    match whole.len() - head.len() {
        0 => whole,
        left => format!("{head}\n\n[{left} more bytes were left out.]"),
    }
}

/// The first so many bytes, or a few less where a character would be cut.
fn cut(text: &str, most: usize) -> &str {
    let end = (0..=most.min(text.len())).rev().find(|at| text.is_char_boundary(*at));
    text.get(..end.unwrap_or_default()).unwrap_or_default()
}

/// A text on one line of at most 255 bytes, without what is not seen.
fn one_line(text: &str, else_called: &str) -> String {
    let plain: String = text.chars().map(|c| if c.is_whitespace() { ' ' } else { c }).collect();
    let seen: String = plain.chars().filter(|c| *c == ' ' || crate::base::text::seen(*c)).collect();
    let words = seen.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    match cut(&words, NAME_BYTES).trim() {
        "" => else_called.to_owned(),
        line => line.to_owned(),
    }
}

fn attachments(message: &Message<'_>, written: &[u8]) -> Vec<Attachment> {
    let mut room = CONTENT_BYTES;
    let one = |part: &MessagePart<'_>| {
        let bytes = contents(part, written);
        let kept = bytes.len() <= room;
        room -= if kept { bytes.len() } else { 0 };
        Attachment {
            name: file_name(part.attachment_name().unwrap_or_default()),
            media_type: media_type(part),
            size_bytes: bytes.len(),
            content: kept.then(|| bytes.to_vec()),
        }
    };
    message.attachments().map(one).collect()
}

/// What came along: as it was written where it is not encoded, for a letter that came along was tamed like the rest.
fn contents<'a>(part: &'a MessagePart<'_>, written: &'a [u8]) -> &'a [u8] {
    let read = part.contents();
    let bytes = matches!(part.body, PartType::Binary(_) | PartType::InlineBinary(_));
    let plain = bytes && part.encoding == Encoding::None;
    let there = written.get(part.offset_body as usize..part.offset_end as usize);
    there.filter(|there| plain && there.len() == read.len()).unwrap_or(read)
}

/// A name without folders: whoever saves it puts it where they are.
fn file_name(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let name = one_line(last, "attachment");
    if name.chars().all(|c| c == '.') { "attachment".to_owned() } else { name }
}

fn media_type(part: &MessagePart<'_>) -> String {
    const UNKNOWN: &str = "application/octet-stream";
    let Some(known) = part.content_type() else { return UNKNOWN.to_owned() };
    let tame = format!("{}/{}", known.ctype(), known.subtype().unwrap_or_default()).to_ascii_lowercase();
    let named = |tame: String, word: &&str| tame.replace(&format!("x{}", word.get(1..).unwrap_or_default()), word);
    let written = WITHIN.iter().fold(tame, named);
    let token = |text: &str| {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&byte);
        (1..=63).contains(&text.len()) && text.bytes().all(plain)
    };
    let sound = written.split_once('/').is_some_and(|(one, two)| token(one) && token(two));
    if sound { written } else { UNKNOWN.to_owned() }
}

impl Letter {
    /// A letter as they come: by it is seen whether letters fit a kind.
    pub fn sample() -> Self {
        let attachment = |content| Attachment {
            name: "plan.pdf".to_owned(),
            media_type: "application/pdf".to_owned(),
            size_bytes: 3,
            content,
        };
        Self {
            from: "lin@example.org".to_owned(),
            subject: "The lift is stuck".to_owned(),
            text: "Since this morning.".to_owned(),
            attachments: vec![attachment(Some(b"pdf".to_vec())), attachment(None)],
        }
    }

    /// The body of a resource of a kind of that schema: `text`, `from`, `received_at` and `attachments`, each where the
    /// schema knows it or takes what it does not know.
    pub fn body(&self, schema: &Value, received_at: &str) -> Value {
        let mut body = Map::new();
        let mut put = |field: &str, value: Value| drop(body.insert(field.to_owned(), value));
        if takes(schema, "text") {
            put("text", json!(self.text));
        } else if takes(schema, "description") {
            put("description", json!(self.text));
        }
        if takes(schema, "from") {
            put("from", json!(self.from));
        }
        if takes(schema, "received_at") {
            put("received_at", json!(received_at));
        }
        if takes(schema, "attachments") && !self.attachments.is_empty() {
            let each = &schema["properties"]["attachments"]["items"];
            let listed: Vec<Value> = self.attachments.iter().map(|attachment| attachment.field(each)).collect();
            put("attachments", json!(listed));
        }
        Value::Object(body)
    }
}

impl Attachment {
    fn field(&self, schema: &Value) -> Value {
        let mut field = Map::new();
        let mut put = |name: &str, value: Value| {
            if takes(schema, name) {
                field.insert(name.to_owned(), value);
            }
        };
        put("name", json!(self.name));
        put("media_type", json!(self.media_type));
        put("size_bytes", json!(self.size_bytes));
        if let Some(content) = &self.content {
            put("content_base64", json!(STANDARD.encode(content)));
        }
        Value::Object(field)
    }
}

/// Does that schema know a field, or take fields that it does not know?
fn takes(schema: &Value, field: &str) -> bool {
    let shut = ["additionalProperties", "unevaluatedProperties"].iter().any(|word| schema[word] == false);
    !shut || !schema["properties"][field].is_null()
}

#[cfg(test)]
mod tests {
    use super::*;

    const RESULTS: &str = "Authentication-Results: mx.example; dmarc=pass header.from=corp.example\r\n";

    fn letter(head: &str, body: &str) -> Option<Letter> {
        read(format!("{RESULTS}{head}\r\n{body}").as_bytes(), "mx.example")
    }

    #[test]
    fn a_letter_is_read() {
        let head = "From: Lin <lin@corp.example>\r\nSubject: =?utf-8?q?Der_Aufzug_h=C3=A4ngt?=\r\n";
        let read = letter(head, "Seit heute.\r\n").expect("a letter");
        assert_eq!(read.from, "lin@corp.example");
        assert_eq!(read.subject, "Der Aufzug hängt");
        assert_eq!(read.text, "Seit heute.");
        assert_eq!(read.attachments, []);
    }

    #[test]
    fn whom_it_is_from_must_be_plain_and_true() {
        for head in [
            "",
            "From:\r\n",
            "From: lin\r\n",
            "From: lin@other.example\r\n",
            "From: lin@sub.corp.example\r\n",
            "From: lin@corp.example, bo@corp.example\r\n",
            "From: Team: lin@corp.example;\r\n",
            "From: lin@corp.example\r\nFrom: bo@corp.example\r\n",
            "From: lin@[127.0.0.1]\r\n",
            "From: \"lin@corp.example\" <eve@evil.example>\r\n",
        ] {
            assert_eq!(letter(&format!("{head}Subject: Hi\r\n"), "Hi\r\n"), None, "{head}");
        }
        let unsigned = b"From: lin@corp.example\r\n\r\nHi\r\n";
        assert_eq!(read(unsigned, "mx.example"), None);
    }

    #[test]
    fn what_comes_along_is_bounded_and_named_safely() {
        let head = "From: lin@corp.example\r\nSubject: a\u{202e}b\tc\r\nMIME-Version: 1.0\r\n\
                    Content-Type: multipart/mixed; boundary=b\r\n";
        let big = "A".repeat(CONTENT_BYTES + 4);
        let body = format!(
            "--b\r\nContent-Type: text/plain\r\n\r\nHello\r\n\
             --b\r\nContent-Type: application/pdf\r\nContent-Disposition: attachment; filename=\"../../etc/plan.pdf\"\r\n\
             Content-Transfer-Encoding: base64\r\n\r\ncGRm\r\n\
             --b\r\nContent-Type: x<y/z\r\nContent-Disposition: attachment; filename=\"..\"\r\n\r\n{big}\r\n--b--\r\n"
        );
        let read = letter(head, &body).expect("a letter");
        assert_eq!((read.subject.as_str(), read.text.as_str()), ("ab c", "Hello"));
        let [plan, large] = read.attachments.as_slice() else { panic!("two: {read:?}") };
        assert_eq!((plan.name.as_str(), plan.media_type.as_str()), ("plan.pdf", "application/pdf"));
        assert_eq!(plan.content.as_deref(), Some(&b"pdf"[..]));
        assert_eq!((large.name.as_str(), large.media_type.as_str()), ("attachment", "application/octet-stream"));
        assert!(large.content.is_none() && large.size_bytes > CONTENT_BYTES);
    }

    #[test]
    fn a_letter_that_came_along_is_one_attachment() {
        let head = "From: lin@corp.example\r\nContent-Type: multipart/mixed; boundary=\"=_global_digest\"\r\n";
        let inner = "From: bo@corp.example\r\nContent-Type: message/rfc822\r\n\r\nSubject: Within\r\n\r\nHi";
        let body = format!(
            "--=_global_digest\r\n\r\nAs attached.\r\n--=_global_digest\r\n\
             Content-Type: message/rfc822; name=\"global.eml\"\r\n\r\n{inner}\r\n--=_global_digest--\r\n"
        );
        let read = letter(head, &body).expect("a letter");
        assert_eq!(read.text, "As attached.");
        let [one] = read.attachments.as_slice() else { panic!("one: {read:?}") };
        assert_eq!((one.name.as_str(), one.media_type.as_str()), ("global.eml", "message/rfc822"));
        assert_eq!(one.content.as_deref(), Some(inner.as_bytes()));
    }

    #[test]
    fn letters_within_letters_are_not_gone_into() {
        let head = "From: lin@corp.example\r\nContent-Type: message/rfc822\r\n";
        let level = "Content-Type: message/rfc822\r\n\r\n";
        assert_eq!(letter(head, &level.repeat(300_000)), None);
        let few = letter(head, &level.repeat(TYPES - 1)).expect("a letter");
        assert_eq!((few.text.as_str(), few.attachments.len()), ("", 1));
        // Nor into those that are encoded.
        let mut inner = "Subject: Within\r\n\r\nHi\r\n".to_owned();
        for _ in 0..4 {
            let encoded = STANDARD.encode(&inner);
            inner = format!("Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\n{encoded}\r\n");
        }
        let read = letter(&format!("{head}Content-Transfer-Encoding: base64\r\n"), &STANDARD.encode(&inner));
        let read = read.expect("a letter");
        let [one] = read.attachments.as_slice() else { panic!("one: {read:?}") };
        assert_eq!((one.media_type.as_str(), one.size_bytes), ("message/rfc822", inner.len()));
        assert_eq!(one.content.as_deref(), Some(inner.as_bytes()));
    }

    #[test]
    fn however_it_is_written_no_letter_is_found_within() {
        let within = |bytes: &[u8]| {
            let message = MessageParser::default().parse(bytes).expect("a letter");
            message.parts.iter().any(|part| matches!(part.body, PartType::Message(_)))
        };
        let inner = "Subject: Within\r\n\r\nHi\r\n";
        let mixed = "Content-Type: multipart/mixed; boundary=b\r\n\r\n";
        for head in [
            "Content-Type: message/rfc822\r\n\r\n",
            "content-TYPE: Message/RFC822; name=a\r\n\r\n",
            "Con tent-Type\t: message/global\r\n\r\n",
            "Content-Type: message/\"rfc822\"\r\n\r\n",
            "Content-Type: message/(;)rfc822\r\n\r\n",
            "Content-Type:\r\n message/ rfc822\r\n\r\n",
            "Content-Type: multipart/digest; boundary=b\r\n\r\n--b\r\n\r\n",
            &format!("{mixed}--bContent-Type: message/rfc822\r\n\r\n"),
            &format!("{mixed}content-type; --bContent-Type: message/rfc822\r\n\r\n"),
        ] {
            let mut bytes = format!("{head}{inner}--b--\r\n").into_bytes();
            assert!(within(&bytes), "{head}");
            assert!(tamed(&mut bytes) && !within(&bytes), "{head}");
        }
    }

    #[test]
    fn a_letter_that_is_costly_to_read_is_none() {
        let head = "From: lin@corp.example\r\n";
        let fits = |head: &str, body: &str| letter(head, body).is_some();
        // The head of a letter has three lines of its own here.
        assert!(fits(head, &"\n".repeat(LINES - 3)));
        assert!(!fits(head, &"\n".repeat(LINES - 2)));
        let part = "--b\r\nContent-Type: multipart/mixed; boundary=z\r\n\r\n";
        let mixed = format!("{head}Content-Type: multipart/mixed; boundary=b\r\n");
        assert!(!fits(&mixed, &part.repeat(TYPES)));
        assert!(!fits(&mixed, &part.replace("Content-", "con Tent-").repeat(TYPES)));
        assert!(fits(head, &"content-type\n".repeat(TYPES)));
        assert!(!fits(head, &"Content-Disposition\n".repeat(TYPES + 1)));
        let long = |bytes: usize| format!("{head}Content-Type:{}\n x\n", "x".repeat(bytes - 4));
        assert!(fits(&long(TYPE_BYTES), "Hi\r\n"));
        assert!(!fits(&long(TYPE_BYTES + 1), "Hi\r\n"));
    }

    #[test]
    fn what_is_no_text_on_top_is_not_passed_over() {
        let rest = format!("{RESULTS}From: lin@corp.example\r\n\r\nHi\r\n");
        assert!(read(rest.as_bytes(), "mx.example").is_some());
        for top in [
            &b"Authentication-Results: mx.example; dmarc=fail (\xff) header.from=evil.example\r\n"[..],
            b"Authentication-Results: mx.example; dmarc=fail (\r\n",
        ] {
            assert_eq!(read(&[top, rest.as_bytes()].concat(), "mx.example"), None);
        }
        // What no mail server takes away is no word of one.
        let spaced = rest.replace("Authentication-", "Authentication -");
        assert_eq!(read(spaced.as_bytes(), "mx.example"), None);
    }

    #[test]
    fn a_long_text_says_that_it_was_longer() {
        let body = "é".repeat(TEXT_BYTES);
        let head = "From: lin@corp.example\r\nContent-Type: text/plain; charset=utf-8\r\n";
        let read = letter(head, &body).expect("a letter");
        assert!(read.text.len() < TEXT_BYTES + 100 && read.text.ends_with("left out.]"), "{}", read.text.len());
    }

    #[test]
    fn a_body_holds_what_the_schema_knows() {
        let sample = Letter::sample();
        let open = sample.body(&json!({"type": "object"}), "2031-05-04T08:00:00Z");
        assert_eq!(open["text"], "Since this morning.");
        assert_eq!(open["attachments"][0]["content_base64"], "cGRm");
        assert!(open["attachments"][1].get("content_base64").is_none());
        let shut = json!({"type": "object", "additionalProperties": false, "properties": {
            "description": {"type": "string"},
            "attachments": {"items": {"additionalProperties": false, "properties": {"name": {"type": "string"}}}},
        }});
        let body = sample.body(&shut, "2031-05-04T08:00:00Z");
        let listed = json!([{"name": "plan.pdf"}, {"name": "plan.pdf"}]);
        assert_eq!(body, json!({"description": "Since this morning.", "attachments": listed}));
    }
}
