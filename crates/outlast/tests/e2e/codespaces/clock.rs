//! The site's clock, moved on: days pass in a moment. A development build reads by how much it is ahead (`forge::clock`).

use crate::common::{Site, wait_until};
use jiff::Timestamp;
use std::path::{Path, PathBuf};

pub(super) struct Clock {
    file: PathBuf,
}

impl Clock {
    pub(super) fn new(file: &Path) -> Self {
        std::fs::write(file, "0").unwrap();
        Self { file: file.to_path_buf() }
    }

    /// This site goes by it from now on.
    pub(super) fn rules(&self, site: &mut Site) {
        site.env.push(("OUTLAST_CLOCK_AHEAD", self.file.clone()));
        site.stop();
        site.resume();
        wait_until("a quorum answers", 30, || site.get("/healthz").status == 200);
    }

    fn ahead_s(&self) -> u64 {
        std::fs::read_to_string(&self.file).unwrap().parse().unwrap()
    }

    /// So many minutes later.
    pub(super) fn moves(&self, minutes: u64) {
        // Whoever reads it meanwhile reads the old or the new number.
        let new = self.file.with_extension("new");
        std::fs::write(&new, (self.ahead_s() + minutes * 60).to_string()).unwrap();
        std::fs::rename(&new, &self.file).unwrap();
    }

    /// What is due is carried out when this returns: the site has looked twice from beginning to end.
    pub(super) fn settles(site: &Site) {
        let looks = || site.metric("outlast_job_runs", "job=\"settle\"").unwrap();
        let before = looks();
        // The one that ends next may have begun before.
        wait_until("the site looks at what is due", 60, || looks() >= before + 3.0);
    }

    /// Whole minutes until this time.
    pub(super) fn minutes_until(&self, time: &str) -> u64 {
        let at = time.parse::<Timestamp>().unwrap().as_second();
        let now = Timestamp::now().as_second() + self.ahead_s().cast_signed();
        u64::try_from((at - now) / 60).unwrap()
    }
}
