//! The first part of a push: what it wants to do to which refs (gitprotocol-pack, "Reference Update Request").

use crate::names::{ObjectFormat, ObjectId, RefName};
use crate::pack_budget::PackBudget;
use crate::pkt::{self, Line, PktError};
use std::collections::HashMap;
use std::time::Duration;
use tokio::io::AsyncRead;

/// Limits on a push.
#[derive(Debug, Clone, Copy)]
pub struct ReceiveLimits {
    /// Refs in one push.
    pub commands_max: usize,
    /// Bytes of a pack as it is sent.
    pub pack_bytes_max: u64,
    /// What a pack may expand to.
    pub pack: PackBudget,
    /// Push options.
    pub push_options_max: usize,
    /// Bytes of a push option.
    pub push_option_bytes_max: usize,
    /// How long a client may send nothing while its push is read.
    pub idle_time_max: Duration,
}

impl Default for ReceiveLimits {
    fn default() -> Self {
        Self {
            commands_max: 50_000,
            pack_bytes_max: 16 << 30,
            pack: PackBudget::default(),
            idle_time_max: Duration::from_secs(120),
            push_options_max: 16,
            push_option_bytes_max: 1024,
        }
    }
}

/// Why a request is not a push.
#[derive(Debug, thiserror::Error)]
pub enum ProtocolError {
    /// Not packet lines.
    #[error(transparent)]
    Pkt(#[from] PktError),
    /// Not what a push consists of.
    #[error("protocol error: {0}")]
    Malformed(String),
    /// Over a limit.
    #[error("a push may have at most {limit} {what}; push less at once")]
    TooMany {
        /// What there is too much of.
        what: &'static str,
        /// How much there may be.
        limit: usize,
    },
}

/// What a client wants of a ref.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefUpdate {
    /// Which ref.
    pub name: RefName,
    /// What the client believes that it is now; `None`: that there is none.
    pub old: Option<ObjectId>,
    /// What it shall be; `None`: removed.
    pub new: Option<ObjectId>,
}

/// A line of a push. Its name is as the client wrote it, because the report has to name it so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// The ref's name, perhaps not a good one.
    pub name: String,
    /// The update, if the name is good.
    pub update: Result<RefUpdate, String>,
}

/// What the client can do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Capabilities {
    /// It wants to know what became of each ref.
    pub report_status: bool,
    /// It listens to three channels in one.
    pub side_band: bool,
    /// It wants no words beyond what is needed.
    pub quiet: bool,
    /// All or nothing.
    pub atomic: bool,
    /// Push options follow.
    pub push_options: bool,
}

/// Everything before the pack.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PushRequest {
    /// The refs, in the client's order.
    pub commands: Vec<Command>,
    /// What the client can do.
    pub capabilities: Capabilities,
    /// What `git push -o` gave.
    pub push_options: Vec<String>,
}

fn malformed(what: impl Into<String>) -> ProtocolError {
    ProtocolError::Malformed(what.into())
}

impl PushRequest {
    /// Reads everything before the pack.
    ///
    /// # Errors
    /// When it is not a push, or over a limit.
    pub async fn read<R: AsyncRead + Unpin>(
        body: &mut R,
        format: ObjectFormat,
        limits: &ReceiveLimits,
    ) -> Result<Self, ProtocolError> {
        let mut request = Self::default();
        request.read_from(body, format, limits).await.map(|()| request)
    }

    /// As [`Self::read`]; after an error, what was understood before it is here: above all how the client is to be told.
    pub(super) async fn read_from<R: AsyncRead + Unpin>(
        &mut self,
        body: &mut R,
        format: ObjectFormat,
        limits: &ReceiveLimits,
    ) -> Result<(), ProtocolError> {
        let mut shallow = 0;
        while let Some(Line::Data(payload)) = pkt::read(body).await? {
            // A shallow client's own boundaries come first. Whether its objects are complete is checked by walking them.
            if payload.starts_with(b"shallow ") {
                shallow += 1;
            } else {
                self.line(&payload, format)?;
            }
            if self.commands.len() > limits.commands_max || shallow > limits.commands_max {
                return Err(ProtocolError::TooMany { what: "refs (push_commands_max)", limit: limits.commands_max });
            }
        }
        if self.capabilities.push_options {
            self.read_options(body, limits).await?;
        }
        self.refuse_duplicates();
        Ok(())
    }

    fn line(&mut self, payload: &[u8], format: ObjectFormat) -> Result<(), ProtocolError> {
        let (command, capabilities) = match payload.iter().position(|byte| *byte == 0) {
            Some(end) if self.commands.is_empty() => (&payload[..end], Some(&payload[end + 1..])),
            Some(_) => return Err(malformed("capabilities stand on the first line only")),
            None => (payload, None),
        };
        if let Some(capabilities) = capabilities {
            self.capabilities.parse(&String::from_utf8_lossy(capabilities), format)?;
        }
        let command = std::str::from_utf8(command).map_err(|_| malformed("a ref name is not UTF-8"))?;
        let command = command.trim_end_matches('\n');
        if command.starts_with("push-cert") {
            return Err(malformed("signed pushes are not offered here"));
        }
        let mut parts = command.splitn(3, ' ');
        let mut id = || parts.next().and_then(|text| text.parse::<ObjectId>().ok()).filter(|id| id.format() == format);
        let (old, new) = (id(), id());
        let (Some(old), Some(new), Some(name)) = (old, new, parts.next()) else {
            return Err(malformed(format!("not a ref update for a {} repository", format.name())));
        };
        let some = |id: ObjectId| (!id.is_zero()).then_some(id);
        let update = match name.parse::<RefName>() {
            Ok(name) => Ok(RefUpdate { name, old: some(old), new: some(new) }),
            Err(error) => Err(error.to_string()),
        };
        self.commands.push(Command { name: name.to_owned(), update });
        Ok(())
    }

    async fn read_options<R: AsyncRead + Unpin>(
        &mut self,
        body: &mut R,
        limits: &ReceiveLimits,
    ) -> Result<(), ProtocolError> {
        while let Some(line) = pkt::read(body).await? {
            let Line::Data(_) = &line else { return Ok(()) };
            let option = line
                .text()
                .filter(|text| !text.contains(char::is_control))
                .ok_or_else(|| malformed("a push option is not text"))?;
            if option.len() > limits.push_option_bytes_max {
                return Err(ProtocolError::TooMany {
                    what: "bytes in a push option",
                    limit: limits.push_option_bytes_max,
                });
            }
            self.push_options.push(option.to_owned());
            if self.push_options.len() > limits.push_options_max {
                return Err(ProtocolError::TooMany { what: "push options", limit: limits.push_options_max });
            }
        }
        Ok(())
    }

    fn refuse_duplicates(&mut self) {
        let mut times: HashMap<String, usize> = HashMap::new();
        self.commands.iter().for_each(|command| *times.entry(command.name.clone()).or_default() += 1);
        for command in self.commands.iter_mut().filter(|command| times[&command.name] > 1) {
            command.update = Err("the ref stands more than once in this push".to_owned());
        }
    }

    /// Whether a pack follows: a push that only removes has none.
    pub fn has_pack(&self) -> bool {
        self.commands.iter().any(|command| command.update.as_ref().map_or(true, |update| update.new.is_some()))
    }

    /// What can be said about each command by itself.
    pub fn verdicts(&self) -> Vec<Result<(), String>> {
        let verdict = |command: &Command| match &command.update {
            Ok(update) if update.old.is_none() && update.new.is_none() => Err("neither old nor new".to_owned()),
            Ok(_) => Ok(()),
            Err(words) => Err(words.clone()),
        };
        self.commands.iter().map(verdict).collect()
    }

    /// The updates that nothing speaks against so far, with their places among the commands.
    pub fn updates(&self, verdicts: &[Result<(), String>]) -> (Vec<usize>, Vec<RefUpdate>) {
        let good = self.commands.iter().zip(verdicts).enumerate();
        let good = good.filter_map(|(place, (command, verdict))| {
            Some((place, command.update.clone().ok().filter(|_| verdict.is_ok())?))
        });
        good.unzip()
    }
}

impl Capabilities {
    fn parse(&mut self, text: &str, format: ObjectFormat) -> Result<(), ProtocolError> {
        let capabilities = self;
        let mut client_format = ObjectFormat::Sha1;
        for word in text.split_ascii_whitespace() {
            match word {
                "report-status" | "report-status-v2" => capabilities.report_status = true,
                "side-band-64k" => capabilities.side_band = true,
                "quiet" => capabilities.quiet = true,
                "atomic" => capabilities.atomic = true,
                "push-options" => capabilities.push_options = true,
                other => {
                    if let Some(name) = other.strip_prefix("object-format=") {
                        client_format = name.parse().map_err(|_| malformed("an object format that is not known"))?;
                    }
                }
            }
        }
        if client_format == format {
            return Ok(());
        }
        Err(malformed(format!("this repository's objects are {}, yours are {}", format.name(), client_format.name())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const A: &str = "1111111111111111111111111111111111111111";
    const ZERO: &str = "0000000000000000000000000000000000000000";

    fn read(lines: &[String], options: &[&str], limits: &ReceiveLimits) -> Result<PushRequest, ProtocolError> {
        let mut bytes = Vec::new();
        lines.iter().for_each(|line| pkt::write(&mut bytes, line.as_bytes()));
        pkt::write_flush(&mut bytes);
        options.iter().for_each(|option| pkt::write_text(&mut bytes, option));
        pkt::write_flush(&mut bytes);
        let mut body = bytes.as_slice();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(PushRequest::read(&mut body, ObjectFormat::Sha1, limits))
    }

    #[test]
    fn a_push_is_understood() {
        let first = format!(
            "{ZERO} {A} refs/heads/main\0 report-status side-band-64k atomic push-options object-format=sha1 agent=x"
        );
        let request =
            read(&[first, format!("{A} {ZERO} refs/heads/old\n")], &["ci.skip"], &ReceiveLimits::default()).unwrap();
        let capabilities = &request.capabilities;
        assert!(capabilities.report_status && capabilities.side_band && capabilities.atomic && !capabilities.quiet);
        assert_eq!(request.push_options, ["ci.skip"]);
        let (_, updates) = request.updates(&request.verdicts());
        assert_eq!((updates[0].old, updates[1].new), (None, None));
        assert!(request.has_pack());
    }

    #[test]
    fn a_shallow_clients_boundaries_come_before_its_capabilities() {
        let lines = [format!("shallow {A}"), format!("{ZERO} {A} refs/heads/a\0report-status")];
        let request = read(&lines, &[], &ReceiveLimits::default()).unwrap();
        assert!(request.capabilities.report_status && request.commands.len() == 1);
        let one = ReceiveLimits { commands_max: 1, ..ReceiveLimits::default() };
        assert!(read(&vec![lines[0].clone(); 3], &[], &one).is_err());
    }

    #[test]
    fn a_bad_name_spoils_its_own_line_only() {
        let lines = [
            format!("{ZERO} {A} refs/heads/good\0"),
            format!("{ZERO} {A} refs/heads/../evil"),
            format!("{ZERO} {A} refs/outlast/x"),
        ];
        let verdicts = read(&lines, &[], &ReceiveLimits::default()).unwrap().verdicts();
        assert!(verdicts[0].is_ok() && verdicts[1].is_err() && verdicts[2].is_err());
    }

    #[test]
    fn a_ref_that_stands_twice_is_refused() {
        let lines = [format!("{ZERO} {A} refs/heads/a\0"), format!("{A} {ZERO} refs/heads/a")];
        assert!(read(&lines, &[], &ReceiveLimits::default()).unwrap().verdicts().iter().all(Result::is_err));
    }

    #[test]
    fn limits_name_themselves() {
        let limits = ReceiveLimits {
            commands_max: 1,
            push_options_max: 1,
            push_option_bytes_max: 5,
            ..ReceiveLimits::default()
        };
        let two = [format!("{ZERO} {A} refs/heads/a\0push-options"), format!("{ZERO} {A} refs/heads/b")];
        assert!(read(&two, &[], &limits).unwrap_err().to_string().contains("at most 1 refs"));
        assert!(read(&two[..1], &["a", "b"], &limits).unwrap_err().to_string().contains("push options"));
        assert!(read(&two[..1], &["123456"], &limits).unwrap_err().to_string().contains("bytes in a push option"));
        read(&two[..1], &["12345"], &limits).unwrap();
    }

    #[test]
    fn other_formats_and_certificates_are_refused() {
        let sha256 = [format!("{ZERO} {A} refs/heads/a\0object-format=sha256")];
        assert!(read(&sha256, &[], &ReceiveLimits::default()).is_err());
        assert!(read(&["push-cert\0push-cert=x".to_owned()], &[], &ReceiveLimits::default()).is_err());
    }

    proptest! {
        #[test]
        fn any_lines_are_a_push_or_an_error(lines: Vec<String>) {
            let lines: Vec<String> = lines.into_iter().filter(|line| !line.is_empty()).collect();
            let _ = read(&lines, &[], &ReceiveLimits::default());
        }
    }
}
