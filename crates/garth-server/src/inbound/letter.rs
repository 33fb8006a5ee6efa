//! A letter as it was written, and the body of a resource that is made of it. Pure.

use super::authentic;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use mail_parser::{Address, HeaderName, Message, MessageParser, MessagePart, MimeHeaders};
use serde_json::{Map, Value, json};

/// Longest text of a letter that is kept, in bytes.
pub const TEXT_BYTES: usize = 64 * 1024;
/// Most attachments of one letter.
pub const ATTACHMENTS: usize = 50;
/// Contents of all attachments of one letter that are kept, in bytes; of the others name, type and size.
pub const CONTENT_BYTES: usize = 96 * 1024;
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
    let message = MessageParser::default().parse(bytes)?;
    let from = from(&message)?;
    let results = message.headers_raw().filter(|(name, _)| name.eq_ignore_ascii_case("Authentication-Results"));
    let domain = authentic::passed(results.map(|(_, value)| value), authserv)?;
    let (_, of) = from.rsplit_once('@')?;
    if !of.eq_ignore_ascii_case(&domain) || message.attachment_count() > ATTACHMENTS {
        return None;
    }
    Some(Letter {
        subject: one_line(message.subject().unwrap_or_default(), NAMELESS),
        text: text(&message),
        attachments: attachments(&message),
        from,
    })
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

fn attachments(message: &Message<'_>) -> Vec<Attachment> {
    let mut room = CONTENT_BYTES;
    let one = |part: &MessagePart<'_>| {
        let bytes = part.contents();
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

/// A name without folders: whoever saves it puts it where they are.
fn file_name(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let name = one_line(last, "attachment");
    if name.chars().all(|c| c == '.') { "attachment".to_owned() } else { name }
}

fn media_type(part: &MessagePart<'_>) -> String {
    const UNKNOWN: &str = "application/octet-stream";
    let Some(known) = part.content_type() else { return UNKNOWN.to_owned() };
    let written = format!("{}/{}", known.ctype(), known.subtype().unwrap_or_default()).to_ascii_lowercase();
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
