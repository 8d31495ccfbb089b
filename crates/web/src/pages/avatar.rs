//! `/-/avatar/NAME`: a face for everybody, made from the name. The same name has the same one, whether or not it's somebody's.

use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use http::header;
use sha2::{Digest as _, Sha256};

/// Five rows of five cells, mirrored, in one of sixteen hues.
pub(crate) async fn avatar(Path(name): Path<String>) -> Response {
    let headers = [(header::CONTENT_TYPE, "image/svg+xml"), (header::CACHE_CONTROL, "public, max-age=86400")];
    (headers, drawn(&name)).into_response()
}

fn drawn(name: &str) -> String {
    let hash = Sha256::digest(name.to_lowercase().as_bytes());
    let hue = u32::from(hash[0]) / 16 * 360 / 16;
    let mut cells = String::new();
    for row in 0..5usize {
        for column in 0..3usize {
            if hash[1 + row * 3 + column] & 1 == 1 {
                let mut cell = |column: usize| {
                    let (x, y) = (15 + column * 14, 15 + row * 14);
                    cells.push_str(&format!("<rect x=\"{x}\" y=\"{y}\" width=\"14.200\" height=\"14.200\"/>"));
                };
                cell(column);
                if column < 2 {
                    cell(4 - column);
                }
            }
        }
    }
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 100 100\"><rect width=\"100\" height=\"100\" \
         fill=\"hsl({hue} 30% 88%)\"/><g fill=\"hsl({hue} 45% 38%)\">{cells}</g></svg>"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_face_depends_on_the_name_and_shows_nothing_of_it() {
        assert_eq!(drawn("Ada"), drawn("ada"));
        assert_ne!(drawn("ada"), drawn("bob"));
        assert!(!drawn("<script>").contains("script"));
    }
}
