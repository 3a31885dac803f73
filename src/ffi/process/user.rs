//! The user that workers run as.

use std::ffi::{CStr, c_int};

use nginx_sys::{ngx_core_conf_t, ngx_core_module};

use crate::ffi::process::cycle::Cycle;

/// A user with its groups.
pub(crate) struct User {
    /// Its name.
    pub(crate) name: String,
    id: u32,
    groups: Vec<u32>,
}

/// More groups than a user has.
const MAX_GROUPS: usize = 1024;

impl User {
    /// The user of `cycle`'s workers. `None` if they run as the user who reads the configuration.
    pub(crate) fn of_workers(cycle: &Cycle<'_>) -> Option<Self> {
        // SAFETY: the core module's configuration is at its index, of this type; the name is a C
        // string. The list of groups has the length that it is said to have.
        unsafe {
            if libc::geteuid() != 0 {
                return None;
            }
            let index = ngx_core_module.index;
            let core = (*(*cycle.as_ptr()).conf_ctx.add(index))
                .cast::<ngx_core_conf_t>()
                .as_ref()?;
            if core.user == u32::MAX || core.username.is_null() || core.user == 0 {
                return None;
            }
            let mut groups = vec![0; MAX_GROUPS];
            let mut count = groups.len() as c_int;
            let found = libc::getgrouplist(
                core.username.cast(),
                core.group as libc::gid_t,
                groups.as_mut_ptr(),
                &mut count,
            );
            groups.truncate(if found < 0 { 0 } else { count.max(0) as usize });
            groups.push(core.group as libc::gid_t);
            let name = CStr::from_ptr(core.username.cast());
            Some(Self {
                name: name.to_string_lossy().into_owned(),
                id: core.user,
                groups,
            })
        }
    }

    /// Whether the permissions `mode` of a file with this owner and group give the user `right` (1:
    /// enter, 4: read).
    pub(crate) fn may(&self, right: u32, mode: u32, owner: u32, group: u32) -> bool {
        let shift = match () {
            () if owner == self.id => 6,
            () if self.groups.contains(&group) => 3,
            () => 0,
        };
        mode >> shift & right != 0
    }
}
