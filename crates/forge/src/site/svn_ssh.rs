//! Subversion's door over SSH: whose key it is decides, and the client's first words say which repository it is about.

use super::Site;
use crate::access::{Read, Write};
use crate::error::Error;
use crate::event::repo::RepoKind;
use crate::load::Class;
use crate::names::RepoPath;
use crate::people::Principal;
use crate::svn::{SvnRights, SvnSession, tell};
use std::io;
use std::time::Duration;
use svn::ra_svn;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

/// The longest first words of a client: its abilities, an address, its name.
const OPENING_BYTES_MAX: usize = 16 << 10;
/// How long they may take.
const OPENING_WAIT: Duration = Duration::from_secs(20);
/// How often it is asked whether a session may go on.
const RECHECK_EVERY: Duration = Duration::from_secs(2);

impl Site {
    /// Speaks `svnserve -t` with somebody. What they may not is told in the protocol.
    ///
    /// # Errors
    /// When the client is gone, or says no words of the protocol.
    pub async fn svn_over_ssh<C>(&self, who: &Principal, mut client: C) -> io::Result<()>
    where
        C: AsyncRead + AsyncWrite + Unpin,
    {
        match self.subversion.greeting().await {
            Ok(greeting) => client.write_all(&greeting).await?,
            Err(error) => return tell(client, &error).await,
        }
        client.flush().await?;
        let opening = tokio::time::timeout(OPENING_WAIT, read_opening(&mut client)).await??;
        match self.svn_session(who, &opening.path).await {
            Ok((session, opened)) => {
                let stop = self.until_other_rights(who, &opened);
                session.serve(client, &opening.bytes, stop).await
            }
            Err(error) => tell(client, &error).await,
        }
    }

    async fn svn_session(&self, who: &Principal, address: &str) -> Result<(SvnSession, Opened), Error> {
        let wrong = || Error::invalid("a repository's address here is svn+ssh://HOST/OWNER/NAME.svn");
        let (path, end) = RepoPath::split_svn(address).ok_or_else(wrong)?;
        // Opening it is what may be much; how long the session takes is the client's affair.
        let turn = self.load().enter(Class::MemberRead, Some(who.user())).await;
        let turn = turn.map_err(|shed| Error::NoRoom(shed.to_string()))?;
        let rights = self.svn_rights(who, &path).await?;
        self.must_be(rights.repo(), RepoKind::Svn)?;
        let authz = self.svn_authz(rights.repo().id).await?;
        let session = self.subversion.session(who, &rights, &address[1..end], authz.as_deref()).await?;
        drop(turn);
        Ok((session, Opened { path, rights, authz }))
    }

    async fn svn_rights(&self, who: &Principal, path: &RepoPath) -> Result<SvnRights, Error> {
        match self.authorize::<Write>(Some(who), path).await {
            Ok(proof) => Ok(SvnRights::Write(proof)),
            Err(Error::Forbidden(why)) => Ok(SvnRights::Read(self.authorize::<Read>(Some(who), path).await?, why)),
            Err(error) => Err(error),
        }
    }

    /// Resolves when somebody may do something else in a repository than they might.
    async fn until_other_rights(&self, who: &Principal, opened: &Opened) {
        loop {
            tokio::time::sleep(RECHECK_EVERY).await;
            let rights = async {
                let rights = self.svn_rights(who, &opened.path).await?;
                let authz = self.svn_authz(rights.repo().id).await?;
                Ok(rights.are_those(&opened.rights) && authz == opened.authz)
            };
            match rights.await {
                Ok(true) => {}
                // Not to know is no reason to break off; what is committed is asked about again.
                Err(error) if Error::is_ours(&error) => {}
                _ => return,
            }
        }
    }
}

/// What a session was opened with.
struct Opened {
    path: RepoPath,
    rights: SvnRights,
    authz: Option<String>,
}

/// What a client said first.
struct Opening {
    bytes: Vec<u8>,
    /// The path of the address that it wants.
    path: String,
}

async fn read_opening<C: AsyncRead + Unpin>(client: &mut C) -> io::Result<Opening> {
    let mut bytes = Vec::new();
    loop {
        if let Some((item, _)) = ra_svn::parse(&bytes).map_err(io::Error::other)? {
            let path = ra_svn::wanted_path(&item).map_err(io::Error::other)?.to_owned();
            return Ok(Opening { bytes, path });
        }
        if bytes.len() >= OPENING_BYTES_MAX {
            return Err(io::Error::other("its first words are too long"));
        }
        if client.read_buf(&mut bytes).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
}
