//! End-to-end tests: the real binary, the real `git` and other people's clients, on loopback. One program, so that it is
//! linked once; one file for each subject.
#![expect(clippy::unwrap_used, reason = "in a test a surprise is a failure, also in the functions tests share")]

mod alarms;
mod audit;
mod behind;
mod buckets;
mod by_hand;
mod certificates;
mod clients;
mod codespaces;
mod common;
mod drills;
mod endpoints;
mod export;
mod factors;
mod features;
mod flood;
mod guarded;
mod history;
mod kills;
mod lockdown;
mod mail;
mod matrix;
mod names;
mod officers;
mod oidc;
mod pages;
mod protections;
mod quotas;
mod ransom;
mod refusals;
mod replace;
mod required;
mod rollback;
mod rotation;
mod settings;
mod signatures;
mod ssh;
mod status;
mod story;
mod svn;
mod svn_pages;
mod svn_ssh;
mod tokens;
mod transparency;
mod trouble;
