//! PNG from SVG.

use resvg::{tiny_skia, usvg};
use std::sync::{Arc, OnceLock};

/// Pixels of the PNG for one unit of the SVG.
const SCALE: f32 = 2.0;
/// Longest side of a PNG in pixels: a canvas takes four bytes a pixel, and viewers refuse larger ones.
const MAX_SIDE: f32 = 4000.0;

/// Draws an SVG of this module, smaller than usual if it would be wider or higher than 4,000 pixels.
/// The Latin font is built in; other scripts come from the system.
///
/// # Errors
/// A sentence, if the SVG cannot be parsed or is too large to draw.
pub fn to_png(svg: &str) -> Result<Vec<u8>, String> {
    let options = usvg::Options {
        fontdb: fonts(),
        font_family: "DejaVu Sans".into(),
        ..Default::default()
    };
    let tree = usvg::Tree::from_str(svg, &options).map_err(|e| e.to_string())?;
    let size = tree.size();
    let scale = SCALE.min(MAX_SIDE / size.width().max(size.height()));
    // At least one pixel: a very long and thin drawing is scaled down on both sides.
    let pixels = |side: f32| (side * scale).ceil().max(1.0) as u32;
    let mut canvas = tiny_skia::Pixmap::new(pixels(size.width()), pixels(size.height()))
        .ok_or("the chart has no size")?;
    let transform = tiny_skia::Transform::from_scale(scale, scale);
    resvg::render(&tree, transform, &mut canvas.as_mut());
    canvas.encode_png().map_err(|e| e.to_string())
}

fn fonts() -> Arc<usvg::fontdb::Database> {
    static FONTS: OnceLock<Arc<usvg::fontdb::Database>> = OnceLock::new();
    FONTS
        .get_or_init(|| {
            let mut database = usvg::fontdb::Database::new();
            database.load_system_fonts();
            database.load_font_data(dejavu::sans::regular().to_vec());
            Arc::new(database)
        })
        .clone()
}

#[cfg(test)]
mod tests {
    use crate::chart::svg::{Anchor, INK, Svg};
    use crate::chart::{Series, Words, bars, confusion, lines, scatter};

    #[test]
    fn each_chart_draws() {
        let series = Series {
            name: "loss & <more>".into(),
            points: vec![(1.0, 2.0), (2.0, f64::NAN), (3.0, 1.0)],
            dashed: true,
        };
        let classes = ["cat".to_string(), "a very long class name".to_string()];
        let words = Words {
            title: "Confusion",
            x: "predicted",
            y: "true",
        };
        for svg in [
            lines("Loss", "epoch", &[series]),
            confusion(&words, &classes, &[vec![3, 1], vec![0, 4]]),
            bars("Labels", &["F1"], &[("spam".into(), vec![0.5])]),
            scatter("Price", "dollars", &[(1e5, 1.2e5), (3e5, 2.5e5)]),
        ] {
            let png = super::to_png(&svg).unwrap();
            assert_eq!(&png[1..4], b"PNG");
            assert!(png.len() > 2000, "an empty picture");
        }
    }

    #[test]
    fn a_huge_drawing_is_scaled_down() {
        let mut svg = Svg::new(9000.0, 3000.0);
        svg.text((10.0, 20.0), 12.0, Anchor::Start, INK, "text");
        let png = super::to_png(&svg.finish("large")).unwrap();
        let side = |at: usize| u32::from_be_bytes(png[at..at + 4].try_into().unwrap());
        assert!((3990..=4001).contains(&side(16)), "{}", side(16));
        assert!((1330..=1334).contains(&side(20)), "{}", side(20));
    }
}
