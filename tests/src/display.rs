//! What is on a session's screen. WebKitGTK's own WebDriver screenshots hang without a graphics card.

use x11rb::connection::Connection;
use x11rb::protocol::xproto::{
    Atom, ClientMessageEvent, ConnectionExt, EventMask, GetGeometryReply, ImageFormat, MapState, Window,
};
use x11rb::rust_connection::RustConnection;

/// Smaller windows are not what people call a window: GTK has some of one pixel.
const SMALLEST: u32 = 100 * 100;

/// Whether a window can be seen on a display.
pub fn has_window(display: &str) -> bool {
    let (connection, screen) = x11rb::connect(Some(display)).unwrap();
    largest(&connection, screen).is_some()
}

/// Asks the program of the largest window, if there is one, to close it, as the button in its title does.
pub fn close_window(display: &str) {
    let (connection, screen) = x11rb::connect(Some(display)).unwrap();
    let Some((window, _)) = largest(&connection, screen) else { return };
    let atom = |name: &[u8]| -> Atom { connection.intern_atom(false, name).unwrap().reply().unwrap().atom };
    let data = [atom(b"WM_DELETE_WINDOW"), x11rb::CURRENT_TIME, 0, 0, 0];
    let event = ClientMessageEvent::new(32, window, atom(b"WM_PROTOCOLS"), data);
    connection.send_event(false, window, EventMask::NO_EVENT, event).unwrap();
    connection.flush().unwrap();
}

fn largest(connection: &RustConnection, screen: usize) -> Option<(Window, GetGeometryReply)> {
    let root = connection.setup().roots[screen].root;
    let windows = connection.query_tree(root).unwrap().reply().unwrap().children;
    let shown = windows.into_iter().filter(|window| {
        let attributes = connection.get_window_attributes(*window).unwrap().reply();
        attributes.is_ok_and(|attributes| attributes.map_state == MapState::VIEWABLE)
    });
    let area = |place: &GetGeometryReply| u32::from(place.width) * u32::from(place.height);
    shown
        .filter_map(|window| Some((window, connection.get_geometry(window).unwrap().reply().ok()?)))
        .filter(|(_, place)| area(place) >= SMALLEST)
        .max_by_key(|(_, place)| area(place))
}

/// The largest window on a display as a PNG, in 8-bit RGB.
pub fn picture(display: &str) -> Vec<u8> {
    let (connection, screen) = x11rb::connect(Some(display)).unwrap();
    let root = connection.setup().roots[screen].root;
    let (_, place) = largest(&connection, screen).unwrap();
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
