//! Pages as a browser without scripts has them: a cookie, links, forms.

use super::{Answer, Passkey, Site, request};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Somebody's browser; `cookie` is empty for nobody's.
#[derive(Clone)]
pub(crate) struct Browser {
    address: String,
    cookie: String,
}

impl Browser {
    /// Nobody's.
    pub(crate) fn new(site: &Site) -> Self {
        Self { address: site.address.clone(), cookie: String::new() }
    }

    /// The same cookies at a site that has moved.
    pub(crate) fn at(&self, site: &Site) -> Self {
        Self { address: site.address.clone(), cookie: self.cookie.clone() }
    }

    /// Signs in through the form.
    pub(crate) fn sign_in(site: &Site, name: &str, password: &str) -> Self {
        let mut browser = Self::new(site);
        let form = browser.get("/-/sign-in").text();
        let fields: Vec<_> = tags(&form, "input").filter_map(|tag| attribute(tag, "name")).collect();
        assert!(["name", "password"].iter().all(|field| fields.iter().any(|name| name == field)), "{fields:?}");
        let body = format!("name={}&password={}", encoded(name), encoded(password));
        let answer = browser.post("/-/sign-in", &body);
        assert_eq!(answer.status, 303, "{}", answer.text());
        browser.take_cookie(&answer);
        browser
    }

    fn take_cookie(&mut self, answer: &Answer) {
        let cookies = answer.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("set-cookie"));
        let cookies: Vec<_> = cookies.filter_map(|(_, value)| value.split(';').next()).collect();
        self.cookie = cookies.join("; ");
        assert!(self.cookie.contains("outlast_session="), "{answer:?}");
    }

    /// Keeps what an answer sets, as a browser does; an empty one is forgotten.
    pub(crate) fn keep_cookies(&mut self, answer: &Answer) {
        let old = self.cookie.split("; ").filter_map(|pair| pair.split_once('='));
        let set = answer.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("set-cookie"));
        let new = set.filter_map(|(_, value)| value.split(';').next()?.split_once('='));
        let jar: BTreeMap<_, _> = old.chain(new).collect();
        let pairs = jar.iter().filter(|(_, value)| !value.is_empty()).map(|(name, value)| format!("{name}={value}"));
        self.cookie = pairs.collect::<Vec<_>>().join("; ");
    }

    /// Where passkeys work: browsers offer them at `localhost`, not at an IP address.
    fn host(&self) -> String {
        self.address.replace("127.0.0.1", "localhost")
    }

    /// Sends something as from the site's own address by name.
    fn by_name(&self, method: &str, path: &str, body: &str) -> Answer {
        self.send(method, path, &[("Host", &self.host()), ("Sec-Fetch-Site", "same-origin")], body)
    }

    /// Adds a passkey, which an authenticator in software makes; from then on the session counts as begun with it.
    pub(crate) fn add_passkey(&mut self) -> Passkey {
        let (passkey, added) = self.another_passkey();
        self.take_cookie(&added);
        passkey
    }

    /// Adds a passkey to those that there are; what the page said then.
    pub(crate) fn another_passkey(&self) -> (Passkey, Answer) {
        let (passkey, added) = self.offer_passkey();
        assert_eq!(added.status, 200, "{}", added.text());
        (passkey, added)
    }

    /// The same, where it may be refused.
    pub(crate) fn offer_passkey(&self) -> (Passkey, Answer) {
        let mut passkey = Passkey::new(&format!("http://{}", self.host()));
        let page = self.by_name("GET", "/-/settings/security", "").text();
        let challenge = attribute_of(&page, "data-challenge").unwrap_or_else(|| panic!("no ceremony on {page}"));
        let answer = passkey.register(&unbase64(&challenge));
        let body = format!("name=test&challenge={challenge}&answer={}", encoded(&answer));
        let added = self.by_name("POST", "/-/settings/security/key", &body);
        (passkey, added)
    }

    /// Signs in with a passkey alone.
    pub(crate) fn sign_in_with(site: &Site, passkey: &mut Passkey) -> Self {
        let (browser, answer) = Self::try_with(site, passkey);
        assert_eq!(answer.status, 303, "{}", answer.text());
        browser
    }

    /// The same, where it may be refused: signed in if the answer is 303.
    pub(crate) fn try_with(site: &Site, passkey: &mut Passkey) -> (Self, Answer) {
        let mut browser = Self::new(site);
        let page = browser.by_name("GET", "/-/sign-in", "").text();
        let challenge = attribute_of(&page, "data-challenge").unwrap();
        let answer = passkey.sign(&unbase64(&challenge));
        let body = format!("challenge={challenge}&answer={}", encoded(&answer));
        let answer = browser.by_name("POST", "/-/sign-in/passkey", &body);
        if answer.status == 303 {
            browser.take_cookie(&answer);
        }
        (browser, answer)
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], "")
    }

    /// A form of the site's own page.
    pub(crate) fn post(&self, path: &str, body: &str) -> Answer {
        self.send("POST", path, &[("Sec-Fetch-Site", "same-origin")], body)
    }

    /// With these headers and no others but the cookie's and the form's.
    pub(crate) fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let mut headers = headers.to_vec();
        if method != "GET" {
            headers.push(("Content-Type", "application/x-www-form-urlencoded"));
        }
        self.send_bytes(method, path, &headers, body.as_bytes())
    }

    /// With these headers and no others but the cookie's.
    pub(crate) fn send_bytes(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let mut headers = headers.to_vec();
        if !self.cookie.is_empty() {
            headers.push(("Cookie", &self.cookie));
        }
        request(&self.address, method, path, &headers, body).unwrap()
    }

    /// Every page that links lead to from `from`, `pages_max` at most, with its answer. Archives are left out.
    pub(crate) fn crawl(&self, from: &str, pages_max: usize) -> BTreeMap<String, Answer> {
        let mut queue = VecDeque::from([from.to_owned()]);
        let (mut known, mut found) = (BTreeSet::from([from.to_owned()]), BTreeMap::new());
        while let Some(path) = queue.pop_front().filter(|_| found.len() < pages_max) {
            let answer = self.get(&path);
            if answer.header("content-type").is_some_and(|kind| kind.starts_with("text/html")) {
                let links = links(&answer.text()).into_iter().filter(|link| !link.contains("/-/archive/"));
                queue.extend(links.filter(|link| known.insert(link.clone())));
            }
            found.insert(path, answer);
        }
        found
    }
}

/// Where a page's links lead on this site, without what follows `#`.
fn links(html: &str) -> Vec<String> {
    let hrefs = tags(html, "a").filter_map(|tag| attribute(tag, "href"));
    let here = hrefs.filter(|href| href.starts_with('/') && !href.starts_with("//"));
    here.filter_map(|href| Some(href.split('#').next()?.replace("&amp;", "&").replace("&#38;", "&"))).collect()
}

/// The inside of each tag `<NAME ...>`.
fn tags<'a>(html: &'a str, name: &str) -> impl Iterator<Item = &'a str> {
    let open = format!("<{name} ");
    let starts: Vec<_> = html.match_indices(&open).map(|(at, _)| at + open.len()).collect();
    starts.into_iter().filter_map(|at| html[at..].split('>').next())
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let start = format!("{name}=\"");
    let at = if tag.starts_with(&start) { 0 } else { tag.find(&format!(" {start}"))? + 1 };
    tag[at + start.len()..].split('"').next().map(str::to_owned)
}

/// The value of the first attribute of this name.
pub(crate) fn attribute_of(html: &str, name: &str) -> Option<String> {
    let (_, after) = html.split_once(&format!(" {name}=\""))?;
    after.split('"').next().map(str::to_owned)
}

fn unbase64(text: &str) -> Vec<u8> {
    use base64::Engine as _;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(text).unwrap()
}

/// As a form sends it.
pub(crate) fn encoded(text: &str) -> String {
    let byte = |b: u8| if b.is_ascii_alphanumeric() { char::from(b).to_string() } else { format!("%{b:02X}") };
    text.bytes().map(byte).collect()
}
