//! Objects in memory. Every key is a separate object.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http_body_util::BodyExt;
use s3s::crypto::{Checksum, Md5};
use s3s::dto::*;
use s3s::{Body, S3, S3Request, S3Response, S3Result, s3_error};

/// Buckets of objects, without versions, multipart uploads or access lists.
///
/// Clones share the objects.
#[derive(Clone, Debug, Default)]
pub(crate) struct Memory {
    buckets: Arc<Mutex<BTreeMap<String, Objects>>>,
}

type Objects = BTreeMap<String, Stored>;

#[derive(Clone, Debug)]
struct Stored {
    body: Bytes,
    e_tag: ETag,
    last_modified: Timestamp,
    content_type: Option<ContentType>,
    metadata: Option<Metadata>,
}

impl Memory {
    /// Stores an object, and creates its bucket if it is missing.
    pub(crate) fn put(&self, bucket: &str, key: &str, body: Bytes) {
        let stored = Stored::new(body, None, None);
        self.lock()
            .entry(bucket.to_owned())
            .or_default()
            .insert(key.to_owned(), stored);
    }

    /// The bytes of an object.
    pub(crate) fn get(&self, bucket: &str, key: &str) -> Option<Bytes> {
        self.lock()
            .get(bucket)?
            .get(key)
            .map(|stored| stored.body.clone())
    }

    fn find(&self, bucket: &str, key: &str) -> S3Result<Stored> {
        let buckets = self.lock();
        let bucket = buckets.get(bucket).ok_or_else(|| s3_error!(NoSuchBucket))?;
        bucket.get(key).cloned().ok_or_else(|| s3_error!(NoSuchKey))
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Objects>> {
        self.buckets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Stored {
    fn new(body: Bytes, content_type: Option<ContentType>, metadata: Option<Metadata>) -> Self {
        let mut md5 = Md5::new();
        md5.update(&body);
        let e_tag = md5
            .finalize()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();

        Self {
            body,
            e_tag: ETag::Strong(e_tag),
            last_modified: now(),
            content_type,
            metadata,
        }
    }

    /// Follows RFC 9110, section 13.2.2, for the conditions of a GET or HEAD.
    fn check_conditions(
        &self,
        if_match: Option<&ETagCondition>,
        if_none_match: Option<&ETagCondition>,
        if_modified_since: Option<&Timestamp>,
    ) -> S3Result<()> {
        let names_this = |condition: &ETagCondition| match condition.as_etag() {
            Some(e_tag) => e_tag.weak_cmp(&self.e_tag),
            None => true,
        };
        if if_match.is_some_and(|condition| !names_this(condition)) {
            return Err(s3_error!(PreconditionFailed));
        }

        let unchanged = match (if_none_match, if_modified_since) {
            (Some(condition), _) => names_this(condition),
            (None, Some(since)) => self.last_modified <= *since,
            (None, None) => false,
        };
        if unchanged {
            Err(s3_error!(NotModified))
        } else {
            Ok(())
        }
    }
}

/// The time in whole seconds, the precision of HTTP's headers.
fn now() -> Timestamp {
    let since_epoch = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Timestamp::from(UNIX_EPOCH + Duration::from_secs(since_epoch.as_secs()))
}

#[async_trait::async_trait]
impl S3 for Memory {
    async fn get_object(
        &self,
        req: S3Request<GetObjectInput>,
    ) -> S3Result<S3Response<GetObjectOutput>> {
        let input = req.input;
        let stored = self.find(&input.bucket, &input.key)?;
        stored.check_conditions(
            input.if_match.as_ref(),
            input.if_none_match.as_ref(),
            input.if_modified_since.as_ref(),
        )?;

        let length = stored.body.len() as u64;
        let (body, content_range) = match input.range {
            None => (stored.body, None),
            Some(range) => {
                let range = range.check(length)?;
                let content_range = format!("bytes {}-{}/{length}", range.start, range.end - 1);
                (
                    stored.body.slice(range.start as usize..range.end as usize),
                    Some(content_range),
                )
            }
        };

        Ok(S3Response::new(GetObjectOutput {
            accept_ranges: Some("bytes".to_owned()),
            content_length: Some(body.len() as i64),
            content_range,
            content_type: stored.content_type,
            e_tag: Some(stored.e_tag),
            last_modified: Some(stored.last_modified.clone()),
            metadata: stored.metadata,
            body: Some(Body::from(body).into()),
            ..Default::default()
        }))
    }

    async fn head_object(
        &self,
        req: S3Request<HeadObjectInput>,
    ) -> S3Result<S3Response<HeadObjectOutput>> {
        let input = req.input;
        let stored = self.find(&input.bucket, &input.key)?;
        stored.check_conditions(
            input.if_match.as_ref(),
            input.if_none_match.as_ref(),
            input.if_modified_since.as_ref(),
        )?;

        Ok(S3Response::new(HeadObjectOutput {
            accept_ranges: Some("bytes".to_owned()),
            content_length: Some(stored.body.len() as i64),
            content_type: stored.content_type,
            e_tag: Some(stored.e_tag),
            last_modified: Some(stored.last_modified.clone()),
            metadata: stored.metadata,
            ..Default::default()
        }))
    }

    async fn put_object(
        &self,
        req: S3Request<PutObjectInput>,
    ) -> S3Result<S3Response<PutObjectOutput>> {
        let input = req.input;
        let body = match input.body {
            Some(blob) => Body::from(blob)
                .collect()
                .await
                // Also if the payload's hash is not what was signed.
                .map_err(|e| s3_error!(IncompleteBody, "the body cannot be read: {}", e))?
                .to_bytes(),
            None => Bytes::new(),
        };
        if input
            .content_length
            .is_some_and(|length| length != body.len() as i64)
        {
            return Err(s3_error!(IncompleteBody));
        }

        let stored = Stored::new(body, input.content_type, input.metadata);
        let e_tag = stored.e_tag.clone();
        let mut buckets = self.lock();
        let bucket = buckets
            .get_mut(&input.bucket)
            .ok_or_else(|| s3_error!(NoSuchBucket))?;
        bucket.insert(input.key, stored);

        Ok(S3Response::new(PutObjectOutput {
            e_tag: Some(e_tag),
            ..Default::default()
        }))
    }

    async fn delete_object(
        &self,
        req: S3Request<DeleteObjectInput>,
    ) -> S3Result<S3Response<DeleteObjectOutput>> {
        let mut buckets = self.lock();
        let bucket = buckets
            .get_mut(&req.input.bucket)
            .ok_or_else(|| s3_error!(NoSuchBucket))?;
        bucket.remove(&req.input.key);
        Ok(S3Response::new(DeleteObjectOutput::default()))
    }

    async fn create_bucket(
        &self,
        req: S3Request<CreateBucketInput>,
    ) -> S3Result<S3Response<CreateBucketOutput>> {
        self.lock().entry(req.input.bucket).or_default();
        Ok(S3Response::new(CreateBucketOutput::default()))
    }

    async fn list_objects_v2(
        &self,
        req: S3Request<ListObjectsV2Input>,
    ) -> S3Result<S3Response<ListObjectsV2Output>> {
        let input = req.input;
        let buckets = self.lock();
        let bucket = buckets
            .get(&input.bucket)
            .ok_or_else(|| s3_error!(NoSuchBucket))?;

        let prefix = input.prefix.clone().unwrap_or_default();
        let after = input
            .continuation_token
            .as_ref()
            .or(input.start_after.as_ref());
        let start = match after {
            Some(key) => Bound::Excluded(key.clone()),
            None => Bound::Unbounded,
        };
        let limit = usize::try_from(input.max_keys.unwrap_or(1000)).unwrap_or(0);

        let mut keys = bucket
            .range((start, Bound::Unbounded))
            .filter(|(k, _)| k.starts_with(&prefix));
        let contents: Vec<Object> = keys
            .by_ref()
            .take(limit)
            .map(|(key, stored)| Object {
                key: Some(key.clone()),
                size: Some(stored.body.len() as i64),
                e_tag: Some(stored.e_tag.clone()),
                last_modified: Some(stored.last_modified.clone()),
                ..Default::default()
            })
            .collect();
        let truncated = limit > 0 && keys.next().is_some();
        let last = contents.last().and_then(|object| object.key.clone());

        Ok(S3Response::new(ListObjectsV2Output {
            name: Some(input.bucket),
            prefix: input.prefix,
            key_count: Some(contents.len() as i32),
            max_keys: Some(input.max_keys.unwrap_or(1000)),
            is_truncated: Some(truncated),
            next_continuation_token: last.filter(|_| truncated),
            continuation_token: input.continuation_token,
            contents: Some(contents),
            ..Default::default()
        }))
    }
}
