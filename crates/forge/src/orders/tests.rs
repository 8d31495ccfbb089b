use super::*;
use crate::schema::TABLES;
use journal::order::{RecoveryHalf, SignedOrder, VaultAct};

fn order() -> Order {
    Order {
        kind: Order::KIND.into(),
        site: "outlast/0123456789abcdef0123456789abcdef".into(),
        act: Act::RepoDelete { repo: 7, path: "alice/hello".into() },
        effects: vec![Effect { what: "branches, tags and other refs".into(), count: 3 }],
        nonce: [0x11; 16],
        created_us: 1_800_000_000_000_000,
        not_before_us: 1_800_000_000_000_000 + DELAY_DEFAULT_US,
        expires_us: 1_800_000_000_000_000 + ORDER_AGE_MAX_US,
        requester: Some(5),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// The vector of docs/formats/order.md.
#[test]
fn the_document_has_these_bytes_this_hash_and_this_signature() {
    let document = include_str!("../../../../docs/formats/order.md");
    let plain: String = document.split_whitespace().collect();
    let (bytes, secret) = (order().encode(), "OUTLAST-OFFICER-SECRET:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8");
    let signed = secret.parse::<OfficerSecret>().unwrap().sign(Verb::Approve, Order::hash_of(&bytes));
    for what in [hex(&bytes), hex(&Order::hash_of(&bytes)), signed.to_string(), signed.key.to_string()] {
        assert!(plain.contains(&what), "not in docs/formats/order.md: {what}");
    }
}

#[test]
fn an_order_has_one_form() {
    let bytes = order().encode();
    assert_eq!(Order::decode(&bytes).unwrap(), order());
    assert!(Order::decode(&[bytes.as_slice(), &[0]].concat()).is_err(), "bytes left over");
    // 9 fields, the same with the length in a byte more: CBOR that means the same.
    let longer = [&[0xb8, 9], &bytes[1..]].concat();
    assert_eq!(minicbor::decode::<Order>(&longer).unwrap(), order());
    assert!(Order::decode(&longer).is_err());
    let other = Order { kind: "outlast order 2".into(), ..order() };
    assert!(Order::decode(&other.encode()).is_err());
    assert!(Order::decode(&vec![0x60; ORDER_BYTES_MAX + 1]).is_err());
    for cut in 0..bytes.len() {
        assert!(Order::decode(&bytes[..cut]).is_err());
    }
}

/// The site's acts and the vaults' are written down apart, because a vault links nothing of the site: here they are held together, every
/// field with a value of its own.
#[test]
fn what_vaults_read_of_an_order_is_what_the_site_filed() {
    let keys = vec![RecoveryHalf { recipient: "age1one".into(), signing: [3; 32] }];
    let (path, list, blobs, bytes) = ("alice/hello".to_owned(), [9; 32], 11, 12);
    let erase = Act::Erase { repo: 7, path: path.clone(), list, blobs, bytes, trashed_us: 13 };
    for (act, read) in [
        (Act::RecoveryKeys { keys: keys.clone() }, VaultAct::RecoveryKeys { keys }),
        (erase, VaultAct::Erase { repository: 7, path, list, blobs, bytes }),
    ] {
        let filed = Order { act, ..order() };
        let signed = SignedOrder::new(filed.encode(), Vec::new()).unwrap();
        assert_eq!(signed.order.act, read);
        let times = (signed.order.not_before_us, signed.order.expires_us);
        assert_eq!(times, (filed.not_before_us, filed.expires_us));
        assert_eq!(signed.hash().0, Order::hash_of(&filed.encode()), "what officers signed");
        assert_eq!((signed.order.kind, signed.order.site), (filed.kind, filed.site));
    }
    // Whatever else the site does is nothing to a vault.
    for act in [order().act, Act::TrashEmpty { repo: 7, path: "alice/hello".into() }, Act::FactorsOptional {}] {
        SignedOrder::new(Order { act, ..order() }.encode(), Vec::new()).unwrap_err();
    }
}

#[test]
fn keys_and_signatures_are_read_as_they_are_written() {
    let secret = OfficerSecret::generate().unwrap();
    let read: OfficerSecret = format!("# a comment\n{}\n", secret.reveal()).parse().unwrap();
    assert_eq!(read.public(), secret.public());
    assert_eq!(format!("{secret:?}"), "OfficerSecret(..)");
    assert_eq!(secret.public().to_string().parse::<OfficerKey>().unwrap(), secret.public());
    let line = secret.sign(Verb::Veto, [9; 32]);
    assert_eq!(line.to_string().parse::<SignatureLine>().unwrap(), line);
    assert!(line.key.verify(Verb::Veto, &[9; 32], &line.signature));
    assert!(!line.key.verify(Verb::Approve, &[9; 32], &line.signature));
    for bad in ["", "outlast-officer-key:", "outlast-officer-key:AAAA", &secret.reveal()] {
        assert!(bad.parse::<OfficerKey>().is_err(), "{bad}");
    }
    // The neutral point verifies what nobody signed.
    let weak =
        OfficerKey([1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    assert!(weak.to_string().parse::<OfficerKey>().is_err());
    assert!(format!("{line}:x").parse::<SignatureLine>().is_err());
}

/// A column that a repository, an account or an organisation gets must survive the trash.
#[test]
fn the_trash_has_every_column_of_what_is_in_it() {
    let columns = |name: String| TABLES.iter().find(|table| table.name == name).unwrap().columns;
    for table in ["repository", "account", "organisation"] {
        let (whole, trash) = (columns(table.to_owned()), columns(format!("trashed_{table}")));
        assert_eq!(whole, &trash[..trash.len() - 2], "add it to schema/guard.sql, and to the event that moves it");
    }
}

#[test]
fn every_act_is_in_the_list_once() {
    let numbers: Vec<_> = GUARDED.iter().map(|guarded| guarded.number).collect();
    assert!(numbers.is_sorted_by(|one, next| one < next), "{numbers:?}");
}
