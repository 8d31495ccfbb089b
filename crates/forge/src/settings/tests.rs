use super::*;

#[test]
fn the_list_is_in_the_order_of_its_names_and_its_defaults_are_taken() {
    for (index, setting) in SETTINGS.iter().enumerate() {
        assert_eq!(setting.name as usize, index);
        assert_eq!(Name::from_word(setting.word), Some(setting.name));
        let default = setting.kind.parse(setting.default).unwrap_or_else(|e| panic!("{}: {e}", setting.word));
        assert_eq!(default, setting.default);
        assert_eq!(setting.kind.parse(&setting.kind.show(&default)).unwrap(), default, "{}", setting.word);
    }
    let settings = Settings::default();
    assert_eq!(settings.number(Name::OwnerRepos), crate::quota::OWNER_REPOS_DEFAULT);
    assert_eq!(settings.number(Name::OwnerBytes), crate::quota::OWNER_BYTES_DEFAULT);
    assert_eq!(settings.number(Name::RepoBytes), crate::quota::REPO_BYTES_DEFAULT);
}

#[test]
fn sizes_are_written_as_people_write_them() {
    let kind = Name::PushBytes.setting().kind;
    for text in ["10 GiB", "10g", "10 gib", "10,240 MiB", "10737418240", " 10737418240 B "] {
        assert_eq!(kind.parse(text).unwrap(), "10737418240", "{text}");
    }
    assert_eq!(kind.show("10737418240"), "10 GiB");
    assert_eq!(kind.show("1048577"), "1048577 B");
    assert_eq!(Name::OwnerBytes.setting().kind.show("0"), "0 B");
    for text in
        ["", "ten", "-1", "1.5 GiB", "10 GB", "10 GiBs", "99999999999999999999", "17592186044416 TiB", "1 KiB", "2 TiB"]
    {
        let error = kind.parse(text).unwrap_err().to_string();
        assert!(error.contains("a size from 1 MiB to 1 TiB, as 10 GiB"), "{text}: {error}");
    }
}

#[test]
fn what_is_not_taken_is_told_with_what_is() {
    let parse = |name: Name, text: &str| name.setting().kind.parse(text).map_err(|e| e.to_string());
    assert_eq!(parse(Name::SiteName, "  Our forge ").unwrap(), "Our forge");
    assert!(parse(Name::SiteName, "two\nlines").unwrap_err().contains("a line of at most 60 characters"));
    assert!(parse(Name::SiteName, "turned \u{202e} around").is_err());
    assert!(parse(Name::SiteName, &"x".repeat(61)).is_err());
    assert!(parse(Name::Visibility, "secret").unwrap_err().contains("one of private, internal, public"));
    assert!(parse(Name::SessionDays, "0").unwrap_err().contains("a number of days from 1 to 365"));
    assert!(parse(Name::Branch, "a..b").unwrap_err().contains("the name of a branch"));
}
