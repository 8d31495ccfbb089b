//! SSH authorities, and who comes with a certificate of theirs.

use super::Site;
use crate::access::{OrgProof, Own};
use crate::certificate::command::{
    AuthorityAdd, AuthorityRemove, CertificateSee, CertificatesRevoke, NewAuthority, Place, Which,
};
use crate::certificate::query::{any_authority, authority_list, certificate_list};
use crate::certificate::{CertificateShown, SshAuthority, SshCertificate, judge};
use crate::clock::now_us;
use crate::error::Error;
use crate::people::{Principal, Proved};
use crate::writer::Submitter;
use std::net::IpAddr;

/// Certificates of one authority's in one look.
const CERTIFICATES_SHOWN_MAX: u32 = 200;

impl Place {
    fn submitter(&self) -> Submitter {
        match self {
            Self::Org(proof) => proof.submitter(),
            Self::Site => Submitter::default(),
        }
    }
}

impl Site {
    /// Whether any authority is trusted: else no certificate is worth a look.
    pub async fn ssh_authorities_any(&self) -> Result<bool, Error> {
        self.db().read_async(|tx| Ok(any_authority(tx)?)).await
    }

    /// Whom a certificate lets in, whose signatures were found right; None: nobody. One that was never seen becomes an entry first.
    /// `asked` is the name in the address that the client used.
    pub async fn ssh_certificate_principal(
        &self,
        shown: &CertificateShown,
        asked: &str,
        from: IpAddr,
    ) -> Result<Option<Principal>, Error> {
        let (wanted, name) = (shown.clone(), asked.to_owned());
        let judged = self.db().read_async(move |tx| judge(tx, &wanted, &name, from, now_us())).await?;
        let Some(good) = judged else { return Ok(None) };
        let mut principal = good.principal;
        if principal.credential.is_none() {
            let by = Submitter { actor: Some(principal.user), credential: Some(good.authority) };
            let see = CertificateSee { shown: shown.clone(), asked: asked.to_owned(), from };
            principal.credential = self.ledger.submit(by, see).await?.output;
        }
        Ok(Some(principal).filter(|principal| principal.credential.is_some()))
    }

    /// The authorities that an organisation trusts, each with the certificates of its that are in use.
    pub async fn ssh_authorities_of(
        &self,
        proof: &OrgProof<Own>,
    ) -> Result<Vec<(SshAuthority, Vec<SshCertificate>)>, Error> {
        let org = proof.org().id;
        let read = move |tx: &mut crate::db::Tx| {
            let mut found = Vec::new();
            for authority in authority_list(tx, Some(org))? {
                let seen = certificate_list(tx, authority.id, now_us(), CERTIFICATES_SHOWN_MAX)?;
                found.push((authority, seen));
            }
            Ok::<_, Error>(found)
        };
        self.db().read_async(read).await
    }

    /// All authorities, at the admin socket.
    pub async fn ssh_authorities(&self) -> Result<Vec<SshAuthority>, Error> {
        self.db().read_async(|tx| Ok(authority_list(tx, None)?)).await
    }

    /// Trusts an authority for an organisation: by an owner who has proved that it is them.
    pub async fn ssh_authority_add(&self, _: &Proved, proof: OrgProof<Own>, new: NewAuthority) -> Result<u64, Error> {
        self.authority_add(Place::Org(Box::new(proof)), new).await
    }

    /// The same for the whole site, or (with `org`) for an organisation, at the admin socket.
    pub async fn ssh_authority_add_as_site(&self, org: Option<OrgProof<Own>>, new: NewAuthority) -> Result<u64, Error> {
        self.authority_add(org.map_or(Place::Site, |proof| Place::Org(Box::new(proof))), new).await
    }

    async fn authority_add(&self, place: Place, new: NewAuthority) -> Result<u64, Error> {
        let by = place.submitter();
        Ok(self.ledger.submit(by, AuthorityAdd { place, new }).await?.output)
    }

    /// Trusts an authority no more; None: at the admin socket. Effective when it returns, with or without vaults.
    pub async fn ssh_authority_remove(&self, proof: Option<OrgProof<Own>>, authority: u64) -> Result<(), Error> {
        let place = proof.map_or(Place::Site, |proof| Place::Org(Box::new(proof)));
        self.change_rights(place.submitter(), AuthorityRemove { place, authority }).await.map(drop)
    }

    /// Revokes certificates; None: at the admin socket. Effective when it returns, with or without vaults.
    pub async fn ssh_certificates_revoke(
        &self,
        proof: Option<OrgProof<Own>>,
        authority: u64,
        which: Which,
    ) -> Result<(), Error> {
        let place = proof.map_or(Place::Site, |proof| Place::Org(Box::new(proof)));
        self.change_rights(place.submitter(), CertificatesRevoke { place, authority, which }).await.map(drop)
    }
}
