//! nginx's lists of header lines.

use std::ptr::NonNull;

use nginx_sys::{ngx_list_part_t, ngx_list_t, ngx_table_elt_t};

/// The entries of one of nginx's header lists.
///
/// # Safety
/// The list must stay as it is meanwhile.
pub(super) unsafe fn entries(
    list: &ngx_list_t,
) -> impl Iterator<Item = NonNull<ngx_table_elt_t>> + Clone + use<> {
    let mut part: *const ngx_list_part_t = &list.part;
    let mut at = 0;
    std::iter::from_fn(move || {
        loop {
            // SAFETY: each part has `nelts` entries at `elts`, and a next part or none.
            unsafe {
                let list = part.as_ref()?;
                if at < list.nelts {
                    at += 1;
                    return NonNull::new(list.elts.cast::<ngx_table_elt_t>().add(at - 1));
                }
                (part, at) = (list.next, 0);
            }
        }
    })
}
