//! The list: each route with an example of it and the least of those who may.

use super::people::Person;

/// Who may.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum May {
    /// Whoever asks.
    Anyone,
    /// Every account.
    SignedIn,
    /// Who may read the private repository.
    Reader,
    /// Who may write to it.
    Writer,
    /// Who may administer it; for accounts' own things, that account.
    Owner,
    /// Operators.
    Operator,
    /// Only the admin socket: over the network there is no such address.
    Socket,
}

impl May {
    pub(super) fn allows(self, person: Person) -> bool {
        use Person as P;
        match self {
            Self::Anyone => true,
            Self::SignedIn => person != P::Nobody,
            Self::Reader => matches!(person, P::Reader | P::Writer | P::Owner),
            Self::Writer => matches!(person, P::Writer | P::Owner),
            Self::Owner => person == P::Owner,
            Self::Operator => person == P::Operator,
            Self::Socket => false,
        }
    }
}

/// One route.
pub(super) struct Row {
    /// The file of `crates/web/src` that has it.
    pub(super) file: &'static str,
    pub(super) method: &'static str,
    /// As written there.
    pub(super) pattern: &'static str,
    /// An address that it answers; `{repo}` is the repository's path, `{org}` the organisation's, `{team}` a team of it.
    pub(super) address: &'static str,
    /// A body that it takes: JSON, or a form.
    pub(super) body: &'static str,
    pub(super) may: May,
}

const fn row(
    file: &'static str,
    method: &'static str,
    pattern: &'static str,
    address: &'static str,
    body: &'static str,
    may: May,
) -> Row {
    Row { file, method, pattern, address, body, may }
}

const fn get(file: &'static str, pattern: &'static str, address: &'static str, may: May) -> Row {
    row(file, "GET", pattern, address, "", may)
}

const REPO: &str = "/repos/{owner}/{name}";
const PERSON: &str = "/repos/{owner}/{name}/collaborators/{user}";
const TOKENS: &str = "/users/{name}/tokens";
const PROFILE: &str = "/-/settings";
const PASSWORD: &str = "/-/settings/password";
const TOKEN_PAGE: &str = "/-/settings/tokens";
const REVOKE: &str = "/-/settings/tokens/revoke";
const SESSIONS: &str = "/-/settings/sessions";
const REQUIRE: &str = "/-/credentials/require";
const WAKE: &str = "/-/credentials/wake";
const ACKNOWLEDGE: &str = "/outlast/alarms/{id}/acknowledge";
const HOOK_PAGE: &str = "/-/alarms/webhooks";
const HOOK_GONE: &str = "/-/alarms/webhooks/remove";
const CANARY_PAGE: &str = "/-/alarms/canaries";
const CANARY_GONE: &str = "/-/alarms/canaries/remove";
const HOOKS: &str = "/admin/alarm-webhooks";
const HOOK: &str = "/admin/alarm-webhooks/{id}";
const CANARIES: &str = "/admin/canaries";
const CANARY: &str = "/admin/canaries/{id}";
const MAIL: &str = r#"{"host":"127.0.0.1","port":9,"security":"none","from":"o@example.org"}"#;
const MAIL_FORM: &str = "host=127.0.0.1&port=9&security=none&login=&secret=&sender=o@example.org&act=set";
const SHARES: &str = "/admin/recovery-shares";
const SECURITY: &str = "/-/settings/security";
const KEY_ADD: &str = "/-/settings/security/key";
const APP_ADD: &str = "/-/settings/security/app";
const APP_SHOWS: &str = "/-/settings/security/app/confirm";
const CODES: &str = "/-/settings/security/codes";
const FACTOR_NAME: &str = "/-/settings/security/name";
const FACTOR_REMOVE: &str = "/-/settings/security/remove";
const PAGE: &str = "pages/repo/mod";
const PROVIDERS: &str = "/-/admin/providers";
const UNPROVIDE: &str = "/-/admin/providers/remove";
const UNLINK: &str = "/-/settings/identities/remove";
const LINK_NEW: &str = "/-/settings/identities/new/{provider}";
const CALLBACK: &str = "/-/sign-in/callback/{provider}";
const KEYS_PAGE: &str = "/-/settings/keys";
const DEPLOY_KEY: &str = "/repos/{owner}/{name}/keys/{id}";
/// The same key each time: the first to add it has it.
const KEY: &str =
    r#"{"title":"x","key":"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGS/eW8ytIkUtDlrO7qDyRDBXrA2kOjWB3bVH6ESPh/E"}"#;
const KEY_FORM: &str =
    "name=x&days=90&key=ssh-ed25519+AAAAC3NzaC1lZDI1NTE5AAAAIGS%2FeW8ytIkUtDlrO7qDyRDBXrA2kOjWB3bVH6ESPh%2FE";
/// To a branch that is made by whoever is first.
const EDITED: &str = "base={commit}&path=src%2Fmore.rs&content=more&to=new&branch=edited&act=commit";
const ORG: &str = "pages/org/mod";
const NEW_ORG: &str = "/-/new/organisation";
const ORG_SETTINGS: &str = "name=guild&full_name=Guild&description=&website=&visibility=private";
const AUTHORITIES: &str = "/admin/authorities";
const CERTIFICATES: &str = "/{org}/-/certificates";
const MEMBER: &str = "/orgs/{org}/members/{user}";
const MEMBERSHIP: &str = "/orgs/{org}/memberships/{user}";
const SHOWN: &str = "/orgs/{org}/public_members/{user}";
const TEAM_MEMBER: &str = "/teams/{id}/members/{user}";
const TEAM_REPO: &str = "/teams/{id}/repos/{owner}/{name}";
const SIGNING: &str = "/-/settings/signing";
/// None is there: for nobody.
const GPG_KEY: &str = "/user/gpg_keys/{id}";
const SITE_SETTINGS: &str = "/-/admin/settings";
/// None is there: for nobody.
const RESET: &str = "/-/sign-in/reset/{secret}";
const SITE_USER: &str = "/-/admin/users/{name}";
const SITE_ROLE: &str = "/admin/users/{name}/roles/{role}";
const RULES: &str = "/settings/protections";
const RULE: &str = "/settings/protections/{id}";
const BRANCH_NEW: &str = "/branches/new";
const TAG_NEW: &str = "/tags/new";
const API_BRANCHES: &str = "/repos/{owner}/{name}/branches";
const API_BRANCH: &str = "/repos/{owner}/{name}/branches/{*branch}";
const API_TAGS: &str = "/repos/{owner}/{name}/tags";
const API_TAG: &str = "/repos/{owner}/{name}/tags/{*tag}";
const SVN_RULES: &str = "/settings/subversion";
const SVN_PATHS: &str = "/settings/subversion/paths";
const SVN_COMMITS: &str = "/settings/subversion/commits";
const API_SVN_RULES: &str = "/outlast/repos/{owner}/{name}/svn_rules";
const API_SVN_LAYOUT: &str = "/outlast/repos/{owner}/{name}/svn_layout";
const API_RULES: &str = "/repos/{owner}/{name}/branch_protections";
const API_RULE: &str = "/repos/{owner}/{name}/branch_protections/{rule}";
const API_TAG_RULES: &str = "/repos/{owner}/{name}/tag_protections";
const API_TAG_RULE: &str = "/repos/{owner}/{name}/tag_protections/{id}";
const GENERAL: &str = "name=secret&description=Words&website=&branch=main&visibility=private";
const TOKEN: &str = r#"{"name":"x","scopes":["repo:read"]}"#;

impl Row {
    /// Whether the one who calls it has another password, or no session, afterwards.
    pub(super) fn ends_credentials(&self) -> bool {
        self.method != "GET" && ["/-/sign-out", PASSWORD].contains(&self.pattern)
    }
}

/// Those that make, change or show a credential, factor, address, role, webhook or export: each asks for a fresh proof.
pub(super) static SENSITIVE: &[&str] = &[
    "POST /-/settings/password",
    "POST /-/settings/tokens",
    "POST /-/settings/keys",
    "POST /-/settings/signing",
    "POST /settings/keys",
    "POST /settings/export",
    "POST /-/settings/export",
    "POST /settings/people",
    "POST /people",
    "POST /teams/{id}/people",
    "POST /-/settings/security/key",
    "POST /-/settings/security/app",
    "POST /-/settings/security/app/confirm",
    "POST /-/settings/security/codes",
    "POST /-/settings/security/name",
    "POST /-/settings/security/remove",
    "POST /-/alarms/webhooks",
    "POST /-/alarms/webhooks/remove",
    "POST /-/alarms/canaries",
    "POST /-/alarms/canaries/remove",
    "POST /-/admin/mail",
    "POST /-/admin/providers",
    "POST /-/admin/providers/remove",
    "POST /-/settings/identities",
    "POST /-/settings/identities/remove",
    "POST /-/admin/mail/test",
    "POST /-/admin/users",
    "POST /-/admin/users/{name}",
    "POST /-/credentials/wake",
    "POST /-/credentials/require",
    "POST /settings/factors",
    "POST /certificates",
    "POST /-/admin/settings",
    "POST /users/{name}/tokens",
    "POST /user/keys",
    "POST /repos/{owner}/{name}/keys",
];

/// Those that look as if they might, and do not.
pub(super) static HARMLESS: &[(&str, &str)] = &[
    ("POST /-/admin/jobs/{job}", "does now what is done anyway; shows and changes no right"),
    ("POST /-/admin/incidents", "tells everybody of an incident; shows and changes no right"),
    ("POST /-/admin/incidents/{incident}", "tells everybody more of an incident; shows and changes no right"),
    ("POST /admin/alarm-webhooks", "at the admin socket alone"),
    ("DELETE /admin/alarm-webhooks/{id}", "at the admin socket alone"),
    ("POST /admin/export", "at the admin socket alone"),
    ("POST /admin/factors/require", "at the admin socket alone; it takes away"),
    ("POST /-/sign-in/passkey", "what it takes is a proof itself"),
    ("POST /-/settings", "a name and words about oneself; the mail address is not set here"),
    ("POST /-/settings/keys/remove", "takes a right away"),
    ("POST /-/settings/signing/remove", "takes a right away"),
    ("POST /user/gpg_keys", "with a token of the scope for it, never a cookie; the key lets nobody in"),
    ("DELETE /user/gpg_keys/{id}", "takes a right away"),
    ("POST /people/remove", "takes a right away"),
    ("POST /certificates/remove", "takes a right away"),
    ("POST /certificates/revoke", "takes a right away"),
    ("POST /people/show", "whether one is shown as a member"),
    ("POST /teams/{id}/people/remove", "takes a right away"),
    ("POST /outlast/officers/{name}/keys", "an order once there are officers, who sign it with keys of their own"),
    ("DELETE /outlast/officers/keys/{id}", "an order, which officers sign with keys of their own"),
    (
        "POST /outlast/recovery-keys",
        "an order, which officers sign with keys of their own and each vault's owner takes",
    ),
    ("POST /settings/people/remove", "takes a right away"),
    ("POST /settings/keys/remove", "takes a right away"),
    ("DELETE /user/keys/{id}", "takes a right away"),
    ("DELETE /repos/{owner}/{name}/keys/{id}", "takes a right away"),
    ("POST /-/settings/tokens/revoke", "takes a right away"),
    ("POST /-/settings/sessions", "takes a right away"),
    ("DELETE /users/{name}/tokens/{id}", "takes a right away"),
];

/// Every route, in the order of its file.
pub(super) static ROUTES: &[Row] = &[
    get("health", "/healthz", "/healthz", May::Anyone),
    get("health", "/metrics", "/metrics", May::Anyone),
    get("log", "/log/checkpoint", "/log/checkpoint", May::Anyone),
    get("log", "/log/policy", "/log/policy", May::Anyone),
    get("log", "/log/tile/{*path}", "/log/tile/0/000.p/1", May::Anyone),
    get("pages/mod", "/-/assets/{version}/{name}", "/-/assets/{assets}/outlast.css", May::Anyone),
    get("pages/mod", "/-/avatar/{name}", "/-/avatar/owen", May::Anyone),
    get("pages/site/front", "/", "/", May::Anyone),
    get("pages/site/help", "/-/help/keys", "/-/help/keys", May::Anyone),
    get("pages/site/safety", "/-/safety", "/-/safety", May::Anyone),
    get("pages/site/drills", "/-/drills", "/-/drills", May::Anyone),
    get("pages/site/status", "/-/status", "/-/status", May::Anyone),
    get("pages/site/status", "/-/status.json", "/-/status.json", May::Anyone),
    get("pages/site/explore", "/-/explore", "/-/explore", May::Anyone),
    get("pages/site/explore", "/-/palette", "/-/palette", May::Anyone),
    get("pages/site/reset", RESET, "/-/sign-in/reset/00", May::Socket),
    row("pages/site/reset", "POST", RESET, "/-/sign-in/reset/00", "password={password}", May::Socket),
    get("pages/site/sign_in", "/-/sign-in", "/-/sign-in", May::Anyone),
    row("pages/site/sign_in", "POST", "/-/sign-in", "/-/sign-in", "name=x&password=y", May::Anyone),
    row("pages/site/sign_in", "POST", "/-/sign-in/second", "/-/sign-in/second", "ticket=x&code=123456", May::Anyone),
    row("pages/site/sign_in", "POST", "/-/sign-in/passkey", "/-/sign-in/passkey", "challenge=x&answer=y", May::Anyone),
    row("pages/site/sign_in", "POST", "/-/sign-out", "/-/sign-out", "", May::Anyone),
    row("pages/site/sign_in", "POST", "/-/theme", "/-/theme", "theme=dark", May::Anyone),
    get("pages/site/new", "/-/new", "/-/new", May::SignedIn),
    get("pages/site/export", "/-/settings/export", "/-/settings/export", May::SignedIn),
    row("pages/site/export", "POST", "/-/settings/export", "/-/settings/export", "", May::SignedIn),
    get("pages/site/import", "/-/new/import", "/-/new/import", May::SignedIn),
    row(
        "pages/site/import",
        "POST",
        "/-/new/import",
        "/-/new/import",
        "url=https%3A%2F%2F127.0.0.1%2Fa%2Fb",
        May::SignedIn,
    ),
    get("pages/site/import", "/-/new/import/dump", "/-/new/import/dump", May::SignedIn),
    row("pages/site/import", "POST", "/-/new/import/dump", "/-/new/import/dump", "dump=none", May::SignedIn),
    row("pages/site/new", "POST", "/-/new", "/-/new", "name=paged", May::SignedIn),
    get("pages/site/officers", "/-/officers", "/-/officers", May::Operator),
    // There is no such order: for nobody.
    row("pages/site/officers", "POST", "/-/orders", "/-/orders", "act=factors-optional", May::Operator),
    get("pages/site/officers", "/-/orders/{id}", "/-/orders/1", May::Socket),
    get("pages/site/officers", "/-/orders/{id}/body", "/-/orders/1/body", May::Socket),
    get("pages/site/officers", "/-/orders/{id}/list", "/-/orders/1/list", May::Socket),
    row("pages/site/officers", "POST", "/-/orders/{id}/sign", "/-/orders/1/sign", "signature=x", May::Socket),
    row("pages/site/officers", "POST", "/-/orders/{id}/veto", "/-/orders/1/veto", "reason=x", May::Socket),
    get("pages/site/officers", "/-/trash", "/-/trash", May::SignedIn),
    row("pages/site/officers", "POST", "/-/trash", "/-/trash", "id=1", May::Socket),
    get("pages/site/settings", PROFILE, PROFILE, May::SignedIn),
    row("pages/site/settings", "POST", PROFILE, PROFILE, "full_name=Own&bio=&website=", May::SignedIn),
    get("pages/site/settings", PASSWORD, PASSWORD, May::SignedIn),
    row(
        "pages/site/settings",
        "POST",
        PASSWORD,
        PASSWORD,
        "old={password}&new={password}&again={password}",
        May::SignedIn,
    ),
    get("pages/site/settings", TOKEN_PAGE, TOKEN_PAGE, May::SignedIn),
    row("pages/site/settings", "POST", TOKEN_PAGE, TOKEN_PAGE, "name=t&days=1&rights=read", May::SignedIn),
    row("pages/site/settings", "POST", REVOKE, REVOKE, "id={spare}", May::SignedIn),
    get("pages/site/settings", SESSIONS, SESSIONS, May::SignedIn),
    row("pages/site/settings", "POST", SESSIONS, SESSIONS, "id=999999", May::SignedIn),
    get("pages/site/credentials", "/-/credentials", "/-/credentials", May::Operator),
    // With `yes`, nobody here would be able to do anything afterwards.
    row("pages/site/credentials", "POST", REQUIRE, REQUIRE, "sure=no", May::Operator),
    row("pages/site/credentials", "POST", WAKE, WAKE, "id=999999", May::Socket),
    get("pages/site/signing_keys", SIGNING, SIGNING, May::SignedIn),
    row("pages/site/signing_keys", "POST", SIGNING, SIGNING, "name=x&key=none", May::SignedIn),
    row(
        "pages/site/signing_keys",
        "POST",
        "/-/settings/signing/remove",
        "/-/settings/signing/remove",
        "id=999999",
        May::SignedIn,
    ),
    get("api/gpg_keys", "/user/gpg_keys", "/api/v1/user/gpg_keys", May::SignedIn),
    row(
        "api/gpg_keys",
        "POST",
        "/user/gpg_keys",
        "/api/v1/user/gpg_keys",
        r#"{"armored_public_key":"none"}"#,
        May::SignedIn,
    ),
    get("api/gpg_keys", GPG_KEY, "/api/v1/user/gpg_keys/999999", May::Socket),
    row("api/gpg_keys", "DELETE", GPG_KEY, "/api/v1/user/gpg_keys/999999", "", May::SignedIn),
    get("pages/site/ssh_keys", KEYS_PAGE, KEYS_PAGE, May::SignedIn),
    row("pages/site/ssh_keys", "POST", KEYS_PAGE, KEYS_PAGE, KEY_FORM, May::SignedIn),
    row(
        "pages/site/ssh_keys",
        "POST",
        "/-/settings/keys/remove",
        "/-/settings/keys/remove",
        "id=999999",
        May::SignedIn,
    ),
    get("pages/site/prove", "/-/prove", "/-/prove", May::SignedIn),
    row("pages/site/prove", "POST", "/-/prove", "/-/prove", "prove-next=%2F&prove-password={password}", May::SignedIn),
    get("pages/site/security", SECURITY, SECURITY, May::SignedIn),
    row("pages/site/security", "POST", KEY_ADD, KEY_ADD, "challenge=x&answer=y", May::SignedIn),
    row("pages/site/security", "POST", APP_ADD, APP_ADD, "", May::SignedIn),
    row("pages/site/security", "POST", APP_SHOWS, APP_SHOWS, "ticket=x&code=123456", May::SignedIn),
    row("pages/site/security", "POST", CODES, CODES, "", May::SignedIn),
    row("pages/site/security", "POST", FACTOR_NAME, FACTOR_NAME, "id=999999&name=x", May::SignedIn),
    row("pages/site/security", "POST", FACTOR_REMOVE, FACTOR_REMOVE, "id=999999", May::SignedIn),
    get("pages/site/admin", "/-/admin", "/-/admin", May::Operator),
    get("pages/site/admin", "/-/admin/users", "/-/admin/users", May::Operator),
    row(
        "pages/site/admin",
        "POST",
        "/-/admin/users",
        "/-/admin/users",
        "name=newone&email=n%40example.org&password={password}",
        May::Operator,
    ),
    get("pages/site/admin/account", SITE_USER, "/-/admin/users/eve", May::Operator),
    row(
        "pages/site/admin/account",
        "POST",
        SITE_USER,
        "/-/admin/users/eve",
        "act=quota&repositories=9000",
        May::Operator,
    ),
    get("pages/site/new_org", NEW_ORG, NEW_ORG, May::SignedIn),
    row("pages/site/new_org", "POST", NEW_ORG, NEW_ORG, "name=band", May::SignedIn),
    get(ORG, "/", "/{org}", May::Reader),
    get(ORG, "/people", "/{org}/-/people", May::Reader),
    row(ORG, "POST", "/people", "/{org}/-/people", "user=eve&role=member", May::Owner),
    row(ORG, "POST", "/people/remove", "/{org}/-/people/remove", "user=eve", May::Owner),
    row(ORG, "POST", "/people/show", "/{org}/-/people/show", "shown=true", May::Reader),
    get(ORG, "/teams", "/{org}/-/teams", May::Reader),
    row(ORG, "POST", "/teams", "/{org}/-/teams", "name=new&access=read", May::Owner),
    get(ORG, "/teams/{id}", "/{org}/-/teams/{team}", May::Reader),
    row(ORG, "POST", "/teams/{id}", "/{org}/-/teams/{team}", "name=crew&access=read", May::Owner),
    row(ORG, "POST", "/teams/{id}/remove", "/{org}/-/teams/{spare-team}/remove", "", May::Owner),
    row(ORG, "POST", "/teams/{id}/people", "/{org}/-/teams/{team}/people", "user=eve", May::Owner),
    row(ORG, "POST", "/teams/{id}/people/remove", "/{org}/-/teams/{team}/people/remove", "user=eve", May::Owner),
    row(ORG, "POST", "/teams/{id}/repositories", "/{org}/-/teams/{team}/repositories", "repo=tools", May::Owner),
    row(
        ORG,
        "POST",
        "/teams/{id}/repositories/remove",
        "/{org}/-/teams/{team}/repositories/remove",
        "repo=tools",
        May::Owner,
    ),
    get(ORG, "/settings", "/{org}/-/settings", May::Owner),
    row(ORG, "POST", "/settings", "/{org}/-/settings", ORG_SETTINGS, May::Owner),
    get(ORG, "/certificates", CERTIFICATES, May::Owner),
    row(ORG, "POST", "/certificates", CERTIFICATES, KEY_FORM, May::Owner),
    row(ORG, "POST", "/certificates/remove", "/{org}/-/certificates/remove", "authority=999999", May::Socket),
    row(
        ORG,
        "POST",
        "/certificates/revoke",
        "/{org}/-/certificates/revoke",
        "authority=999999&by=serial&which=1",
        May::Socket,
    ),
    row(ORG, "POST", "/settings/factors", "/{org}/-/settings/factors", "required=false", May::Owner),
    get("pages/site/admin/repositories", "/-/admin/repositories", "/-/admin/repositories", May::Operator),
    get("pages/site/admin/vaults", "/-/admin/vaults", "/-/admin/vaults", May::Operator),
    get("pages/site/admin/jobs", "/-/admin/jobs", "/-/admin/jobs", May::Operator),
    get("pages/site/admin/providers", PROVIDERS, PROVIDERS, May::Operator),
    row(
        "pages/site/admin/providers",
        "POST",
        PROVIDERS,
        PROVIDERS,
        "name=x&issuer=nonsense&client_id=x",
        May::Operator,
    ),
    row("pages/site/admin/providers", "POST", UNPROVIDE, UNPROVIDE, "name=none", May::Operator),
    get("pages/site/provider", "/-/settings/identities", "/-/settings/identities", May::SignedIn),
    row("pages/site/provider", "POST", "/-/settings/identities", "/-/settings/identities", "ticket=x", May::SignedIn),
    // There is no such provider, and no such identity: for nobody.
    get("pages/site/provider", LINK_NEW, "/-/settings/identities/new/none", May::Socket),
    row("pages/site/provider", "POST", UNLINK, UNLINK, "id=999999", May::Socket),
    get("pages/site/provider", "/-/sign-in/with/{provider}", "/-/sign-in/with/none", May::Socket),
    get("pages/site/provider", CALLBACK, "/-/sign-in/callback/none", May::Socket),
    row("pages/site/provider", "POST", "/-/sign-in/register", "/-/sign-in/register", "ticket=x&name=x", May::Anyone),
    get("pages/site/admin/mail", "/-/admin/mail", "/-/admin/mail", May::Operator),
    row("pages/site/admin/mail", "POST", "/-/admin/mail", "/-/admin/mail", MAIL_FORM, May::Operator),
    row(
        "pages/site/admin/mail",
        "POST",
        "/-/admin/mail/test",
        "/-/admin/mail/test",
        "to=eve@example.org",
        May::Operator,
    ),
    get("pages/site/admin/settings", SITE_SETTINGS, SITE_SETTINGS, May::Operator),
    row("pages/site/admin/settings", "POST", SITE_SETTINGS, SITE_SETTINGS, "site.name=Ours", May::Operator),
    row("pages/site/admin/jobs", "POST", "/-/admin/jobs/{job}", "/-/admin/jobs/snapshot", "", May::Operator),
    get("pages/site/admin/incidents", "/-/admin/incidents", "/-/admin/incidents", May::Operator),
    row(
        "pages/site/admin/incidents",
        "POST",
        "/-/admin/incidents",
        "/-/admin/incidents",
        "title=x&text=y",
        May::Operator,
    ),
    row(
        "pages/site/admin/incidents",
        "POST",
        "/-/admin/incidents/{incident}",
        "/-/admin/incidents/1",
        "text=y",
        May::Operator,
    ),
    get(PAGE, "/", "/{repo}", May::Reader),
    get(PAGE, "/tree/{*rest}", "/{repo}/-/tree/main/src", May::Reader),
    get(PAGE, "/file/{*rest}", "/{repo}/-/file/main/README.md", May::Reader),
    get(PAGE, "/raw/{*rest}", "/{repo}/-/raw/main/README.md", May::Reader),
    get(PAGE, "/blame/{*rest}", "/{repo}/-/blame/main/README.md", May::Reader),
    get(PAGE, "/log/{*rest}", "/{repo}/-/log/main", May::Reader),
    get(PAGE, "/log", "/{repo}/-/log", May::Reader),
    get(PAGE, "/commit/{id}", "/{repo}/-/commit/{commit}", May::Reader),
    get(PAGE, "/compare", "/{repo}/-/compare", May::Reader),
    get(PAGE, "/compare/{*rest}", "/{repo}/-/compare/main...side", May::Reader),
    get(PAGE, "/branches", "/{repo}/-/branches", May::Reader),
    get(PAGE, "/tags", "/{repo}/-/tags", May::Reader),
    get(PAGE, BRANCH_NEW, "/{repo}/-/branches/new", May::Writer),
    row(PAGE, "POST", BRANCH_NEW, "/{repo}/-/branches/new", "name=another&from=main", May::Writer),
    get(PAGE, "/branches/delete/{*rest}", "/{repo}/-/branches/delete/side", May::Writer),
    row(PAGE, "POST", "/branches/delete/{*rest}", "/{repo}/-/branches/delete/side", "seen=elsewhere", May::Writer),
    get(PAGE, TAG_NEW, "/{repo}/-/tags/new", May::Writer),
    row(PAGE, "POST", TAG_NEW, "/{repo}/-/tags/new", "name=v9&from=main&message=Nine", May::Writer),
    get(PAGE, "/tags/delete/{*rest}", "/{repo}/-/tags/delete/v9", May::Writer),
    row(PAGE, "POST", "/tags/delete/{*rest}", "/{repo}/-/tags/delete/v9", "seen=elsewhere", May::Writer),
    get(PAGE, "/graph", "/{repo}/-/graph", May::Reader),
    get(PAGE, "/search", "/{repo}/-/search?q=words", May::Reader),
    get(PAGE, "/paths", "/{repo}/-/paths", May::Reader),
    get(PAGE, "/archive/{*rest}", "/{repo}/-/archive/main.zip", May::Reader),
    get(PAGE, "/locks", "/{repo}/-/locks", May::Reader),
    row(PAGE, "POST", "/locks/break", "/{repo}/-/locks/break", "name=none", May::Writer),
    get(PAGE, "/safety", "/{repo}/-/safety", May::Reader),
    get(PAGE, "/activity", "/{repo}/-/activity", May::Reader),
    get(PAGE, "/activity.atom", "/{repo}/-/activity.atom", May::Reader),
    get("pages/site/activity", "/-/activity", "/-/activity?by=owen", May::Anyone),
    get("pages/site/activity", "/-/activity.atom", "/-/activity.atom?by=owen", May::Anyone),
    get(PAGE, "/edit/{*rest}", "/{repo}/-/edit/main/README.md", May::Writer),
    get(PAGE, "/new/{*rest}", "/{repo}/-/new/main/src", May::Writer),
    get(PAGE, "/delete/{*rest}", "/{repo}/-/delete/main/README.md", May::Writer),
    get(PAGE, "/upload/{*rest}", "/{repo}/-/upload/main/src", May::Writer),
    row(PAGE, "POST", "/edit/{*rest}", "/{repo}/-/edit/main/README.md", EDITED, May::Writer),
    row(PAGE, "POST", "/new/{*rest}", "/{repo}/-/new/main/src", EDITED, May::Writer),
    row(PAGE, "POST", "/delete/{*rest}", "/{repo}/-/delete/main/README.md", "base={commit}", May::Writer),
    row(PAGE, "POST", "/upload/{*rest}", "/{repo}/-/upload/main/src", "files=none", May::Writer),
    get(PAGE, "/settings", "/{repo}/-/settings", May::Owner),
    // Not the right path: nothing is deleted that is needed further on.
    row(PAGE, "POST", "/settings/export", "/{repo}/-/settings/export", "", May::Owner),
    row(PAGE, "POST", "/settings/delete", "/{repo}/-/settings/delete", "path=other", May::Owner),
    get(PAGE, "/settings/people", "/{repo}/-/settings/people", May::Owner),
    row(PAGE, "POST", "/settings", "/{repo}/-/settings", GENERAL, May::Owner),
    row(PAGE, "POST", "/settings/people", "/{repo}/-/settings/people", "user=eve&access=read", May::Owner),
    row(PAGE, "POST", "/settings/people/remove", "/{repo}/-/settings/people/remove", "user=eve", May::Owner),
    get(PAGE, "/settings/keys", "/{repo}/-/settings/keys", May::Owner),
    row(PAGE, "POST", "/settings/keys", "/{repo}/-/settings/keys", KEY_FORM, May::Owner),
    row(PAGE, "POST", "/settings/keys/remove", "/{repo}/-/settings/keys/remove", "id=999999", May::Owner),
    row(PAGE, "POST", "/activity/mail", "/{repo}/-/activity/mail", "on=on", May::Reader),
    get(PAGE, SVN_RULES, "/{repo}/-/settings/subversion", May::Owner),
    row(PAGE, "POST", SVN_PATHS, "/{repo}/-/settings/subversion/paths", "rules=/x+*+none", May::Owner),
    get(PAGE, "/settings/git", "/{repo}/-/settings/git", May::Owner),
    row(PAGE, "POST", "/settings/git/layout", "/{repo}/-/settings/git/layout", "kind=root", May::Owner),
    row(PAGE, "POST", "/settings/git", "/{repo}/-/settings/git", "path=owner/as-git", May::Owner),
    row(PAGE, "POST", SVN_COMMITS, "/{repo}/-/settings/subversion/commits", "message_chars_min=3", May::Owner),
    get("api/svn_rules", API_SVN_RULES, "/api/v1/outlast/repos/{repo}/svn_rules", May::Owner),
    row("api/svn_rules", "PUT", API_SVN_RULES, "/api/v1/outlast/repos/{repo}/svn_rules", r#"{"paths":[]}"#, May::Owner),
    get("api/svn_layout", API_SVN_LAYOUT, "/api/v1/outlast/repos/{repo}/svn_layout", May::Owner),
    row(
        "api/svn_layout",
        "PUT",
        API_SVN_LAYOUT,
        "/api/v1/outlast/repos/{repo}/svn_layout",
        r#"{"kind":"root"}"#,
        May::Owner,
    ),
    get(PAGE, RULES, "/{repo}/-/settings/protections", May::Owner),
    row(PAGE, "POST", RULES, "/{repo}/-/settings/protections", "kind=branch&pattern=made/*", May::Owner),
    get(PAGE, RULE, "/{repo}/-/settings/protections/{rule}", May::Owner),
    row(PAGE, "POST", RULE, "/{repo}/-/settings/protections/{rule}", "kind=tag&pattern=v*", May::Owner),
    row(
        PAGE,
        "POST",
        "/settings/protections/{id}/remove",
        "/{repo}/-/settings/protections/{spare-rule}/remove",
        "",
        May::Owner,
    ),
    get("api/mod", "/version", "/api/v1/version", May::Anyone),
    get("api/outlast", "/outlast/status", "/api/v1/outlast/status", May::Anyone),
    get("api/users", "/user", "/api/v1/user", May::SignedIn),
    get("api/users", "/users/{name}", "/api/v1/users/owen", May::Anyone),
    get("api/tokens", TOKENS, "/api/v1/users/owen/tokens", May::Owner),
    // Takes a password, never a token.
    row("api/tokens", "POST", TOKENS, "/api/v1/users/owen/tokens", TOKEN, May::Socket),
    row("api/tokens", "DELETE", "/users/{name}/tokens/{id}", "/api/v1/users/owen/tokens/{spare}", "", May::Owner),
    get("api/keys", "/user/keys", "/api/v1/user/keys", May::SignedIn),
    row("api/keys", "POST", "/user/keys", "/api/v1/user/keys", KEY, May::SignedIn),
    get("api/keys", "/user/keys/{id}", "/api/v1/user/keys/{sshkey}", May::Owner),
    row("api/keys", "DELETE", "/user/keys/{id}", "/api/v1/user/keys/{sshkey}", "", May::Owner),
    get("api/keys", "/repos/{owner}/{name}/keys", "/api/v1/repos/{repo}/keys", May::Owner),
    row("api/keys", "POST", "/repos/{owner}/{name}/keys", "/api/v1/repos/{repo}/keys", KEY, May::Owner),
    get("api/keys", DEPLOY_KEY, "/api/v1/repos/{repo}/keys/{deploykey}", May::Owner),
    row("api/keys", "DELETE", DEPLOY_KEY, "/api/v1/repos/{repo}/keys/{deploykey}", "", May::Owner),
    get("api/repos", "/user/repos", "/api/v1/user/repos", May::SignedIn),
    row("api/repos", "POST", "/user/repos", "/api/v1/user/repos", r#"{"name":"made","private":true}"#, May::SignedIn),
    get("api/repos", "/users/{name}/repos", "/api/v1/users/owen/repos", May::Anyone),
    get("api/repos", "/repos/search", "/api/v1/repos/search", May::Anyone),
    get("api/repos", REPO, "/api/v1/repos/{repo}", May::Reader),
    row("api/repos", "PATCH", REPO, "/api/v1/repos/{repo}", r#"{"private":true,"default_branch":"side"}"#, May::Owner),
    get("api/branches", "/repos/{owner}/{name}/branches", "/api/v1/repos/{repo}/branches", May::Reader),
    get("api/branches", "/repos/{owner}/{name}/tags", "/api/v1/repos/{repo}/tags", May::Reader),
    row(
        "api/branches",
        "POST",
        API_BRANCHES,
        "/api/v1/repos/{repo}/branches",
        r#"{"new_branch_name":"api"}"#,
        May::Writer,
    ),
    get("api/branches", API_BRANCH, "/api/v1/repos/{repo}/branches/main", May::Reader),
    row("api/branches", "DELETE", API_BRANCH, "/api/v1/repos/{repo}/branches/gone", "", May::Writer),
    row("api/branches", "POST", API_TAGS, "/api/v1/repos/{repo}/tags", r#"{"tag_name":"v8"}"#, May::Writer),
    get("api/branches", API_TAG, "/api/v1/repos/{repo}/tags/v9", May::Reader),
    row("api/branches", "DELETE", API_TAG, "/api/v1/repos/{repo}/tags/gone", "", May::Writer),
    get("api/branches", "/repos/{owner}/{name}/git/refs", "/api/v1/repos/{repo}/git/refs", May::Reader),
    get("api/collaborators", "/repos/{owner}/{name}/collaborators", "/api/v1/repos/{repo}/collaborators", May::Owner),
    row(
        "api/collaborators",
        "PUT",
        PERSON,
        "/api/v1/repos/{repo}/collaborators/eve",
        r#"{"permission":"read"}"#,
        May::Owner,
    ),
    row("api/collaborators", "DELETE", PERSON, "/api/v1/repos/{repo}/collaborators/eve", "", May::Owner),
    get("api/protections", API_RULES, "/api/v1/repos/{repo}/branch_protections", May::Owner),
    row(
        "api/protections",
        "POST",
        API_RULES,
        "/api/v1/repos/{repo}/branch_protections",
        r#"{"rule_name":"kept"}"#,
        May::Owner,
    ),
    get("api/protections", API_RULE, "/api/v1/repos/{repo}/branch_protections/kept", May::Owner),
    row(
        "api/protections",
        "PATCH",
        API_RULE,
        "/api/v1/repos/{repo}/branch_protections/kept",
        r#"{"enable_push":false}"#,
        May::Owner,
    ),
    row("api/protections", "DELETE", API_RULE, "/api/v1/repos/{repo}/branch_protections/gone", "", May::Owner),
    get("api/protections", API_TAG_RULES, "/api/v1/repos/{repo}/tag_protections", May::Owner),
    row(
        "api/protections",
        "POST",
        API_TAG_RULES,
        "/api/v1/repos/{repo}/tag_protections",
        r#"{"name_pattern":"w*"}"#,
        May::Owner,
    ),
    get("api/protections", API_TAG_RULE, "/api/v1/repos/{repo}/tag_protections/{rule}", May::Owner),
    row(
        "api/protections",
        "PATCH",
        API_TAG_RULE,
        "/api/v1/repos/{repo}/tag_protections/{rule}",
        r#"{"whitelist_usernames":["owen"]}"#,
        May::Owner,
    ),
    row("api/protections", "DELETE", API_TAG_RULE, "/api/v1/repos/{repo}/tag_protections/{spare-rule}", "", May::Owner),
    get("api/openapi", "/openapi.json", "/api/v1/openapi.json", May::Anyone),
    get("api/orgs", "/orgs", "/api/v1/orgs", May::Anyone),
    row("api/orgs", "POST", "/orgs", "/api/v1/orgs", r#"{"username":"choir"}"#, May::SignedIn),
    get("api/orgs", "/orgs/{org}", "/api/v1/orgs/{org}", May::Reader),
    row("api/orgs", "PATCH", "/orgs/{org}", "/api/v1/orgs/{org}", r#"{"description":"Words"}"#, May::Owner),
    get("api/orgs", "/orgs/{org}/repos", "/api/v1/orgs/{org}/repos", May::Reader),
    row("api/orgs", "POST", "/orgs/{org}/repos", "/api/v1/orgs/{org}/repos", r#"{"name":"made"}"#, May::Owner),
    get("api/orgs", "/orgs/{org}/members", "/api/v1/orgs/{org}/members", May::Reader),
    get("api/orgs", MEMBER, "/api/v1/orgs/{org}/members/rob", May::Reader),
    row("api/orgs", "DELETE", MEMBER, "/api/v1/orgs/{org}/members/eve", "", May::Owner),
    get("api/orgs", MEMBERSHIP, "/api/v1/orgs/{org}/memberships/rob", May::Reader),
    row("api/orgs", "PUT", MEMBERSHIP, "/api/v1/orgs/{org}/memberships/eve", r#"{"role":"member"}"#, May::Owner),
    row("api/orgs", "DELETE", MEMBERSHIP, "/api/v1/orgs/{org}/memberships/eve", "", May::Owner),
    get("api/orgs", "/orgs/{org}/public_members", "/api/v1/orgs/{org}/public_members", May::Reader),
    get("api/orgs", SHOWN, "/api/v1/orgs/{org}/public_members/rob", May::Reader),
    row("api/orgs", "PUT", SHOWN, "/api/v1/orgs/{org}/public_members/rob", "", May::Reader),
    row("api/orgs", "DELETE", SHOWN, "/api/v1/orgs/{org}/public_members/owen", "", May::Owner),
    get("api/orgs", "/user/orgs", "/api/v1/user/orgs", May::SignedIn),
    get("api/orgs", "/users/{name}/orgs", "/api/v1/users/owen/orgs", May::Anyone),
    get("api/teams", "/orgs/{org}/teams", "/api/v1/orgs/{org}/teams", May::Reader),
    row("api/teams", "POST", "/orgs/{org}/teams", "/api/v1/orgs/{org}/teams", r#"{"name":"another"}"#, May::Owner),
    get("api/teams", "/teams/{id}", "/api/v1/teams/{team}", May::Reader),
    row("api/teams", "PATCH", "/teams/{id}", "/api/v1/teams/{team}", r#"{"permission":"write"}"#, May::Owner),
    row("api/teams", "DELETE", "/teams/{id}", "/api/v1/teams/{spare-team}", "", May::Owner),
    get("api/teams", "/teams/{id}/members", "/api/v1/teams/{team}/members", May::Reader),
    get("api/teams", TEAM_MEMBER, "/api/v1/teams/{team}/members/rob", May::Reader),
    row("api/teams", "PUT", TEAM_MEMBER, "/api/v1/teams/{team}/members/eve", "", May::Owner),
    row("api/teams", "DELETE", TEAM_MEMBER, "/api/v1/teams/{team}/members/eve", "", May::Owner),
    get("api/teams", "/teams/{id}/repos", "/api/v1/teams/{team}/repos", May::Reader),
    row("api/teams", "PUT", TEAM_REPO, "/api/v1/teams/{team}/repos/{org}/tools", "", May::Owner),
    row("api/teams", "DELETE", TEAM_REPO, "/api/v1/teams/{team}/repos/{org}/tools", "", May::Owner),
    get("api/teams", "/repos/{owner}/{name}/teams", "/api/v1/repos/{repo}/teams", May::Owner),
    row("api/admin", "POST", "/admin/users/{name}/reset", "/api/v1/admin/users/eve/reset", "", May::Socket),
    row("api/admin", "PUT", SITE_ROLE, "/api/v1/admin/users/eve/roles/auditor", "", May::Socket),
    row("api/admin", "DELETE", SITE_ROLE, "/api/v1/admin/users/eve/roles/auditor", "", May::Socket),
    row("api/settings", "PATCH", "/admin/settings", "/api/v1/admin/settings", r#"{"site.name":"x"}"#, May::Socket),
    get("api/settings", "/outlast/settings", "/api/v1/outlast/settings", May::Operator),
    row("api/admin", "PUT", "/admin/quotas", "/api/v1/admin/quotas", r#"{"bytes":1}"#, May::Socket),
    row("api/admin", "POST", "/admin/orgs", "/api/v1/admin/orgs", r#"{"name":"o","owner":"owen"}"#, May::Socket),
    row(
        "api/admin",
        "PUT",
        "/admin/orgs/{org}/members/{user}",
        "/api/v1/admin/orgs/{org}/members/eve",
        "",
        May::Socket,
    ),
    row("api/admin", "POST", "/admin/users", "/api/v1/admin/users", r#"{"username":"mallory"}"#, May::Socket),
    row(
        "api/admin",
        "POST",
        "/admin/users/{name}/repos",
        "/api/v1/admin/users/owen/repos",
        r#"{"name":"other"}"#,
        May::Socket,
    ),
    row("api/admin", "POST", "/admin/users/{name}/tokens", "/api/v1/admin/users/owen/tokens", TOKEN, May::Socket),
    row("api/admin", "POST", "/admin/tokens/revoke", "/api/v1/admin/tokens/revoke", r#"{"id":1}"#, May::Socket),
    get("api/admin", "/admin/users/{name}/keys", "/api/v1/admin/users/owen/keys", May::Socket),
    row("api/admin", "POST", "/admin/users/{name}/keys", "/api/v1/admin/users/owen/keys", KEY, May::Socket),
    row("api/admin", "DELETE", "/admin/keys/{id}", "/api/v1/admin/keys/{sshkey}", "", May::Socket),
    get("api/admin", "/admin/receipts/{entry}", "/api/v1/admin/receipts/1", May::Socket),
    get("api/admin", "/admin/incident-report", "/api/v1/admin/incident-report?since=1971-01-01T00:00:00Z", May::Socket),
    get("api/lockdown", "/outlast/lockdown", "/api/v1/outlast/lockdown", May::Operator),
    // Only an officer's, and there is none here.
    row("api/lockdown", "POST", "/outlast/lockdown", "/api/v1/outlast/lockdown", "{}", May::Socket),
    row("api/lockdown", "POST", "/outlast/lockdown/lift", "/api/v1/outlast/lockdown/lift", "", May::Operator),
    row(
        "api/lockdown",
        "POST",
        "/outlast/frozen/{name}/unfreeze",
        "/api/v1/outlast/frozen/eve/unfreeze",
        "",
        May::Operator,
    ),
    row(
        "api/lockdown",
        "POST",
        "/outlast/restore",
        "/api/v1/outlast/restore",
        r#"{"actor":"owen","since":"2026-01-01T00:00:00Z"}"#,
        // Only an officer's, and there is none here.
        May::Socket,
    ),
    // For auditors, of whom there are none here.
    get("api/lockdown", "/outlast/audit", "/api/v1/outlast/audit", May::Socket),
    get("api/credentials", "/outlast/credentials", "/api/v1/outlast/credentials", May::SignedIn),
    get("api/credentials", "/admin/credentials", "/api/v1/admin/credentials", May::Socket),
    row("api/credentials", "POST", "/admin/factors/require", "/api/v1/admin/factors/require", "", May::Socket),
    get("api/orders", "/outlast/orders", "/api/v1/outlast/orders", May::SignedIn),
    // There is no such order: for nobody.
    row(
        "api/orders",
        "POST",
        "/outlast/orders",
        "/api/v1/outlast/orders",
        r#"{"act":"factors-optional"}"#,
        May::Operator,
    ),
    row(
        "api/orders",
        "POST",
        "/admin/officers/found",
        "/api/v1/admin/officers/found",
        r#"{"needed":2,"officers":[]}"#,
        May::Socket,
    ),
    get("api/orders", "/outlast/orders/{id}", "/api/v1/outlast/orders/1", May::Socket),
    get("api/orders", "/outlast/orders/{id}/body", "/api/v1/outlast/orders/1/body", May::Socket),
    get("api/orders", "/outlast/orders/{id}/signed", "/api/v1/outlast/orders/1/signed", May::Socket),
    get("api/orders", "/outlast/orders/{id}/list", "/api/v1/outlast/orders/1/list", May::Socket),
    row(
        "api/orders",
        "POST",
        "/outlast/recovery-keys",
        "/api/v1/outlast/recovery-keys",
        r#"{"keys":[]}"#,
        May::Operator,
    ),
    row(
        "api/orders",
        "POST",
        "/outlast/orders/{id}/signatures",
        "/api/v1/outlast/orders/1/signatures",
        "{}",
        May::Socket,
    ),
    row("api/orders", "POST", "/outlast/orders/{id}/veto", "/api/v1/outlast/orders/1/veto", "{}", May::Socket),
    get("api/orders", "/outlast/officers", "/api/v1/outlast/officers", May::Operator),
    row(
        "api/orders",
        "POST",
        "/outlast/officers/rule",
        "/api/v1/outlast/officers/rule",
        r#"{"needed":2}"#,
        May::Operator,
    ),
    row(
        "api/orders",
        "POST",
        "/outlast/officers/{name}/roles",
        "/api/v1/outlast/officers/eve/roles",
        r#"{"officer":true}"#,
        May::Operator,
    ),
    row(
        "api/orders",
        "POST",
        "/outlast/officers/{name}/keys",
        "/api/v1/outlast/officers/eve/keys",
        r#"{"key":"outlast-officer-key:A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg"}"#,
        May::Operator,
    ),
    row("api/orders", "DELETE", "/outlast/officers/keys/{id}", "/api/v1/outlast/officers/keys/1", "", May::Operator),
    get("api/orders", "/outlast/trash", "/api/v1/outlast/trash", May::SignedIn),
    row("api/orders", "POST", "/outlast/trash/{id}/restore", "/api/v1/outlast/trash/1/restore", "{}", May::Socket),
    // The one made above: the private one is needed further on.
    row("api/orders", "DELETE", REPO, "/api/v1/repos/owen/made", "", May::Owner),
    get("api/doctor", "/admin/doctor", "/api/v1/admin/doctor", May::Socket),
    row("api/export", "POST", "/admin/export", "/api/v1/admin/export", r#"{"subject":"owen","to":"/x"}"#, May::Socket),
    row("api/export", "POST", "/admin/import", "/api/v1/admin/import", r#"{"from":"/x"}"#, May::Socket),
    get("api/export", "/admin/import/{id}", "/api/v1/admin/import/1", May::Socket),
    get("pages/site/alarms", "/-/alarms", "/-/alarms", May::Operator),
    // For auditors, of whom there are none here.
    get("pages/site/audit", "/-/audit", "/-/audit", May::Socket),
    row("pages/site/alarms", "POST", "/-/alarms", "/-/alarms", "id=1", May::Operator),
    get("pages/site/alarms", "/-/alarms/channels", "/-/alarms/channels", May::Operator),
    row("pages/site/alarms", "POST", HOOK_PAGE, HOOK_PAGE, "url=https%3A%2F%2Fpager.example.org%2Fx", May::Operator),
    row("pages/site/alarms", "POST", HOOK_GONE, HOOK_GONE, "id=1", May::Operator),
    row("pages/site/alarms", "POST", CANARY_PAGE, CANARY_PAGE, "kind=token&note=x", May::Operator),
    row("pages/site/alarms", "POST", CANARY_GONE, CANARY_GONE, "id=1", May::Operator),
    get("api/alarms", "/outlast/alarms", "/api/v1/outlast/alarms", May::Operator),
    row("api/alarms", "POST", ACKNOWLEDGE, "/api/v1/outlast/alarms/1/acknowledge", "", May::Operator),
    get("api/alarms", HOOKS, "/api/v1/admin/alarm-webhooks", May::Socket),
    row(
        "api/alarms",
        "POST",
        HOOKS,
        "/api/v1/admin/alarm-webhooks",
        r#"{"url":"https://h.example.org/"}"#,
        May::Socket,
    ),
    row("api/alarms", "DELETE", HOOK, "/api/v1/admin/alarm-webhooks/1", "", May::Socket),
    get("api/alarms", CANARIES, "/api/v1/admin/canaries", May::Socket),
    row("api/alarms", "POST", CANARIES, "/api/v1/admin/canaries", r#"{"kind":"token","note":"x"}"#, May::Socket),
    row("api/alarms", "DELETE", CANARY, "/api/v1/admin/canaries/1", "", May::Socket),
    get("api/authorities", AUTHORITIES, "/api/v1/admin/authorities", May::Socket),
    row("api/authorities", "POST", AUTHORITIES, "/api/v1/admin/authorities", KEY, May::Socket),
    row("api/authorities", "DELETE", "/admin/authorities/{id}", "/api/v1/admin/authorities/1", "", May::Socket),
    row(
        "api/authorities",
        "POST",
        "/admin/authorities/{id}/revoke",
        "/api/v1/admin/authorities/1/revoke",
        r#"{"serial":1}"#,
        May::Socket,
    ),
    get("api/oidc", "/admin/oidc", "/api/v1/admin/oidc", May::Socket),
    row("api/oidc", "PUT", "/admin/oidc", "/api/v1/admin/oidc", "{}", May::Socket),
    row("api/oidc", "DELETE", "/admin/oidc/{name}", "/api/v1/admin/oidc/none", "", May::Socket),
    row(
        "api/export",
        "POST",
        "/admin/import/list",
        "/api/v1/admin/import/list",
        r#"{"url":"https://127.0.0.1:1/a"}"#,
        May::Socket,
    ),
    get("api/incidents", "/admin/incidents", "/api/v1/admin/incidents", May::Socket),
    row(
        "api/incidents",
        "POST",
        "/admin/incidents",
        "/api/v1/admin/incidents",
        r#"{"title":"x","text":"y"}"#,
        May::Socket,
    ),
    row("api/incidents", "POST", "/admin/incidents/{id}", "/api/v1/admin/incidents/1", r#"{"text":"y"}"#, May::Socket),
    get("api/mail", "/admin/mail", "/api/v1/admin/mail", May::Socket),
    row("api/mail", "PUT", "/admin/mail", "/api/v1/admin/mail", MAIL, May::Socket),
    row("api/mail", "DELETE", "/admin/mail", "/api/v1/admin/mail", "", May::Socket),
    row("api/mail", "POST", "/admin/mail/test", "/api/v1/admin/mail/test", r#"{"to":"eve@example.org"}"#, May::Socket),
    get("api/shares", SHARES, "/api/v1/admin/recovery-shares", May::Socket),
    row("api/shares", "POST", SHARES, "/api/v1/admin/recovery-shares", r#"{"public":""}"#, May::Socket),
    get("api/drills", "/outlast/drills", "/api/v1/outlast/drills", May::Anyone),
    row("api/drills", "POST", "/admin/drill", "/api/v1/admin/drill", "{}", May::Socket),
    row("api/drills", "POST", "/admin/drills", "/api/v1/admin/drills", r#"{"report":""}"#, May::Socket),
    get("api/drills", "/admin/drills/{entry}", "/api/v1/admin/drills/1", May::Socket),
];

const FETCH: &str = "/{repo}.git/info/refs?service=git-upload-pack";
const PUSH: &str = "/{repo}.git/info/refs?service=git-receive-pack";

/// What is no route of the router, because owners nest: the fallback's addresses.
pub(super) static FALLBACK: &[Row] = &[
    get("git_http", "", FETCH, May::Reader),
    get("git_http", "", PUSH, May::Writer),
    row("git_http", "POST", "", "/{repo}.git/git-upload-pack", "0000", May::Reader),
    row("git_http", "POST", "", "/{repo}.git/git-receive-pack", "0000", May::Writer),
    get("git_http", "", "/{repo}/-/receipts/{entry}", May::Reader),
];
