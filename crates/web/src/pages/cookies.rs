//! The cookies: who is signed in, what a browser keeps while it is at a provider, and which colours somebody likes.

use crate::app::App;
use forge::people::known::KNOWN_DEVICE_AGE_MAX_US;
use forge::settings::Name;
use http::{HeaderMap, HeaderValue, header};

/// The session's, by whether the site is reached by https: with the prefix a browser takes it from this host alone.
fn session_name(secure: bool) -> &'static str {
    if secure { "__Host-outlast_session" } else { "outlast_session" }
}

/// The value of a cookie.
pub(crate) fn get<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let all = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    all.flat_map(|text| text.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find_map(|(found, value)| (found == name).then_some(value))
}

/// What the session's cookie says.
pub(crate) fn session(headers: &HeaderMap, secure: bool) -> Option<&str> {
    get(headers, session_name(secure))
}

/// Sets the session's cookie for so many days; an empty value takes it away.
fn set_session(value: &str, secure: bool, days: u64) -> HeaderValue {
    let name = session_name(secure);
    let age = if value.is_empty() { 0 } else { days * 24 * 60 * 60 };
    let secure = if secure { "; Secure" } else { "" };
    let text = format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax; Max-Age={age}{secure}");
    HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static(""))
}

/// The same, for as long as a session lasts on this site.
pub(crate) fn session_cookie(app: &App, value: &str) -> HeaderValue {
    set_session(value, app.is_https(), app.site.settings().number(Name::SessionDays))
}

/// That of the colours, likewise.
fn theme_name(secure: bool) -> &'static str {
    if secure { "__Host-outlast_theme" } else { "outlast_theme" }
}

fn provider_name(secure: bool) -> &'static str {
    if secure { "__Host-outlast_provider" } else { "outlast_provider" }
}

/// What a browser kept while it was at a provider.
pub(crate) fn provider(headers: &HeaderMap, secure: bool) -> Option<&str> {
    get(headers, provider_name(secure))
}

/// Sets what a browser keeps while it is at a provider; an empty value takes it away.
pub(crate) fn set_provider(value: &str, secure: bool) -> HeaderValue {
    let (name, age) = (provider_name(secure), if value.is_empty() { 0 } else { 10 * 60 });
    let secure = if secure { "; Secure" } else { "" };
    let text = format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax; Max-Age={age}{secure}");
    HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static(""))
}

fn known_device_name(secure: bool) -> &'static str {
    if secure { "__Host-outlast_device" } else { "outlast_device" }
}

/// That a browser has signed in before, as it says itself.
pub(crate) fn known_device(headers: &HeaderMap, secure: bool) -> Option<&str> {
    get(headers, known_device_name(secure))
}

/// Marks a browser as one that has signed in. Signing out does not take it away.
pub(crate) fn set_known_device(mark: &str, secure: bool) -> HeaderValue {
    let (name, age) = (known_device_name(secure), KNOWN_DEVICE_AGE_MAX_US / 1_000_000);
    let secure = if secure { "; Secure" } else { "" };
    let text = format!("{name}={mark}; Path=/; HttpOnly; SameSite=Lax; Max-Age={age}{secure}");
    HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static(""))
}

/// Remembers the colours: `light`, `dark`, or nothing for what the system says.
pub(crate) fn set_theme(theme: &'static str, secure: bool) -> HeaderValue {
    let name = theme_name(secure);
    let age = if theme.is_empty() { 0 } else { 365 * 24 * 60 * 60 };
    let secure = if secure { "; Secure" } else { "" };
    let text = format!("{name}={theme}; Path=/; HttpOnly; SameSite=Lax; Max-Age={age}{secure}");
    HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static(""))
}

/// The colours somebody likes.
pub(crate) fn theme(headers: &HeaderMap, secure: bool) -> &'static str {
    match get(headers, theme_name(secure)) {
        Some("light") => "light",
        Some("dark") => "dark",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_is_found_among_others() {
        let mut headers = HeaderMap::new();
        headers.insert(header::COOKIE, "a=1; outlast_session=xyz;b=2; outlast_theme=dark".parse().unwrap());
        assert_eq!(session(&headers, false), Some("xyz"));
        assert_eq!(session(&headers, true), None, "a cookie without the prefix is not the session's over https");
        assert_eq!((theme(&headers, false), theme(&headers, true)), ("dark", ""));
        assert!(set_session("s", true, 14).to_str().unwrap().starts_with("__Host-outlast_session=s; Path=/; HttpOnly"));
        assert!(set_session("s", true, 14).to_str().unwrap().ends_with("; Secure"));
        let theme = set_theme("dark", true);
        assert!(
            theme.to_str().unwrap().starts_with("__Host-outlast_theme=dark; Path=/; HttpOnly; SameSite=Lax"),
            "{theme:?}"
        );
    }
}
