//! `outlast serve`

use crate::admin::socket_path;
use crate::cli::Serve;
use crate::config::{Config, SSH_LISTEN_DEFAULT};
use crate::logging;
use crate::shutdown;
use crate::site::Opened;
use anyhow::Context as _;
use std::fs::Permissions;
use std::future::Future;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::watch;
use web::listen::{Limits, serve, serve_cut};

/// Open files that a busy site may need; the usual limit of 1,024 is below what its connections alone take.
const OPEN_FILES: u64 = 65_536;

pub(crate) async fn run(options: &Serve) -> anyhow::Result<ExitCode> {
    let mut config = Config::load(options)?;
    logging::start(config.log);
    raise_open_files();
    let listener =
        TcpListener::bind(&config.listen).await.with_context(|| format!("cannot listen on {}", config.listen))?;
    let address = listener.local_addr()?;
    config.base_url.get_or_insert_with(|| format!("http://{address}"));
    if let Some(file) = &options.recovery_recipient {
        let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
        std::fs::create_dir_all(&config.data).with_context(|| format!("cannot make {}", config.data.display()))?;
        forge::keys::accept_start(&config.data, &text)?;
    }
    let ssh = ssh_listener(&mut config).await?;
    let opened = Opened::open(&config).await?;
    let admin = admin_socket(&config.data)?;
    // Who reads where the site is may stop it at once.
    let stop_requested = shutdown::requested()?;
    announce(&config, &opened, address, ssh.as_ref())?;

    let limits = Limits {
        connections_max: config.limits.connections_max,
        header_read_timeout: std::time::Duration::from_secs(config.limits.header_read_timeout_s),
        graceful_stop: config.limits.graceful_stop(),
    };
    let (stop, stopped) = watch::channel(false);
    let stopping = || {
        let mut stopped = stopped.clone();
        async move {
            // An error means that the sender is gone, which is a reason to stop too.
            let _ = stopped.wait_for(|stop| *stop).await;
        }
    };
    let ssh = tokio::spawn(serve_ssh(ssh, &config, &opened, stopping()));
    let cuts = opened.app.site.cuts();
    let public = web::router(opened.app.clone(), web::Door::Public);
    let public = tokio::spawn(serve_cut(listener, public, limits, stopping(), cuts));
    let private = tokio::spawn(serve(admin, web::router(opened.app.clone(), web::Door::Admin), limits, stopping()));
    stop_requested.await;
    tracing::info!("stopping: requests in flight may finish");
    stop.send_replace(true);
    public.await?;
    private.await?;
    ssh.await??;
    std::fs::remove_file(socket_path(&config.data)).ok();
    opened.close().await;
    tracing::info!("stopped");
    Ok(ExitCode::SUCCESS)
}

/// Listens for SSH where the configuration says. Where nobody says, and somebody else listens there, the site goes without.
async fn ssh_listener(config: &mut Config) -> anyhow::Result<Option<TcpListener>> {
    let wanted = config.ssh_listen.clone();
    if wanted.as_deref() == Some("off") {
        config.ssh_address = None;
        return Ok(None);
    }
    let at = wanted.as_deref().unwrap_or(SSH_LISTEN_DEFAULT);
    let listener = match TcpListener::bind(at).await {
        Ok(listener) => listener,
        Err(error) if wanted.is_none() => {
            tracing::warn!(%error, "no SSH: cannot listen on {at}; name another address with --ssh-listen");
            config.ssh_address = None;
            return Ok(None);
        }
        Err(error) => return Err(error).with_context(|| format!("cannot listen for SSH on {at}")),
    };
    let port = listener.local_addr()?.port();
    let host = host_of(config.base_url.as_deref().unwrap_or_default()).unwrap_or("127.0.0.1");
    config.ssh_address.get_or_insert_with(|| match port {
        22 => format!("ssh://{host}"),
        port => format!("ssh://{host}:{port}"),
    });
    Ok(Some(listener))
}

/// `code.example.org` of `https://code.example.org:8443/x`.
fn host_of(url: &str) -> Option<&str> {
    let authority = url.split_once("://")?.1.split('/').next()?;
    let ends = authority.rfind(']').map_or(0, |at| at + 1);
    let host = authority[ends..].find(':').map_or(authority, |at| &authority[..ends + at]);
    Some(host).filter(|host| !host.is_empty())
}

fn serve_ssh(
    listener: Option<TcpListener>,
    config: &Config,
    opened: &Opened,
    stop: impl Future<Output = ()> + Send + 'static,
) -> impl Future<Output = std::io::Result<()>> + Send + 'static {
    let limits = ssh::Limits { graceful_stop: config.limits.graceful_stop(), ..ssh::Limits::default() };
    let door = ssh::Door {
        site: opened.app.site.clone(),
        pack_cache: opened.app.pack_cache.clone(),
        address: config.ssh_address.clone().unwrap_or_default(),
        svn: Some(svn_tunnel(&opened.app.site)),
        limits,
    };
    async move {
        match listener {
            Some(listener) => ssh::serve(door, listener, stop).await,
            None => Ok(()),
        }
    }
}

fn svn_tunnel(site: &Arc<forge::Site>) -> ssh::SvnTunnel {
    let site = site.clone();
    Arc::new(move |who, client| {
        let site = site.clone();
        Box::pin(async move { site.svn_over_ssh(&who, client).await })
    })
}

fn raise_open_files() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let hard = getrlimit(Resource::Nofile).maximum.unwrap_or(OPEN_FILES);
    let limit = Rlimit { current: Some(hard.min(OPEN_FILES)), maximum: Some(hard) };
    if let Err(error) = setrlimit(Resource::Nofile, limit) {
        tracing::warn!(%error, "cannot raise the limit of open files");
    }
}

/// The admin socket. Another server's would have been seen by the lock on the data directory, so that a file left here is a
/// dead one's.
fn admin_socket(data: &Path) -> anyhow::Result<UnixListener> {
    let path = socket_path(data);
    if path.exists() {
        std::fs::remove_file(&path).with_context(|| format!("cannot remove the old {}", path.display()))?;
    }
    let listener = UnixListener::bind(&path).with_context(|| format!("cannot listen on {}", path.display()))?;
    std::fs::set_permissions(&path, Permissions::from_mode(0o600))?;
    Ok(listener)
}

/// Tells programs where the site is, and people what to do next.
fn announce(config: &Config, opened: &Opened, address: SocketAddr, ssh: Option<&TcpListener>) -> anyhow::Result<()> {
    let ssh = ssh.map(TcpListener::local_addr).transpose()?.map(|address| address.to_string());
    let text = serde_json::json!({ "http": address.to_string(), "ssh": ssh, "pid": std::process::id() });
    let part = config.data.join("listening.json.part");
    std::fs::write(&part, format!("{text}\n"))?;
    std::fs::rename(&part, config.data.join("listening.json"))?;
    tracing::info!(%address, data = %config.data.display(), "serving");
    if let Some(ssh) = &ssh {
        let host_key = opened.app.site.keys().ssh_host_key()?.fingerprint();
        tracing::info!(address = %ssh, host_key, "serving SSH");
    }
    let base_url = opened.app.site.base_url();
    if !address.ip().is_loopback() && !base_url.starts_with("https://") {
        tracing::warn!(base_url, "others reach this site without https: passwords and tokens can be read on the way");
    }
    if opened.app.practice {
        let vaults = crate::practice::directory(&config.data);
        tracing::warn!(vaults = %vaults.display(), "the vaults run on this machine: this is practice, not protection");
    }
    for name in &opened.begun.strangers {
        tracing::warn!(
            "the vault {name} is not one of this site's: officers enrol it (outlast order ask vault-enrol {name}); until then \
             nothing is written to it"
        );
    }
    if let Some(key) = &opened.begun.recovery_key {
        eprintln!("{}", first_words(config, &key.display().to_string()));
    }
    Ok(())
}

fn first_words(config: &Config, key: &str) -> String {
    let data = config.data.display();
    let url = config.base_url.as_deref().unwrap_or_default();
    format!(
        "
  ┌────────────────────────────────────────────────────────────────────────────┐
  │  MOVE THE RECOVERY KEY AWAY FROM THIS MACHINE, NOW                         │
  └────────────────────────────────────────────────────────────────────────────┘
  {key}
  It opens everything that the vaults hold, and it alone can start this site again
  elsewhere. This site does not need it. Keep it where nobody who breaks in here gets.

  Then:
    outlast user create alice --email alice@example.org --data {data}
    outlast token create alice --scope repo:write,repo:create --data {data}
    git push {url}/alice/hello.git HEAD     (the token is the password)
"
    )
}

#[cfg(test)]
mod tests {
    use super::host_of;

    #[test]
    fn hosts_of_addresses() {
        assert_eq!(host_of("http://127.0.0.1:8080"), Some("127.0.0.1"));
        assert_eq!(host_of("https://code.example.org/git"), Some("code.example.org"));
        assert_eq!(host_of("http://[::1]:8080"), Some("[::1]"));
        assert_eq!(host_of("http://[2001:db8::1]"), Some("[2001:db8::1]"));
        assert_eq!(host_of("nonsense"), None);
    }
}
