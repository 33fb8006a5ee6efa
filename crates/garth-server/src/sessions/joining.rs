//! Joining by an invitation as somebody new: the account, its place in the space and the first session, all or nothing.

use super::{SignedIn, admission, begin, recovery, store};
use crate::access::{Ctx, Who, Write, write};
use crate::base::error::{Error, Result};
use crate::base::{ids, text};
use crate::directory::Change;
use crate::invitations::{self, Expected};
use crate::users::{self, NewUser};
use garth_core::UserIx;

/// Random characters behind a username that nobody has verified.
const TAIL_CHARACTERS: usize = 6;

/// Makes an account of somebody who brings the token of an invitation by e-mail, lets it into the space, which becomes its
/// default, and begins a session.
///
/// Who got the link by mail has the address as username. A link that was shown proves nothing of the address: the username
/// then is what stands before the `@` with a tail that chance gives, so that nobody passes for somebody else by it, and that
/// nobody learns by trying whether there is an account of that address.
///
/// # Errors
/// 404 for a token that is unknown, used, over or revoked, or whose inviter could not give the role any more; 409
/// `conflict` when the address that was verified has an account, `archived`; 422 for a password that will not do; 403
/// `login_refused`, which leaves the invitation as it is; 429 after too many tokens that were none.
pub(super) async fn join(ctx: &Ctx, token: String, password: String, name: Option<String>) -> Result<SignedIn> {
    let _turn = ctx.hashing()?;
    let guess = ctx.guess(None)?;
    // Looked at first, so that only those who hold a token can make the server hash a password.
    let (guess, expected) = guess.verified(invitations::expected(ctx, &token).await)?;
    let expected = expected.ok_or(Error::NotFound)?;
    guess.right();
    let name = name.map(|name| text::name("/name", &name)).transpose()?;
    let new = account(ctx, &expected, name)?;
    let hints = [Some(expected.address.as_str()), new.name.as_deref()];
    let hints: Vec<&str> = hints.into_iter().flatten().collect();
    ctx.app.passwords.require_strong("/password", &password, &hints).await?;
    let id = ids::new_id(ctx.now());
    let admission = admission::admit_new(ctx, id, &new).await?;
    let hash = ctx.app.passwords.hash(password).await?;
    let anonymous = ctx.with_credential(Who::Anonymous);
    write(&anonymous, "signup", async move |w: &mut Write<'_>| {
        let permit = w.by_secret();
        // Somebody else may have been faster: then it is used, whatever else speaks against it.
        invitations::require_open(w, &token).await?;
        users::make_as(w, &permit, id, &new, false).await?;
        store::set_password(w.tx(), &permit, id, &hash).await?;
        let joined = invitations::welcome(w, &permit, &token, id).await?;
        let ix = w.dir().users.by_id::<UserIx>(&id).ok_or(Error::NotFound)?;
        let name = w.dir().users.info(ix).map(|info| info.name.clone()).unwrap_or_default();
        store::update_me(w.tx(), &permit, id, &name, Some(joined.space)).await?;
        w.changed(Change::User(id)).await?;
        let recovery_codes = recovery::make_codes(w, &permit, id).await?;
        let signed_in = begin(w, &permit, &admission, "signup", Error::NotFound).await?;
        Ok(SignedIn { recovery_codes, ..signed_in })
    })
    .await
}

/// What the account is to be.
fn account(ctx: &Ctx, expected: &Expected, name: Option<String>) -> Result<NewUser> {
    let (local, _) = expected.address.rsplit_once('@').ok_or(Error::NotFound)?;
    if !expected.verified {
        let tail: String = ids::new_token("").chars().take(TAIL_CHARACTERS).collect();
        return Ok(NewUser { username: format!("{local}-{tail}"), name: name.or(Some(local.to_owned())), email: None });
    }
    if ctx.directory().users.by_name::<UserIx>(&text::folded(&expected.address)).is_some() {
        // Whoever reads the address may know that it has an account.
        let detail = "there is an account of this address already: sign in, and accept the invitation";
        return Err(Error::conflict("conflict", detail));
    }
    let address = expected.address.clone();
    Ok(NewUser { username: address.clone(), name, email: Some(address) })
}
