use core::arch::asm;

/// The first byte of what whoever runs the program gave to it.
pub(crate) fn argument() -> u8 {
    let mut line = [0_u8; 64];
    let block = [line.as_mut_ptr().expose_provenance(), line.len()];
    call(GET_COMMAND_LINE, block.as_ptr().expose_provenance());
    core::hint::black_box(&line)[0]
}

/// Says how much of the stack was ever used since it was painted.
pub(crate) fn say_stack() {
    let (bottom, top) = bounds();
    let mut at = bottom;
    while at < top && word(at) == PAINT {
        at += 4;
    }
    let mut text = *b"stack           0 B\n\0";
    let mut rest = top - at;
    for digit in text.iter_mut().skip(6).take(11).rev() {
        *digit = if rest == 0 { b' ' } else { b'0' + (rest % 10) as u8 };
        rest /= 10;
    }
    call(WRITE_TEXT, text.as_ptr().expose_provenance());
}

/// Paints what is below the frame of the caller.
#[inline(never)]
#[expect(unsafe_code, reason = "the stack is written to where nothing is on it")]
pub(crate) fn paint_stack() {
    let here = 0_u32;
    let (mut at, end) = (bounds().0, (&raw const here).addr() - 256);
    while at < end {
        // SAFETY: the linker gives this memory to the stack, and its top is above.
        unsafe { core::ptr::with_exposed_provenance_mut::<u32>(at).write_volatile(PAINT) };
        at += 4;
    }
}

#[expect(unsafe_code, reason = "the stack is looked at")]
fn word(at: usize) -> u32 {
    // SAFETY: it is an aligned word of the stack.
    unsafe { core::ptr::with_exposed_provenance::<u32>(at).read_volatile() }
}

/// Where the stack may be.
#[expect(unsafe_code, reason = "the linker knows")]
fn bounds() -> (usize, usize) {
    unsafe extern "C" {
        static __sheap: u32;
        static _stack_start: u32;
    }
    ((&raw const __sheap).expose_provenance(), (&raw const _stack_start).expose_provenance())
}

/// Asks whoever runs the program.
#[expect(unsafe_code, reason = "that takes three instructions")]
fn call(operation: usize, argument: usize) {
    // SAFETY: both operations read and write what the argument points to, and nothing else.
    unsafe {
        asm!(
            ".option push", ".option norvc", ".balign 16",
            "slli x0, x0, 0x1f", "ebreak", "srai x0, x0, 7",
            ".option pop",
            inout("a0") operation => _, in("a1") argument,
        );
    }
}

const WRITE_TEXT: usize = 0x04;
const GET_COMMAND_LINE: usize = 0x15;
const PAINT: u32 = 0xCCCC_CCCC;
