//! The list of all settings: what is not here can't be set.

use super::Kind;

/// Settings that belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// How the site shows itself.
    Site,
    /// Who may make what.
    Making,
    /// How long what signs people in is good.
    SigningIn,
    /// How much is taken.
    Limits,
}

impl Group {
    /// All, in the order they are shown in.
    pub const ALL: [Self; 4] = [Self::Site, Self::Making, Self::SigningIn, Self::Limits];

    /// For a heading.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Site => "The site",
            Self::Making => "Repositories and organisations",
            Self::SigningIn => "Signing in",
            Self::Limits => "Limits",
        }
    }
}

/// Something that can be set.
#[derive(Debug)]
pub struct Setting {
    /// Which.
    pub name: Name,
    /// Its name in the journal, in the API and at the command line: never another.
    pub word: &'static str,
    /// Where it belongs.
    pub group: Group,
    /// What values it takes.
    pub kind: Kind,
    /// What holds when nobody sets it.
    pub default: &'static str,
    /// For a page.
    pub title: &'static str,
    /// What it does, in a sentence.
    pub hint: &'static str,
}

macro_rules! settings {
    ($($group:ident { $($name:ident $word:literal: $kind:expr, $default:literal, $title:literal, $hint:literal;)* })*) => {
        /// The name of a setting.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Name { $($(#[doc = $hint] $name,)*)* }

        /// Every setting there is, in the order of [`Name`].
        pub static SETTINGS: &[Setting] = &[$($(Setting {
            name: Name::$name,
            word: $word,
            group: Group::$group,
            kind: $kind,
            default: $default,
            title: $title,
            hint: $hint,
        },)*)*];
    };
}

const DAYS: &str = "days";

settings! {
    Site {
        SiteName "site.name": Kind::Text { chars_max: 60 }, "Outlast",
            "Name", "Stands at the top of every page and in its title.";
        Announcement "site.announcement": Kind::Text { chars_max: 500 }, "",
            "Announcement", "A line at the top of every page; empty: none.";
    }
    Making {
        ReposMadeBy "repositories.made_by": Kind::Choice(&[
                ("everybody", "Everybody, in their own name too"),
                ("organisations", "Everybody, in organisations alone"),
                ("operators", "Operators alone"),
            ]), "everybody",
            "Who makes repositories", "Those that there are stay where they are.";
        OrgsMadeBy "organisations.made_by": Kind::Choice(&[("everybody", "Everybody"), ("operators", "Operators alone")]), "everybody",
            "Who makes organisations", "Owners of one make others inside it in any case.";
        Visibility "repositories.visibility": Kind::Choice(&[
                ("private", "Private: those who are named"),
                ("internal", "Internal: everybody with an account"),
                ("public", "Public: everybody"),
            ]), "private",
            "Who may read a new repository", "When its maker does not say: also of one that is made by a push.";
        Branch "repositories.branch": Kind::Branch, "main",
            "Default branch", "Of a new repository, when its maker does not say.";
    }
    SigningIn {
        SessionDays "sessions.days": Kind::Number { min: 1, max: 365, unit: DAYS }, "14",
            "Sessions end after", "Those that begin from now on.";
        TokenDays "tokens.days": Kind::Number { min: 1, max: 366, unit: DAYS }, "366",
            "Access tokens last at most", "Those that are made from now on.";
        KeyDays "keys.days": Kind::Number { min: 1, max: 1830, unit: DAYS }, "365",
            "SSH keys last", "When who adds one does not say.";
    }
    Limits {
        PushBytes "push.bytes": Kind::Bytes { min: 1 << 20, max: 1 << 40 }, "17179869184",
            "Largest push", "What the configuration file says counts if it is less.";
        FileShownBytes "file.shown_bytes": Kind::Bytes { min: 1 << 16, max: 16 << 20 }, "2097152",
            "Largest file on a page", "A larger one is downloaded.";
        OwnerRepos "quota.owner_repositories": Kind::Number { min: 0, max: 100_000, unit: "repositories" }, "10000",
            "Repositories of an owner", "Unless outlast quota says otherwise for that owner.";
        OwnerBytes "quota.owner_bytes": Kind::Bytes { min: 0, max: 1 << 50 }, "1099511627776",
            "All repositories of an owner", "As they lie in the vaults, unless outlast quota says otherwise for that owner.";
        RepoBytes "quota.repository_bytes": Kind::Bytes { min: 0, max: 1 << 50 }, "107374182400",
            "One repository", "As it lies in the vaults, unless outlast quota says otherwise for it or its owner.";
    }
}

impl Name {
    /// What it is.
    #[must_use]
    pub fn setting(self) -> &'static Setting {
        &SETTINGS[self as usize]
    }

    /// The setting of this name.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        SETTINGS.iter().find(|setting| setting.word == word).map(|setting| setting.name)
    }
}
