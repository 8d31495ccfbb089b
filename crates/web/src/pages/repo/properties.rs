//! Properties of files, directories and revisions, where something keeps them.

use code::Property;

/// A longer value is shown by its beginning.
const SHOWN_BYTES_MAX: usize = 16 << 10;

/// A property as pages show it.
pub(crate) struct PropertyRow {
    pub(crate) name: String,
    pub(crate) value: String,
}

/// Properties as pages show them.
pub(crate) fn property_rows(properties: &[Property]) -> Vec<PropertyRow> {
    let row = |property: &Property| {
        let shown = &property.value[..property.value.len().min(SHOWN_BYTES_MAX)];
        let more = if shown.len() < property.value.len() { " …" } else { "" };
        PropertyRow { name: property.name.clone(), value: format!("{}{more}", code::visible(shown).trim_end()) }
    };
    properties.iter().map(row).collect()
}
