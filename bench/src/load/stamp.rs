//! What files hold: a filler, and at every 4 KiB of a file a mark that tells file and place, so that a reply
//! with other bytes than those asked for is found out.

/// Marks lie at multiples of this.
const EVERY: u64 = 4096;

/// Bytes of a mark.
pub const LEN: usize = 8;

/// Bytes without marks.
pub fn filler(len: usize) -> Vec<u8> {
    b"wirepage".iter().copied().cycle().take(len).collect()
}

/// The mark of a place.
fn mark(file: u32, offset: u64) -> [u8; LEN] {
    let mixed = ((offset / EVERY) ^ (u64::from(file) << 40)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed ^ (mixed >> 29)).to_le_bytes()
}

/// Puts the marks into the bytes of a file from `offset`; one that does not fit whole is left out.
pub fn put(bytes: &mut [u8], file: u32, offset: u64) {
    let first = offset.next_multiple_of(EVERY);
    let end = offset + bytes.len() as u64;
    for place in (first..end).step_by(4096) {
        let at = usize::try_from(place - offset).expect("inside the bytes");
        if let Some(room) = bytes.get_mut(at..at + LEN) {
            room.copy_from_slice(&mark(file, place));
        }
    }
}

/// Whether data of a file that begins at `offset` begins as it must. What cannot be told is taken for right:
/// data that begins elsewhere than at a mark, or is shorter.
pub fn fits(bytes: &[u8], file: u32, offset: u64) -> bool {
    let begins_with_mark = offset.is_multiple_of(EVERY) && bytes.len() >= LEN;
    !begins_with_mark || bytes[..LEN] == mark(file, offset)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_tell_files_and_places_apart() {
        let mut bytes = filler(3 * 4096);
        put(&mut bytes, 3, 8192);
        assert!(fits(&bytes, 3, 8192));
        assert!(fits(&bytes[4096..], 3, 8192 + 4096));
        assert!(fits(&bytes[100..], 3, 8292));
        assert!(!fits(&bytes, 2, 8192));
        assert!(!fits(&bytes, 3, 4096));
        assert!(!fits(&filler(4096), 3, 8192));
    }

    #[test]
    fn marks_do_not_depend_on_how_a_file_is_cut() {
        let mut whole = filler(4 * 4096);
        put(&mut whole, 9, 0);
        let mut cut = filler(4 * 4096);
        for (number, piece) in cut.chunks_mut(1000 * 8).enumerate() {
            put(piece, 9, number as u64 * 8000);
        }
        assert_eq!(whole, cut);
    }
}
