//! The way back in without the password: recovery codes.

use super::device::device_name;
use super::{Kept, SignedIn, begin, end_sessions, store};
use crate::access::{Ctx, Permit, Record, Who, Write, write};
use crate::base::error::{Error, Result};
use crate::base::passwords::Passwords;
use crate::base::{ids, text};
use serde_json::{Value, json};
use uuid::Uuid;

/// Recovery codes that a person gets.
pub const RECOVERY_CODES: usize = 5;
/// Letters and digits of a code: 100 random bits.
const CODE_LENGTH: usize = 20;
/// Of which so many stand together.
const CODE_GROUP: usize = 5;

const WRONG: Error = Error::WrongCredentials("username or recovery code");

/// Sets a new password with a recovery code, which is used up by it, ends every session and begins a new one.
///
/// An unknown name, a wrong or used code and a disabled account answer alike and cost alike: one look into the
/// store and one hash, which is thrown away.
///
/// # Errors
/// 401 `wrong_credentials`; 422 for a password that will not do and 403 `login_refused`, which leave the code as it
/// is; 429.
pub async fn recover(ctx: &Ctx, username: &str, code: &str, new_password: String, device: &str) -> Result<SignedIn> {
    super::in_earnest(ctx)?;
    Passwords::check("/new_password", &new_password)?;
    let _turn = ctx.hashing()?;
    let handle = text::folded(username.trim());
    let code = code_hash(code);
    let guess = ctx.guess(Some(&handle))?;
    let (guess, user) = guess.verified(store::recovery(&ctx.app.db, &handle, &code).await.map_err(Error::from))?;
    let mut guess = guess;
    if let Some(user) = user {
        // Only for whoever holds the code: how strong a password is depends on the person's name and address.
        let strong = super::require_strong(ctx, user, "/new_password", &new_password, None).await;
        (guess, ()) = guess.verified(strong)?;
    }
    let (guess, hash) = guess.verified(ctx.app.passwords.hash(new_password).await)?;
    let user = user.ok_or(WRONG)?;
    // The code was right, whatever the login policies say of its owner: that is no wrong guess.
    let (guess, admission) = match super::admit(ctx, user, super::Teams::Unasked).await {
        Ok(admission) => (guess, admission),
        Err(error) => {
            guess.right();
            return Err(error);
        }
    };
    let anonymous = ctx.with_credential(Who::Anonymous);
    let device = device_name(device);
    let signed_in = write(&anonymous, "recover", async move |w: &mut Write<'_>| {
        let permit = w.by_secret();
        let left = store::take_recovery_code(w.tx(), &permit, user, &code).await?.ok_or(WRONG)?;
        store::set_password(w.tx(), &permit, user, &hash).await?;
        store::forget_signups(w.tx(), &permit, user).await?;
        let ended = end_sessions(w, &permit, user, None).await?;
        let signed_in = begin(w, &permit, &admission, &device, WRONG).await?;
        let kept = Kept::of(w, user).await?;
        let mut after = json!({ "recovery_codes_left": left, "sessions_ended": ended });
        kept.tell(&mut after);
        let target_id = user.to_string();
        w.record(Record { space: None, target_type: "user", target_id, before: Value::Null, after }).await?;
        Ok(SignedIn { kept, ..signed_in })
    })
    .await;
    guess.judged(signed_in)
}

/// Five new recovery codes of one's own, with the current password; the old ones are worth nothing from now on.
///
/// # Errors
/// 401, 403 when the current password is wrong, 429.
pub async fn renew(ctx: &Ctx, current: String) -> Result<Vec<String>> {
    let _turn = ctx.hashing()?;
    let (guess, user, hash) = super::me::verify_current(ctx, current).await?;
    let codes = write(ctx, "me.recovery_codes", async move |w: &mut Write<'_>| {
        let (permit, _) = w.own()?;
        super::me::still_current(w, user, &hash).await?;
        let codes = make_codes(w, &permit, user).await?;
        let target_id = user.to_string();
        let after = json!({ "recovery_codes_left": RECOVERY_CODES });
        w.record(Record { space: None, target_type: "user", target_id, before: Value::Null, after }).await?;
        Ok(codes)
    })
    .await?;
    guess.right();
    Ok(codes)
}

/// Five new recovery codes; the old ones are worth nothing from now on.
pub(super) async fn make_codes(w: &mut Write<'_>, permit: &Permit, user: Uuid) -> Result<Vec<String>> {
    let codes: Vec<String> = (0..RECOVERY_CODES).map(|_| new_code()).collect();
    let hashes: Vec<String> = codes.iter().map(|code| ids::token_hash(code)).collect();
    store::set_recovery_codes(w.tx(), permit, user, &hashes).await?;
    Ok(codes)
}

/// A code of 100 random bits in groups that people can copy.
fn new_code() -> String {
    let token = ids::new_token("");
    grouped(token.chars().take(CODE_LENGTH))
}

/// What is stored of a code as people type it: in any case, with or without spaces and dashes, and with the
/// letters that look like digits (its alphabet is Crockford's, which has none of them).
fn code_hash(typed: &str) -> String {
    let meant = typed.chars().filter(|c| !c.is_whitespace() && !dash(*c)).take(CODE_LENGTH + 1);
    let meant = meant.map(|c| match c.to_ascii_lowercase() {
        'o' => '0',
        'i' | 'l' => '1',
        c => c,
    });
    ids::token_hash(&grouped(meant))
}

fn dash(c: char) -> bool {
    matches!(c, '-' | '_' | '\u{AD}' | '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{FE58}' | '\u{FE63}' | '\u{FF0D}')
}

fn grouped(digits: impl Iterator<Item = char>) -> String {
    let digits: Vec<char> = digits.collect();
    digits.chunks(CODE_GROUP).map(String::from_iter).collect::<Vec<_>>().join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_taken_as_people_type_it() {
        let code = new_code();
        assert_eq!(code.len(), 23, "{code}");
        let stored = ids::token_hash(&code);
        for typed in [
            code.clone(),
            code.to_uppercase(),
            code.replace('-', ""),
            code.replace('-', " "),
            code.replace('-', " – "),
            format!("  {code}\n"),
            code.replace('0', "O").replace('1', "l"),
            code.replace('0', "o").replace('1', "I"),
        ] {
            assert_eq!(code_hash(&typed), stored, "{typed}");
        }
        for wrong in [&code[1..], &code[..22], &format!("{code}0"), "", "-----", &code.replace(&code[..1], "u")] {
            assert_ne!(code_hash(wrong), stored, "{wrong}");
        }
    }
}
