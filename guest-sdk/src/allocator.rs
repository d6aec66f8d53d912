//! Memory for what lives as long as one event: strings that the host hands in, a task, a body. The general allocator of
//! WASI's C library takes some 250 instructions to give a piece of memory and to take it back, a list of pieces of one
//! size 60. An `echo` needs four pieces: 770 of 14,300 instructions saved.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::ptr;

/// Pieces of up to this size come from the lists. What was once in a list is never given back to the general allocator.
const LARGEST: usize = 512;
const STEP: usize = 16;

/// [`System`], and in front of it a list of free pieces for each size.
pub struct Lists([Cell<*mut Free>; LARGEST / STEP]);

/// A free piece begins with the next one.
struct Free {
    next: *mut Free,
}

// SAFETY: a component of this contract has one thread.
#[cfg(target_arch = "wasm32")]
unsafe impl Sync for Lists {}

impl Lists {
    /// Empty lists.
    pub const fn new() -> Self {
        Lists([const { Cell::new(ptr::null_mut()) }; LARGEST / STEP])
    }

    /// The list that serves a layout.
    #[inline]
    fn serving(&self, layout: Layout) -> Option<&Cell<*mut Free>> {
        if layout.align() > STEP {
            return None;
        }
        // For no bytes that is a list far beyond the last.
        self.0.get(layout.size().wrapping_sub(1) / STEP)
    }
}

/// A new piece for the list that serves a layout.
#[cold]
fn new_piece(layout: Layout) -> *mut u8 {
    let size = layout.size().next_multiple_of(STEP);
    match Layout::from_size_align(size, STEP) {
        // SAFETY: what a list serves is no smaller than one byte.
        Ok(whole) => unsafe { System.alloc(whole) },
        Err(_) => ptr::null_mut(),
    }
}

// SAFETY: pieces come from `System`, each with the size and alignment that its list stands for, which are no less than
// those asked for. A layout always leads to the same list, and one too large for a list always to `System`. A piece is
// either in use or in its list, whose links are written only here.
unsafe impl GlobalAlloc for Lists {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let Some(list) = self.serving(layout) else {
            // SAFETY: the caller's promises are those that `System` asks for.
            return unsafe { System.alloc(layout) };
        };
        let first = list.get();
        if first.is_null() {
            return new_piece(layout);
        }
        // SAFETY: a piece in a list is free and begins with a link.
        list.set(unsafe { (*first).next });
        first.cast()
    }

    #[inline]
    unsafe fn dealloc(&self, piece: *mut u8, layout: Layout) {
        let Some(list) = self.serving(layout) else {
            // SAFETY: it came from `System` with this layout.
            return unsafe { System.dealloc(piece, layout) };
        };
        let piece = piece.cast::<Free>();
        // SAFETY: the piece is the caller's to give back, aligned to `STEP` and no smaller, so a link fits.
        unsafe { (*piece).next = list.get() };
        list.set(piece);
    }

    unsafe fn realloc(&self, piece: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: the caller promises that the size, rounded up to the alignment, is no overflow.
        let wanted = unsafe { Layout::from_size_align_unchecked(size, layout.align()) };
        match (self.serving(layout), self.serving(wanted)) {
            // SAFETY: it came from `System` with this layout, and stays there.
            (None, None) => unsafe { System.realloc(piece, layout, size) },
            (Some(old), Some(new)) if ptr::eq(old, new) => piece,
            // SAFETY: as by the default: another piece, a copy of what both can hold, and the old piece given back.
            _ => unsafe {
                let new = self.alloc(wanted);
                if !new.is_null() {
                    ptr::copy_nonoverlapping(piece, new, layout.size().min(size));
                    self.dealloc(piece, layout);
                }
                new
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every piece in use holds bytes of its own: what is written to one is still there after all that happens to others.
    #[test]
    fn pieces_do_not_overlap_and_keep_what_is_in_them() {
        let lists = Lists::new();
        let mut pieces: Vec<(*mut u8, Layout)> = Vec::new();
        let mut random = 1u64;
        for step in 0..20_000u64 {
            random = random.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            let choice = usize::try_from(random >> 33).expect("31 bits");
            let size = [1, 15, 16, 17, 100, 511, 512, 513, 5000][choice % 9] + choice / 9 % 3;
            // SAFETY: sizes are not zero, and each piece is used with the layout it was made with until it is given back.
            unsafe {
                if pieces.len() < 50 || choice % 2 == 0 {
                    let layout = Layout::from_size_align(size, 1 << (choice % 6)).expect("a layout");
                    let piece = lists.alloc(layout);
                    assert!(!piece.is_null() && piece.addr().is_multiple_of(layout.align()));
                    piece.write_bytes(mark(piece), size);
                    pieces.push((piece, layout));
                } else {
                    let place = choice / 27 % pieces.len();
                    let (piece, layout) = pieces.swap_remove(place);
                    let bytes = std::slice::from_raw_parts(piece, layout.size());
                    assert!(bytes.iter().all(|&byte| byte == mark(piece)), "step {step}");
                    if choice % 3 == 0 {
                        lists.dealloc(piece, layout);
                    } else {
                        let mark_before = mark(piece);
                        let moved = lists.realloc(piece, layout, size);
                        let kept = std::slice::from_raw_parts(moved, size.min(layout.size()));
                        assert!(kept.iter().all(|&byte| byte == mark_before), "step {step}");
                        moved.write_bytes(mark(moved), size);
                        pieces
                            .push((moved, Layout::from_size_align(size, layout.align()).expect("a layout")));
                    }
                }
            }
        }
        for (piece, layout) in pieces {
            // SAFETY: as above.
            unsafe { lists.dealloc(piece, layout) };
        }
    }

    /// A byte that tells a piece from its neighbours.
    fn mark(piece: *mut u8) -> u8 {
        (piece.addr() / STEP % 251) as u8
    }
}
