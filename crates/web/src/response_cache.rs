//! Pages that were made a moment ago, given again as they are: many people look at the same page, and one person again and again.
//!
//! # Invariants
//! 1. Who asks is found out for each request, and what was made for one is given to nobody else: not for another address, with other
//!    cookies or in another encoding either.
//! 2. A page is given again only while the [moment](Moment) it was made in goes on: the journal has not grown, no more of it is held.
//!    Whoever was told that something is done, or that a right is gone, finds it so.
//! 3. What follows from no entry (whether the vaults answer, what the clock says) is [`KEPT_MAX`] old at most.
//! 4. Only pages that say they are whole are kept: not one that the browser has yet to complete.

use crate::app::App;
use crate::identity;
use crate::pages::{ANSWER_BYTES_MAX, Whole, cookies};
use axum::body::{Body, Bytes, to_bytes};
use axum::response::{IntoResponse as _, Response};
use clru::{CLruCache, WeightScale};
use forge::Principal;
use forge::site::Moment;
use http::request::Parts;
use http::{HeaderMap, Method, StatusCode, header};
use sha2::{Digest as _, Sha256};
use std::collections::hash_map::RandomState;
use std::num::NonZeroUsize;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long a page is given again at most.
const KEPT_MAX: Duration = Duration::from_secs(2);
/// What all of them take, in bytes as they are sent.
const RESPONSE_CACHE_BYTES_MAX: usize = 16 << 20;
/// What an entry takes besides its body, about.
const ENTRY_BYTES: usize = 1024;
/// What of a request a page follows from, besides its address and who asks.
const COUNTING: [header::HeaderName; 3] = [header::COOKIE, header::AUTHORIZATION, header::ACCEPT_ENCODING];

/// Digest of what is asked for. (Cookies are credentials: they are not kept.)
type Asked = [u8; 32];

struct Entry {
    who: Option<Principal>,
    at: Instant,
    headers: HeaderMap,
    body: Bytes,
}

struct InBytes;

impl WeightScale<Asked, Entry> for InBytes {
    fn weight(&self, _: &Asked, entry: &Entry) -> usize {
        entry.body.len() + ENTRY_BYTES
    }
}

/// The pages of one moment.
struct Pages {
    moment: Option<Moment>,
    /// How often everything was let go of.
    clears: u64,
    entries: CLruCache<Asked, Entry, RandomState, InBytes>,
}

/// The pages that were made last; those longest not asked for go.
pub struct ResponseCache(Mutex<Pages>);

impl Default for ResponseCache {
    fn default() -> Self {
        let most = NonZeroUsize::new(RESPONSE_CACHE_BYTES_MAX).unwrap_or(NonZeroUsize::MIN);
        Self(Mutex::new(Pages { moment: None, clears: 0, entries: CLruCache::with_scale(most, InBytes) }))
    }
}

impl std::fmt::Debug for ResponseCache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ResponseCache").field("weight", &self.pages().entries.weight()).finish_non_exhaustive()
    }
}

impl ResponseCache {
    /// Lets go of everything: something of it may be of a repository that must leave no trace.
    pub fn clear(&self) {
        let mut pages = self.pages();
        pages.entries.clear();
        pages.clears += 1;
    }

    fn get(&self, asked: &Asked, who: Option<&Principal>, moment: Moment, now: Instant) -> Option<Response> {
        let mut pages = self.pages();
        if pages.moment != Some(moment) {
            return None;
        }
        let entry = pages.entries.get(asked)?;
        if entry.who.as_ref() != who || now.duration_since(entry.at) >= KEPT_MAX {
            return None;
        }
        let mut response = Response::new(Body::from(entry.body.clone()));
        *response.headers_mut() = entry.headers.clone();
        Some(response)
    }

    /// `clears`: how often everything had been let go of when the page began to be made.
    fn put(&self, asked: Asked, moment: Moment, clears: u64, entry: Entry) {
        let mut pages = self.pages();
        if pages.moment > Some(moment) || pages.clears != clears {
            return;
        }
        if pages.moment < Some(moment) {
            // Nobody is given anything of another moment again.
            pages.entries.clear();
            pages.moment = Some(moment);
        }
        // There is room for many of the largest.
        let _ = pages.entries.put_with_weight(asked, entry);
    }

    fn pages(&self) -> MutexGuard<'_, Pages> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A page that is asked for, and may be kept.
pub(crate) struct Lookup {
    asked: Asked,
    who: Option<Principal>,
    moment: Moment,
    clears: u64,
}

impl Lookup {
    /// None: it is no page that could be kept, or things are moving just now. `who` asks was found out for this very request.
    pub(crate) fn of(app: &App, request: &Parts, who: Option<&Principal>) -> Option<Self> {
        if request.method != Method::GET || COUNTING.iter().any(|name| request.headers.get_all(name).iter().count() > 1)
        {
            return None;
        }
        let names_somebody = request.headers.contains_key(header::AUTHORIZATION)
            || cookies::session(&request.headers, app.is_https()).is_some();
        if who.is_none() && names_somebody {
            // Whose session is over, or who could not be looked up just now: the page may find out otherwise.
            return None;
        }
        let moment = app.site.moment()?;
        let mut asked = Sha256::new();
        let mut field = |bytes: &[u8]| {
            asked.update((bytes.len() as u64).to_le_bytes());
            asked.update(bytes);
        };
        field(request.uri.path_and_query()?.as_str().as_bytes());
        for name in &COUNTING {
            field(request.headers.get(name).map_or(&[], |value| value.as_bytes()));
        }
        // Every page says when nothing can be written.
        field(app.site.writability().err().map(|error| error.to_string()).unwrap_or_default().as_bytes());
        let clears = app.responses.pages().clears;
        Some(Self { asked: asked.finalize().into(), who: who.cloned(), moment, clears })
    }

    /// The page, if it was made a moment ago.
    pub(crate) fn kept(&self, app: &App) -> Option<Response> {
        let response = app.responses.get(&self.asked, self.who.as_ref(), self.moment, Instant::now())?;
        app.metrics.page_cache_hits.inc();
        if let Some(who) = &self.who {
            identity::used(app, who);
        }
        Some(response)
    }

    /// Keeps what was answered, if it may be.
    pub(crate) async fn keep(self, app: &App, mut response: Response) -> Response {
        let whole = response.extensions_mut().remove::<Whole>().is_some();
        if !whole || response.status() != StatusCode::OK || response.headers().contains_key(header::SET_COOKIE) {
            return response;
        }
        let (parts, body) = response.into_parts();
        // It says that it is no larger.
        let Ok(body) = to_bytes(body, ANSWER_BYTES_MAX).await else {
            return StatusCode::INTERNAL_SERVER_ERROR.into_response();
        };
        let Self { asked, who, moment, clears } = self;
        let entry = Entry { who, at: Instant::now(), headers: parts.headers.clone(), body: body.clone() };
        app.responses.put(asked, moment, clears, entry);
        Response::from_parts(parts, Body::from(body))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: Moment = Moment { size: 7, held: 6 };

    fn page(text: &str, at: Instant) -> Entry {
        Entry { who: None, at, headers: HeaderMap::new(), body: Bytes::copy_from_slice(text.as_bytes()) }
    }

    fn is_kept(cache: &ResponseCache, asked: u8, moment: Moment, now: Instant) -> bool {
        cache.get(&[asked; 32], None, moment, now).is_some()
    }

    #[test]
    fn a_page_is_given_again_for_two_seconds_of_one_moment() {
        let (cache, now) = (ResponseCache::default(), Instant::now());
        cache.put([1; 32], FIRST, 0, page("one", now));
        assert!(is_kept(&cache, 1, FIRST, now + KEPT_MAX - Duration::from_millis(1)));
        assert!(!is_kept(&cache, 2, FIRST, now), "another address");
        assert!(!is_kept(&cache, 1, FIRST, now + KEPT_MAX), "too old");
        for moment in [Moment { size: 8, ..FIRST }, Moment { held: 7, ..FIRST }] {
            assert!(!is_kept(&cache, 1, moment, now), "{moment:?}");
        }
    }

    #[test]
    fn of_a_moment_that_is_over_nothing_stays() {
        let (cache, now, next) = (ResponseCache::default(), Instant::now(), Moment { held: 7, ..FIRST });
        cache.put([1; 32], FIRST, 0, page("one", now));
        cache.put([2; 32], next, 0, page("two", now));
        assert_eq!(cache.pages().entries.len(), 1);
        cache.put([3; 32], FIRST, 0, page("made long", now));
        assert!(is_kept(&cache, 2, next, now) && cache.pages().entries.len() == 1);
        cache.clear();
        assert!(!is_kept(&cache, 2, next, now));
        cache.put([2; 32], next, 0, page("begun before", now));
        assert!(!is_kept(&cache, 2, next, now), "it may be of what must leave no trace");
        cache.put([2; 32], next, 1, page("two", now));
        assert!(is_kept(&cache, 2, next, now));
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let (cache, now) = (ResponseCache::default(), Instant::now());
        let large = "x".repeat(ANSWER_BYTES_MAX);
        for asked in 0..100 {
            cache.put([asked; 32], FIRST, 0, page(&large, now));
        }
        assert!(is_kept(&cache, 99, FIRST, now) && !is_kept(&cache, 0, FIRST, now));
        assert!(cache.pages().entries.weight() <= RESPONSE_CACHE_BYTES_MAX);
    }
}
