//! The colours of reports: those of the console in the light, as numbers that letters and documents understand.

use super::content::Tone;

/// A colour.
pub type Colour = (u8, u8, u8);

/// What is written.
pub const TEXT: Colour = (0x1b, 0x21, 0x1d);
/// What is written beside it.
pub const FAINT: Colour = (0x55, 0x5d, 0x57);
/// Lines between things.
pub const LINE: Colour = (0xda, 0xe0, 0xdc);
/// Behind heads and figures.
pub const GROUND: Colour = (0xf4, 0xf7, 0xf5);
/// Garth's green.
pub const ACCENT: Colour = (0x18, 0x7c, 0x49);
/// Behind bars.
pub const TRACK: Colour = (0xe6, 0xec, 0xe8);
/// Paper.
pub const PAPER: Colour = (0xff, 0xff, 0xff);

/// A tone's words and what stands behind them.
pub fn of(tone: Tone) -> (Colour, Colour) {
    match tone {
        Tone::Plain => (TEXT, PAPER),
        Tone::Good => ((0x03, 0x66, 0x39), (0xe5, 0xf7, 0xeb)),
        Tone::Near => ((0x7a, 0x4c, 0x00), (0xfe, 0xf2, 0xd9)),
        Tone::Bad => ((0xb3, 0x23, 0x22), (0xff, 0xed, 0xeb)),
    }
}

/// The colour of a bar.
pub fn bar(tone: Tone) -> Colour {
    match tone {
        Tone::Near => (0xce, 0x87, 0x1b),
        Tone::Bad => (0xb3, 0x23, 0x22),
        Tone::Plain | Tone::Good => ACCENT,
    }
}

/// As stylesheets write it.
pub fn hex((red, green, blue): Colour) -> String {
    format!("#{red:02x}{green:02x}{blue:02x}")
}
