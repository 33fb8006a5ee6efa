//! The one integration binary: every noun's stories over HTTP, and the rules of the house.
//!
//! A noun's stories lie beside its code, in `src/<noun>/tests.rs`, and are told here through the public door of the
//! server alone, on both engines. `support` holds the personas and builders they are told with.

#[macro_use]
mod support;

mod agreement;
mod ground_rules;
mod hostile;
mod isolation;
mod limits;
mod login_library;
mod logs;
mod openapi;
mod phorge;
mod races;
mod scenarios;
mod sweep;
mod tidy;
mod trees;
mod two_worlds;

#[path = "../../src/access/tests.rs"]
mod access;
#[path = "../../src/ai_providers/tests.rs"]
mod ai_providers;
#[path = "../../src/api_keys/tests.rs"]
mod api_keys;
#[path = "../../src/audit/tests.rs"]
mod audit;
#[path = "../../src/console/tests.rs"]
mod console;
#[path = "../../src/decisions/tests.rs"]
mod decisions;
#[path = "../../src/deliveries/tests.rs"]
mod deliveries;
#[path = "../../src/grants/tests.rs"]
mod grants;
#[path = "../../src/groups/tests.rs"]
mod groups;
#[path = "../../src/health/tests.rs"]
mod health;
#[path = "../../src/identity_providers/tests.rs"]
mod identity_providers;
#[path = "../../src/inbound/tests.rs"]
mod inbound;
#[path = "../../src/invitations/tests.rs"]
mod invitations;
#[path = "../../src/jobs/tests.rs"]
mod jobs;
#[path = "../../src/kinds/tests.rs"]
mod kinds;
#[path = "../../src/login_policies/tests.rs"]
mod login_policies;
#[path = "../../src/passkeys/tests.rs"]
mod passkeys;
#[path = "../../src/policies/tests.rs"]
mod policies;
#[path = "../../src/previews/tests.rs"]
mod previews;
#[path = "../../src/quotas/tests.rs"]
mod quotas;
#[path = "../../src/reports/tests.rs"]
mod reports;
#[path = "../../src/resources/tests.rs"]
mod resources;
#[path = "../../src/roles/tests.rs"]
mod roles;
#[path = "../../src/rotation/tests.rs"]
mod rotation;
#[path = "../../src/sessions/tests.rs"]
mod sessions;
#[path = "../../src/settings/tests.rs"]
mod settings;
#[path = "../../src/spaces/tests.rs"]
mod spaces;
#[path = "../../src/transfers/tests.rs"]
mod transfer_spaces;
#[path = "../../src/users/tests.rs"]
mod users;
