//! Signing in with a provider of OpenID Connect: the code flow, with PKCE.
//!
//! Invariants:
//! 1. A provider stands in for a password, and for nothing else: who has a second factor is asked for it, roles of the instance stay
//!    asleep, and for an officer or operator it is no fresh proof.
//! 2. Somebody is known by issuer and subject. A mail address or a name that a provider tells makes nobody an existing account.
//! 3. What an ID token says is believed only if its signature is by a key of the issuer's, and it is from this issuer, for this site, for
//!    the browser that asked, and fresh.
//! 4. A provider is a way in: it is in the inventory, to set one is an alarm, and a lockdown takes away one that was set meanwhile. What an
//!    officer or operator links sleeps as their new factors do.
//! 5. The site asks the issuer's machine, and those that the operator named, by https; no redirect is followed.

mod command;
mod discovery;
mod http;
mod id_token;
mod query;

pub use command::{IDENTITIES_MAX, IdentityLink, IdentityUnlink, PROVIDERS_MAX, ProviderPut, ProviderRemove, Register};
pub(crate) use discovery::{Asked, Flow, exchange, start};
pub use id_token::Subject;
pub(crate) use query::identity_fetch;
pub use query::{Identity, Provider, identity_list, provider_fetch, provider_list};
