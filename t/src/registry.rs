//! A stand-in for a registry of container images, and for the object store after it, which has the
//! layers.

use std::sync::Arc;

use aws_signing::encode;
use sha2::{Digest, Sha256};

use crate::raw_origin::{RawOrigin, RawRequest};
use crate::reply::Reply;

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// A registry with the image `demo:latest`, of one layer.
///
/// As ECR does, it wants a token for everything, and sends who asks for a blob to another host with
/// a signed URL; that host rejects whoever brings `Authorization`.
pub struct Registry {
    registry: RawOrigin,
    store: RawOrigin,
}

impl Registry {
    /// Starts both; `takes` says whether a request shows a token.
    #[track_caller]
    pub fn start(takes: impl Fn(&RawRequest) -> bool + Send + Sync + 'static) -> Self {
        // Two blocks of zeroes are an empty archive.
        let layer = vec![0; 1024];
        let config = format!(
            "{{\"architecture\": \"amd64\", \"os\": \"linux\", \"config\": {{}}, \"rootfs\": \
             {{\"type\": \"layers\", \"diff_ids\": [\"{}\"]}}}}",
            digest(&layer)
        );
        let manifest = format!(
            "{{\"schemaVersion\": 2, \"mediaType\": \"{MANIFEST}\", \"config\": {{\"mediaType\": \
             \"application/vnd.oci.image.config.v1+json\", \"size\": {}, \"digest\": \"{}\"}}, \
             \"layers\": [{{\"mediaType\": \"application/vnd.oci.image.layer.v1.tar\", \"size\": \
             {}, \"digest\": \"{}\"}}]}}",
            config.len(),
            digest(config.as_bytes()),
            layer.len(),
            digest(&layer)
        );

        let blobs = Arc::new([config.into_bytes(), layer]);
        let store = RawOrigin::start(move |request| {
            if request.header("Authorization").is_some() {
                return Reply::new(400, "Only one auth mechanism allowed");
            }
            let target = request.target();
            let wanted =
                |blob: &&Vec<u8>| target == format!("/{}?X-Amz-Signature=SECRETLINK", digest(blob));
            match blobs.iter().find(wanted) {
                Some(blob) => Reply::new(200, blob),
                None => Reply::new(403, "AccessDenied"),
            }
        });

        let store_address = store.address();
        let registry = RawOrigin::start(move |request| {
            if !takes(request) {
                let realm = ("WWW-Authenticate", "Basic realm=\"registry\"");
                return Reply::with_headers(401, &[realm], "{}");
            }
            let target = request.target();
            if target == "/v2/" {
                return Reply::new(200, "{}");
            }
            if target == "/v2/demo/manifests/latest" {
                let digest = digest(manifest.as_bytes());
                let headers = [
                    ("Content-Type", MANIFEST),
                    ("Docker-Content-Digest", &digest),
                ];
                return Reply::with_headers(200, &headers, &manifest);
            }
            match target.strip_prefix("/v2/demo/blobs/") {
                Some(digest) => {
                    let url = format!("http://{store_address}/{digest}?X-Amz-Signature=SECRETLINK");
                    Reply::with_headers(307, &[("Location", &url)], "")
                }
                None => Reply::new(404, "{}"),
            }
        });
        Self { registry, store }
    }

    /// Where clients ask.
    pub fn registry(&self) -> &RawOrigin {
        &self.registry
    }

    /// Where the layers are.
    pub fn store(&self) -> &RawOrigin {
        &self.store
    }
}

/// `sha256:` and 64 digits.
fn digest(content: &[u8]) -> String {
    let mut digits = b"sha256:".to_vec();
    encode::hex(&Sha256::digest(content), &mut digits);
    String::from_utf8(digits).expect("digits")
}
