//! Reads a pipe through one of nginx's connections.

use std::ffi::c_void;
use std::io;

use nginx_sys::{NGX_AGAIN, NGX_ERROR, ngx_connection_t};

use crate::ffi::process::guard::guard;

/// nginx's function for reading sockets cannot read pipes.
///
/// # Safety
/// Called for a connection of a pipe, with a buffer of `size` bytes.
pub(super) unsafe extern "C" fn recv_pipe(
    c: *mut ngx_connection_t,
    buffer: *mut u8,
    size: usize,
) -> isize {
    // SAFETY: by this function's contract.
    guard(NGX_ERROR as isize, || unsafe {
        loop {
            let count = libc::read((*c).fd, buffer.cast::<c_void>(), size);
            if count >= 0 {
                return count;
            }
            match io::Error::last_os_error().kind() {
                io::ErrorKind::Interrupted => {}
                io::ErrorKind::WouldBlock => {
                    (*(*c).read).set_ready(0);
                    return NGX_AGAIN as isize;
                }
                _ => return NGX_ERROR as isize,
            }
        }
    })
}
