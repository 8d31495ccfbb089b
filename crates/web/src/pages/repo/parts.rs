//! Parts of a repository's pages: kept by what they follow from. The first look at one is answered before all of it is made; the
//! browser asks for the rest (`?late`), which is made meanwhile.

use super::frame::RepoPage;
use crate::pages::error::PageError;
use crate::pages::part::{Keeper, Key, Part, Parts, Slot, alone};
use askama::Template;
use axum::response::Response;
use code::{ReadError, Source};
use forge::site::CodeReader;
use render::Effort;
use serde::Deserialize;
use std::sync::Arc;

/// HTML that was made.
pub(crate) struct Made {
    html: String,
    whole: bool,
}

impl Made {
    /// From a template. `whole`: more effort would not make it better.
    pub(crate) fn of(template: &impl Template, whole: bool) -> Result<Self, ReadError> {
        let html = template.render().map_err(|error| ReadError::Damaged(error.to_string()))?;
        Ok(Self { html, whole })
    }
}

/// What a browser asks for when a page said that there is more.
#[derive(Deserialize, Default)]
pub(crate) struct Late {
    late: Option<String>,
}

impl Late {
    /// As asked of one part of a page that has several that may come late.
    pub(crate) fn of(&self, part: &str) -> Self {
        Self { late: self.late.clone().filter(|late| late == part) }
    }
}

/// A part of a page.
pub(crate) struct Shown {
    pub(crate) part: Arc<Part>,
    pub(crate) whole: bool,
    /// It alone is the answer.
    alone: bool,
}

impl Shown {
    /// The answer, if it was the part alone that was asked for.
    pub(crate) fn alone(&self) -> Option<Response> {
        self.alone.then(|| alone(Arc::clone(&self.part)))
    }

    /// Where it will stand in a page.
    pub(crate) fn slot(&self, parts: &mut Parts) -> Slot {
        if !self.whole {
            parts.unfinished();
        }
        parts.slot(Arc::clone(&self.part))
    }
}

/// Makes the parts of one repository's pages, for somebody who may see it.
#[derive(Clone)]
pub(crate) struct Maker {
    code: CodeReader,
    kept: Keeper,
}

impl RepoPage {
    pub(crate) fn maker(&self) -> Maker {
        Maker { code: self.code.clone(), kept: self.kept.clone() }
    }
}

impl Maker {
    /// What names something that follows from `of` alone.
    pub(crate) fn key(&self, what: &'static str, of: String) -> Key {
        let repo = self.code.repo();
        Key { repo: repo.id, path: repo.path.clone(), what, of }
    }

    /// The same for what shows who said what in which revision: with Subversion that can be corrected.
    pub(crate) fn key_with_words(&self, what: &'static str, of: String) -> Key {
        let of = if self.is_git() { of } else { format!("{of} {}", self.code.generation()) };
        self.key(what, of)
    }

    /// Whether it is a repository of Git.
    pub(crate) fn is_git(&self) -> bool {
        self.code.repo().is_git()
    }

    /// What was kept by this key.
    pub(crate) fn kept<T: Send + Sync + 'static>(&self, key: &Key) -> Option<Arc<T>> {
        self.kept.get(key)
    }

    /// Keeps something.
    pub(crate) fn keep<T: Send + Sync + 'static>(&self, key: &Key, value: Arc<T>, weight: usize) {
        self.kept.put(key, value, weight);
    }

    /// The part with this key: as it was kept, or as a first look shows it while the whole of it is being made.
    pub(crate) async fn part<F>(&self, key: Key, Late { late }: &Late, make: F) -> Result<Shown, PageError>
    where
        F: Fn(&dyn Source, Effort) -> Result<Made, ReadError> + Clone + Send + 'static,
    {
        let alone = late.is_some();
        if let Some(part) = self.kept.get(&key) {
            return Ok(Shown { part, whole: true, alone });
        }
        if alone {
            return Ok(Shown { part: self.whole(key, make).await?, whole: true, alone });
        }
        let (part, whole) = self.make(make.clone(), Effort::First).await?;
        if whole {
            self.kept.put(&key, Arc::clone(&part), part.weight());
        } else if let Some(ahead) = self.kept.ahead() {
            let maker = self.clone();
            tokio::spawn(async move {
                if let Err(error) = maker.whole(key, make).await {
                    tracing::debug!(?error, "a part of a page could not be made");
                }
                drop(ahead);
            });
        }
        Ok(Shown { part, whole, alone })
    }

    /// The whole of it. Who asks while it is being made waits for it.
    async fn whole<F>(&self, key: Key, make: F) -> Result<Arc<Part>, PageError>
    where
        F: FnOnce(&dyn Source, Effort) -> Result<Made, ReadError> + Send + 'static,
    {
        let _turn = self.kept.turn(&key).await;
        if let Some(part) = self.kept.get(&key) {
            return Ok(part);
        }
        let (part, whole) = self.make(make, Effort::Whole).await?;
        if whole {
            self.kept.put(&key, Arc::clone(&part), part.weight());
        }
        Ok(part)
    }

    async fn make<F>(&self, make: F, effort: Effort) -> Result<(Arc<Part>, bool), PageError>
    where
        F: FnOnce(&dyn Source, Effort) -> Result<Made, ReadError> + Send + 'static,
    {
        let made = self.code.read(move |source| {
            let Made { html, whole } = make(source, effort)?;
            let part = if effort == Effort::First { Part::new(html.as_bytes()) } else { Part::small(html.as_bytes()) };
            Ok((Arc::new(part), whole))
        });
        Ok(made.await?)
    }
}
