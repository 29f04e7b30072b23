//! What is on a session's screen, as a PNG. WebKitGTK's own WebDriver screenshots hang without a graphics card.

use x11rb::connection::Connection;
use x11rb::protocol::xproto::{ConnectionExt, ImageFormat, MapState};

/// The largest window on a display, in 8-bit RGB.
pub fn largest_window(display: &str) -> Vec<u8> {
    let (connection, screen) = x11rb::connect(Some(display)).unwrap();
    let root = connection.setup().roots[screen].root;
    let windows = connection.query_tree(root).unwrap().reply().unwrap().children;
    let shown = windows.into_iter().filter(|window| {
        let attributes = connection.get_window_attributes(*window).unwrap().reply().unwrap();
        attributes.map_state == MapState::VIEWABLE
    });
    let places = shown.map(|window| connection.get_geometry(window).unwrap().reply().unwrap());
    let place = places.max_by_key(|place| u32::from(place.width) * u32::from(place.height)).unwrap();
    let (width, height) = (place.width, place.height);
    let image = connection.get_image(ImageFormat::Z_PIXMAP, root, place.x, place.y, width, height, !0);
    let pixels = image.unwrap().reply().unwrap().data;
    // Four bytes a pixel: blue, green, red, and one that says nothing.
    let colours: Vec<u8> = pixels.chunks_exact(4).flat_map(|pixel| [pixel[2], pixel[1], pixel[0]]).collect();
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, width.into(), height.into());
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_compression(png::Compression::High);
    encoder.write_header().unwrap().write_image_data(&colours).unwrap();
    file
}
