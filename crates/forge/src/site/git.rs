//! Git's smart protocol over a repository somebody may use.

use super::Site;
use crate::access::{Authorized, Read, Write, may_create};
use crate::error::Error;
use crate::event::repo::{RepoKind, Visibility};
use crate::names::RepoPath;
use crate::people::query::namespace_fetch;
use crate::people::{Principal, Scope};
use crate::push::{PushAcceptor, PushContext};
use crate::repo::command::RepoCreate;
use crate::repo::{Opened, Repo};
use crate::settings::Name;
use futures_util::StreamExt as _;
use git::cache::PackCache;
use git::receive::{Ends, ReceiveError};
use git::smart_http::Protocol;
use git::upload::{Answer, UploadError, UploadLimits, WhileComputing};
use git::{RefSnapshot, RefUpdate, receive};
use std::sync::Arc;
use std::time::Instant;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};

/// A repository that was opened for somebody to do `A`.
#[derive(Debug)]
pub struct SiteRepository<A: crate::access::Act> {
    proof: Authorized<A>,
    opened: Opened,
    push: Option<PushContext>,
    upload_limits: UploadLimits,
    receive_limits: receive::ReceiveLimits,
}

impl<A: crate::access::Act> SiteRepository<A> {
    /// What it is.
    #[must_use]
    pub fn repo(&self) -> &Repo {
        self.proof.repo()
    }

    /// Its refs, as of the newest held push.
    #[must_use]
    pub fn refs(&self) -> &Arc<RefSnapshot> {
        &self.opened.refs
    }

    /// The repository on the disk.
    #[must_use]
    pub fn git(&self) -> &git::Repository {
        &self.opened.git
    }
}

impl SiteRepository<Read> {
    /// Answers a POST to `git-upload-pack`; `turn` is held while Git works on it.
    pub async fn upload_pack<R: AsyncRead + Send + Unpin>(
        &self,
        protocol: Protocol,
        body: R,
        cache: &Arc<PackCache>,
        turn: WhileComputing,
    ) -> Result<Answer, UploadError> {
        let (git, refs) = (&self.opened.git, &self.opened.refs);
        git::upload::serve(git, refs, protocol, body, cache, self.upload_limits, turn).await
    }

    /// Serves a fetch on a connection that stays open, from the first ref to the last byte of the pack.
    pub async fn upload_stream<R, W>(
        &self,
        protocol: Protocol,
        reader: R,
        writer: W,
        cache: &Arc<PackCache>,
    ) -> Result<(), UploadError>
    where
        R: AsyncRead + Send + Unpin,
        W: AsyncWrite + Send + Unpin,
    {
        let (git, refs) = (&self.opened.git, &self.opened.refs);
        git::upload::serve_stream(git, refs, protocol, reader, writer, cache, self.upload_limits).await
    }
}

impl SiteRepository<Write> {
    /// Takes in an update whose pack was made here, as a push. Gives its entry when it is held.
    pub(super) async fn take_in(self, update: RefUpdate, pack: Vec<u8>) -> Result<u64, Error> {
        let context = self.push.ok_or_else(|| Error::internal("opened for its refs alone"))?;
        let (acceptor, mut told) = PushAcceptor::telling(context, self.proof);
        let (git, refs) = (&self.opened.git, &self.opened.refs);
        let taken = receive::take_in(git, refs, update, &pack, &self.receive_limits, acceptor).await;
        let taken = taken.map_err(|error| Error::internal(error.to_string()))?;
        match (told.try_recv(), taken.results.into_iter().next()) {
            (Ok(became), _) => became.map(|held| held.entry),
            (Err(_), Some(Err(words))) => Err(Error::conflict(words)),
            (Err(_), _) => Err(Error::internal("nothing was said of the commit")),
        }
    }

    /// Answers a POST to `git-receive-pack`.
    pub async fn receive_pack<R: AsyncRead + Send + Unpin>(self, body: R) -> Result<Answer, ReceiveError> {
        self.receive(body, Ends::Body).await
    }

    /// Takes a push on a connection that stays open, from the refs to the report.
    pub async fn receive_stream<R, W>(self, protocol: Protocol, reader: R, mut writer: W) -> Result<(), ReceiveError>
    where
        R: AsyncRead + Send + Unpin,
        W: AsyncWrite + Send + Unpin,
    {
        let mut greeting = Vec::new();
        if protocol == Protocol::V1 {
            git::pkt::write_text(&mut greeting, "version 1");
        }
        greeting.extend_from_slice(&self.opened.refs.receive_advertisement());
        writer.write_all(&greeting).await?;
        writer.flush().await?;
        let mut answer = self.receive(tokio::io::BufReader::new(reader), Ends::Pack).await?;
        while let Some(bytes) = answer.next().await {
            writer.write_all(&bytes?).await?;
        }
        Ok(writer.flush().await?)
    }

    async fn receive<R: AsyncRead + Send + Unpin>(self, body: R, ends: Ends) -> Result<Answer, ReceiveError> {
        let Some(context) = self.push else {
            return Err(ReceiveError::Io(std::io::Error::other("opened for its refs alone")));
        };
        let acceptor = PushAcceptor::new(context, self.proof);
        let (git, refs) = (git::Repository::clone(&self.opened.git), self.opened.refs);
        receive::serve(git, refs, body, ends, self.receive_limits, acceptor).await
    }
}

impl Site {
    /// A repository for fetching. Waits while it is being filled from the vaults.
    pub async fn open_for_read(&self, who: Option<&Principal>, path: &RepoPath) -> Result<SiteRepository<Read>, Error> {
        let proof = self.authorize::<Read>(who, path).await?;
        if let Some(who) = who.filter(|_| proof.repo().visibility == Visibility::Private) {
            self.bulk_reads.note(who.user(), proof.repo().id, Instant::now());
        }
        self.opened(proof, None).await
    }

    /// A repository for fetching, of Git or as Git's view of one of Subversion. Waits while it is being filled from the vaults, or
    /// while the view is made.
    ///
    /// # Errors
    /// Those of authorization; [`Error::Forbidden`] for the view of what one may not read all of.
    pub async fn open_for_fetch(
        &self,
        who: Option<&Principal>,
        path: &RepoPath,
    ) -> Result<SiteRepository<Read>, Error> {
        let proof = self.authorize::<Read>(who, path).await?;
        if let Some(who) = who.filter(|_| proof.repo().visibility == Visibility::Private) {
            self.bulk_reads.note(who.user(), proof.repo().id, Instant::now());
        }
        if proof.repo().is_git() {
            return self.opened(proof, None).await;
        }
        self.must_read_all(who, &proof).await?;
        let opened = self.views.open(&self.subversion, proof.repo().id).await?;
        let (upload_limits, receive_limits) = (self.limits.upload, self.limits.receive);
        Ok(SiteRepository { proof, opened, push: None, upload_limits, receive_limits })
    }

    /// A repository for pushing; made, private, if there is none and it would be in the pusher's own namespace.
    pub async fn open_for_push(
        &self,
        who: Option<&Principal>,
        path: &RepoPath,
    ) -> Result<SiteRepository<Write>, Error> {
        let proof = match self.authorize::<Write>(who, path).await {
            Err(Error::NotFound(text)) => {
                self.push_to_create(who, path, text).await?;
                self.authorize::<Write>(who, path).await?
            }
            other => other?,
        };
        self.may_be_pushed_to(proof.repo())?;
        self.opened(proof, Some(self.push.clone())).await
    }

    /// Git's view of a repository of Subversion is for reading.
    fn may_be_pushed_to(&self, repo: &Repo) -> Result<(), Error> {
        if repo.is_git() {
            return Ok(());
        }
        let (base, path) = (&self.base_url, &repo.path);
        Err(Error::ReadOnlyView(format!(
            "{path} is a repository of Subversion, and its Git view is only for reading: commit with svn, at {base}/{path}.svn"
        )))
    }

    /// A repository for pushing, as it was allowed already.
    pub(crate) async fn open_allowed(&self, proof: Authorized<Write>) -> Result<SiteRepository<Write>, Error> {
        self.opened(proof, Some(self.push.clone())).await
    }

    pub(super) async fn opened<A: crate::access::Act>(
        &self,
        proof: Authorized<A>,
        push: Option<PushContext>,
    ) -> Result<SiteRepository<A>, Error> {
        self.must_be(proof.repo(), RepoKind::Git)?;
        let opened = self.repositories.open(&proof).await?;
        let (upload_limits, mut receive_limits) = (self.limits.upload, self.limits.receive);
        let set = self.settings().number(Name::PushBytes);
        receive_limits.pack_bytes_max = receive_limits.pack_bytes_max.min(set);
        Ok(SiteRepository { proof, opened, push, upload_limits, receive_limits })
    }

    /// What does not exist is made where the asker may make repositories: there it can be no secret that a name is taken.
    async fn push_to_create(&self, who: Option<&Principal>, path: &RepoPath, not_found: String) -> Result<(), Error> {
        let Some(who) = who.filter(|who| !who.is_confined()) else { return Err(Error::NotFound(not_found)) };
        let (user, owner) = (who.user(), path.owner().to_vec());
        let may = move |tx: &mut crate::db::Tx| match namespace_fetch(tx, &owner)? {
            Some((namespace, _)) => may_create(tx, user, namespace),
            None => Ok(false),
        };
        if !self.db().read_async(may).await? {
            return Err(Error::NotFound(not_found));
        }
        if !who.scopes().has(Scope::RepoCreate) {
            let text = format!("{path} does not exist, and this token may not make it: it needs the scope repo:create");
            return Err(Error::NotFound(text));
        }
        let created = self.ledger.submit(who.submitter(), RepoCreate::new(path.clone(), Some(who.clone()))).await;
        match created {
            // Somebody else's push was faster.
            Err(Error::Conflict(_)) => Ok(()),
            other => other.map(drop),
        }
    }
}
