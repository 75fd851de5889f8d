use cortex_m_semihosting::{debug, hio, syscall};

/// A number that whoever runs the program gave to it, such as a port.
#[expect(unsafe_code, reason = "it is asked from the debugger")]
pub fn argument() -> Option<u16> {
    let mut line = [0_u8; 64];
    let (buffer, len) = (line.as_mut_ptr().expose_provenance(), line.len());
    // SAFETY: the debugger writes to the buffer, and no further than its length.
    let answer = unsafe { syscall!(GET_CMDLINE, buffer, len) };
    let digits = core::hint::black_box(&line).iter().copied().skip_while(|byte| !byte.is_ascii_digit());
    let number = digits
        .take_while(u8::is_ascii_digit)
        .fold(0_u16, |number, digit| number.wrapping_mul(10).wrapping_add(u16::from(digit - b'0')));
    (answer == 0).then_some(number)
}

/// Says how much stack the program took, and ends it.
pub fn finish(is_good: bool) -> ! {
    let mut text = *b"stack           0 B\n";
    let mut rest = stack();
    for digit in text.iter_mut().skip(6).take(11).rev() {
        *digit = if rest == 0 { b' ' } else { b'0' + (rest % 10) as u8 };
        rest /= 10;
    }
    if let Ok(mut output) = hio::hstderr() {
        // Nobody is there to be told.
        let _ = output.write_all(&text);
    }
    loop {
        debug::exit(if is_good { Ok(()) } else { Err(()) });
    }
}

/// Bytes of stack that were ever used: cortex-m-rt has painted it.
#[expect(unsafe_code, reason = "the stack is looked at")]
fn stack() -> usize {
    unsafe extern "C" {
        static _stack_start: u32;
        static _stack_end: u32;
    }
    let (top, mut at) = (&raw const _stack_start, &raw const _stack_end);
    // SAFETY: the linker has put both symbols around the memory of the stack, and nothing else is in it.
    unsafe {
        while at < top && at.read_volatile() == PAINT {
            at = at.add(1);
        }
    }
    top.addr() - at.addr()
}

const PAINT: u32 = 0xCCCC_CCCC;
