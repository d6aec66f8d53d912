//! Where strings end: the bytes that need attention inside a JSON string, found 64 at a time.

/// The quotes, backslashes and control characters of a text. Looks at a block when it is first asked about it, at all 64
/// bytes in one go, so short strings side by side cost one look together.
pub(super) struct Specials<'a> {
    bytes: &'a [u8],
    /// Where the block begins that `found` is about.
    start: usize,
    /// A bit for each special byte of the block, the first byte's the lowest.
    found: u64,
}

const BLOCK: usize = 64;

/// Whether a byte is a quote, a backslash or a control character.
pub(super) fn is_special(byte: u8) -> bool {
    byte < 0x20 || byte == b'"' || byte == b'\\'
}

impl<'a> Specials<'a> {
    #[inline]
    pub(super) fn new(text: &'a str) -> Specials<'a> {
        // No text is so long, so the first question has a block looked at.
        Specials { bytes: text.as_bytes(), start: usize::MAX / 2 + 1, found: 0 }
    }

    /// The first special byte at or after a place, or else the end of the text.
    #[inline]
    pub(super) fn next(&mut self, from: usize) -> usize {
        let offset = from.wrapping_sub(self.start);
        if offset < BLOCK {
            let found = self.found >> offset;
            if found != 0 {
                return from + found.trailing_zeros() as usize;
            }
        }
        self.next_block(from)
    }

    fn next_block(&mut self, from: usize) -> usize {
        let offset = from.wrapping_sub(self.start);
        let mut start = if offset < BLOCK { self.start + BLOCK } else { from };
        while let Some(block) = self.bytes.get(start..).and_then(|rest| rest.first_chunk()) {
            let found = specials(block);
            if found != 0 {
                (self.start, self.found) = (start, found);
                return start + found.trailing_zeros() as usize;
            }
            start += BLOCK;
        }
        (self.start, self.found) = (start, specials_at_end(self.bytes, start));
        (start + self.found.trailing_zeros() as usize).min(self.bytes.len())
    }
}

const LANE: usize = 16;

/// A bit for each byte of a block that is a quote, a backslash or a control character.
fn specials(block: &[u8; BLOCK]) -> u64 {
    lanes(block.as_chunks().0)
}

fn lanes(lanes: &[[u8; LANE]]) -> u64 {
    lanes.iter().enumerate().fold(0, |found, (number, lane)| found | specials_of(lane) << (LANE * number))
}

/// The same for less than a block at the end of a text. What lies beyond the end counts as special, and ends a search.
fn specials_at_end(text: &[u8], start: usize) -> u64 {
    let rest = text.get(start..).unwrap_or_default();
    let (whole, last) = rest.as_chunks();
    let of_last = match text.last_chunk() {
        // The lane that ends with the text: copying the rest and loading it again at once would make the processor wait.
        Some(lane) => specials_of(lane) >> (LANE - last.len()),
        None => one_by_one(last),
    };
    lanes(whole) | of_last << (LANE * whole.len()) | u64::MAX << rest.len()
}

fn one_by_one(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |found, &byte| found << 1 | u64::from(is_special(byte)))
}

/// A bit for each byte that is a quote, a backslash or a control character, the first byte's the lowest.
#[cfg(target_arch = "x86_64")]
#[inline]
fn specials_of(lane: &[u8; LANE]) -> u64 {
    // SAFETY: every x86_64 processor has SSE2.
    unsafe { specials_sse2(lane) }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "sse2")]
#[inline]
fn specials_sse2(lane: &[u8; LANE]) -> u64 {
    use std::arch::x86_64::{
        _mm_cmpeq_epi8, _mm_min_epu8, _mm_movemask_epi8, _mm_or_si128, _mm_set_epi64x, _mm_set1_epi8,
    };
    let [low, high] = [0, 8].map(|at| i64::from_le_bytes(*lane[at..].first_chunk().expect("8 bytes")));
    let bytes = _mm_set_epi64x(high, low);
    let quotes = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(b'"' as i8));
    let backslashes = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(b'\\' as i8));
    let controls = _mm_cmpeq_epi8(bytes, _mm_min_epu8(bytes, _mm_set1_epi8(0x1f)));
    let bits = _mm_movemask_epi8(_mm_or_si128(controls, _mm_or_si128(quotes, backslashes)));
    // Sixteen bits, one for each byte.
    u64::from(bits as u16)
}

/// A bit for each byte that is a quote, a backslash or a control character, the first byte's the lowest.
#[cfg(not(target_arch = "x86_64"))]
fn specials_of(lane: &[u8; LANE]) -> u64 {
    one_by_one(lane)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn each_special_byte_is_found_and_no_other(
            text in r#"([ -~é"\\\x00-\x1f]{0,3}|[a-z]{50,90}){0,5}"#,
            places in prop::collection::vec(any::<prop::sample::Index>(), 1..20),
        ) {
            let mut specials = Specials::new(&text);
            for place in places {
                let from = place.index(text.len() + 1);
                let is_special = |byte: &u8| *byte < 0x20 || *byte == b'"' || *byte == b'\\';
                let expected = text.as_bytes()[from..].iter().position(is_special).map_or(text.len(), |at| from + at);
                prop_assert_eq!(specials.next(from), expected, "{:?} from {}", text, from);
            }
        }
    }
}
