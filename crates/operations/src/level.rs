//! What a path names: the service, a bucket or an object.

/// What a path can name: one of several levels if it is not known whether Host names the bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Levels(u8);

impl Levels {
    /// Nothing: the service itself, that is, the list of all buckets.
    pub const SERVICE: Self = Self(1);
    /// A bucket.
    pub const BUCKET: Self = Self(2);
    /// An object in a bucket.
    pub const OBJECT: Self = Self(4);

    const EACH: [Self; 3] = [Self::SERVICE, Self::BUCKET, Self::OBJECT];

    /// The levels in either.
    #[must_use]
    pub const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether the path can name `level`.
    pub const fn contains(self, level: Self) -> bool {
        self.0 & level.0 == level.0
    }

    /// The number of the level, from the service down, if there is only one.
    pub(crate) const fn single(self) -> Option<usize> {
        match self.0.is_power_of_two() {
            true => Some(self.index()),
            false => None,
        }
    }

    /// The number of a single level, from the service down.
    pub(crate) const fn index(self) -> usize {
        self.0.trailing_zeros() as usize
    }

    /// The levels, one at a time, from the service down.
    pub fn each(self) -> impl DoubleEndedIterator<Item = Self> {
        Self::EACH
            .into_iter()
            .filter(move |level| self.contains(*level))
    }

    /// What the path of a request to S3 names. `path` is in S3's canonical form, in which only `/`
    /// and unreserved characters are not percent-encoded. `bucket_in_host` is true if Host names
    /// the bucket, so that the path is only a key. S3 resolves nothing in a key: `/bucket/..` names
    /// an object. A key of slashes only can name the bucket as well, since some servers skip empty
    /// segments.
    pub fn of_path(path: &[u8], bucket_in_host: bool) -> Self {
        let path = path.strip_prefix(b"/").unwrap_or(path);
        let is_slashes = |key: &[u8]| key.iter().all(|byte| *byte == b'/');
        match path.iter().position(|byte| *byte == b'/') {
            _ if path.is_empty() && bucket_in_host => Self::BUCKET,
            _ if path.is_empty() => Self::SERVICE,
            Some(0) if bucket_in_host && is_slashes(path) => Self::BUCKET.or(Self::OBJECT),
            _ if bucket_in_host => Self::OBJECT,
            None => Self::BUCKET,
            // No bucket has this name, and some servers skip the slash.
            Some(0) => Self::SERVICE,
            Some(end) if end + 1 == path.len() => Self::BUCKET,
            Some(end) if is_slashes(&path[end..]) => Self::BUCKET.or(Self::OBJECT),
            Some(_) => Self::OBJECT,
        }
    }
}

/// Whether the path can belong to the administration interface of an object store, which accepts
/// the same signatures as S3 does: of MinIO with any host, of Ceph only if `bucket_in_host` is
/// false. `path` is in S3's canonical form.
pub fn is_administration(path: &[u8], bucket_in_host: bool) -> bool {
    const MINIO: [&[u8]; 6] = [b"admin", b"kms", b"metrics", b"prometheus", b"v2", b"v3"];
    const CEPH: [&[u8]; 16] = [
        b"account",
        b"bucket",
        b"caps",
        b"config",
        b"info",
        b"log",
        b"metadata",
        b"opstate",
        b"period",
        b"quota",
        b"ratelimit",
        b"realm",
        b"replica_log",
        b"usage",
        b"user",
        b"zone",
    ];
    let path = path.strip_prefix(b"/").unwrap_or(path);
    // Almost no path begins like this.
    let may_begin = matches!(path.first(), Some(b'm' | b'M' | b'a' | b'A'));
    if !may_begin && !may_be_resolved(path) {
        return false;
    }
    let (_, [first, second]) = resolve(path);
    let is = |segment: &[u8], name: &[u8]| segment.eq_ignore_ascii_case(name);
    is(first, b"minio") && MINIO.iter().any(|name| is(second, name))
        || !bucket_in_host && is(first, b"admin") && CEPH.iter().any(|name| is(second, name))
}

/// Whether a server could resolve something in the path: an empty segment, `.`, `..`, a backslash.
/// True for some paths in which it would not.
fn may_be_resolved(path: &[u8]) -> bool {
    let begins = matches!(path.first(), Some(b'/' | b'.'));
    // Not stopping at the first match lets the compiler compare many bytes at once.
    let pairs = path.iter().zip(path.get(1..).unwrap_or_default());
    pairs.fold(begins, |found, (&byte, &next)| {
        let starts_segment = (byte == b'/') & ((next == b'/') | (next == b'.'));
        found | starts_segment | ((byte == b'%') & (next == b'5'))
    })
}

/// How many segments are left once everything is resolved that any server could resolve, and the
/// first two of them.
fn resolve(path: &[u8]) -> (usize, [&[u8]; 2]) {
    let mut depth = 0;
    let mut first: [&[u8]; 2] = [b"", b""];
    let mut rest = path;
    loop {
        let end = separator(rest);
        let segment = &rest[..end.map_or(rest.len(), |(start, _)| start)];
        match segment {
            b"" | b"." => {}
            b".." => depth = usize::saturating_sub(depth, 1),
            _ => {
                if let Some(place) = first.get_mut(depth) {
                    *place = segment;
                }
                depth += 1;
            }
        }
        match end {
            Some((_, next)) => rest = &rest[next..],
            None => break,
        }
    }
    for place in first.iter_mut().skip(depth) {
        *place = b"";
    }
    (depth, first)
}

/// Where the next separator begins and ends.
fn separator(path: &[u8]) -> Option<(usize, usize)> {
    let is_start = |(at, byte): (usize, &u8)| match byte {
        b'/' => Some((at, at + 1)),
        b'%' if path[at + 1..].starts_with(b"5C") => Some((at, at + 3)),
        _ => None,
    };
    path.iter().enumerate().find_map(is_start)
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: Levels = Levels::SERVICE;
    const B: Levels = Levels::BUCKET;
    const O: Levels = Levels::OBJECT;

    #[test]
    fn a_path_names_a_level() {
        for (path, in_path, in_host) in [
            ("", S, B),
            ("/", S, B),
            ("/b", B, O),
            ("/b/", B, O),
            ("/b/k", O, O),
            ("/b/k/", O, O),
            ("/b/k/l.jpg", O, O),
            ("/b/k..l/.../m", O, O),
            ("//", S, B.or(O)),
            ("///", S, B.or(O)),
            ("//b/k", S, O),
            ("/b//", B.or(O), O),
            ("/b///", B.or(O), O),
            ("/b//k", O, O),
            ("/b/..", O, O),
            ("/..", B, O),
            ("/b%2Fk", B, O),
        ] {
            assert_eq!(Levels::of_path(path.as_bytes(), false), in_path, "{path}");
            assert_eq!(Levels::of_path(path.as_bytes(), true), in_host, "{path}");
        }
    }

    #[test]
    fn administration_is_recognized() {
        for (path, in_path, in_host) in [
            ("/minio/admin/v3/info", true, true),
            ("/minio/kms/status", true, true),
            ("//minio/./admin/", true, true),
            ("/x/../minio/admin", true, true),
            ("/./MinIO%5Cadmin", true, true),
            ("/minio/backup/admin", false, false),
            ("/minio", false, false),
            ("/admin/user", true, false),
            ("/admin/users", false, false),
            ("/admin/", false, false),
            ("/b/minio/admin", false, false),
        ] {
            let path = path.as_bytes();
            assert_eq!(
                is_administration(path, false),
                in_path,
                "{}",
                path.escape_ascii()
            );
            assert_eq!(
                is_administration(path, true),
                in_host,
                "{}",
                path.escape_ascii()
            );
        }
    }
}
