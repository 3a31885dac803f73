//! The table of operations.

use crate::class::Class::{self, Acl, Admin, Delete as Deletes, List, Multipart, Read, Write};
use crate::level::Levels;
use crate::method::Method::{self, Delete, Get, Head, Options, Post, Put};
use crate::selector::Detail::{
    self, AnnotationName, CopySource, Id, ListType, PartNumber, RequestRoute,
};
use crate::selector::SubResource as By;
use Condition::{With, Without};

/// The properties of a request that asks for an operation.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) method: Method,
    /// What its path names.
    pub(crate) level: Levels,
    /// The sub-resource in its query.
    pub(crate) by: Option<By>,
    /// What else the request must or must not contain.
    pub(crate) conditions: &'static [Condition],
    pub(crate) class: Class,
    /// Its IAM actions.
    pub(crate) actions: &'static [&'static str],
    /// Its IAM actions with `versionId`, if they differ.
    pub(crate) version_actions: &'static [&'static str],
}

/// What a request must or must not contain.
#[derive(Clone, Copy)]
pub(crate) enum Condition {
    With(Detail),
    Without(Detail),
}

const SERVICE: Levels = Levels::SERVICE;
const BUCKET: Levels = Levels::BUCKET;
const OBJECT: Levels = Levels::OBJECT;

const fn op(
    name: &'static str,
    method: Method,
    level: Levels,
    by: Option<By>,
    class: Class,
    actions: &'static [&'static str],
) -> Row {
    Row {
        name,
        method,
        level,
        by,
        conditions: &[],
        class,
        actions,
        version_actions: &[],
    }
}

impl Row {
    const fn when(self, conditions: &'static [Condition]) -> Self {
        Self { conditions, ..self }
    }

    const fn versioned(self, version_actions: &'static [&'static str]) -> Self {
        Self {
            version_actions,
            ..self
        }
    }
}

/// Superseded names, and names of operations that requests do not distinguish from others.
pub(crate) const ALIASES: [(&str, &str); 5] = [
    ("GetBucketLifecycle", "GetBucketLifecycleConfiguration"),
    (
        "GetBucketNotification",
        "GetBucketNotificationConfiguration",
    ),
    ("ListDirectoryBuckets", "ListBuckets"),
    ("PutBucketLifecycle", "PutBucketLifecycleConfiguration"),
    (
        "PutBucketNotification",
        "PutBucketNotificationConfiguration",
    ),
];

/// All operations, by name: those of S3's service model, the upload form of browsers
/// (`PostObject`), and CORS preflights (`OptionsObject`), which are not in the model.
#[rustfmt::skip]
pub(crate) const ROWS: &[Row] = &[
    op("AbortMultipartUpload", Delete, OBJECT, Some(By::UploadId), Multipart, &["s3:AbortMultipartUpload"]),
    op("CompleteMultipartUpload", Post, OBJECT, Some(By::UploadId), Multipart, &["s3:PutObject"]),
    op("CopyObject", Put, OBJECT, None, Write, &["s3:PutObject"]).when(&[With(CopySource)]),
    op("CreateBucket", Put, BUCKET, None, Admin, &["s3:CreateBucket"]),
    op("CreateBucketMetadataConfiguration", Post, BUCKET, Some(By::MetadataConfiguration), Admin, &["s3:CreateBucketMetadataTableConfiguration"]),
    op("CreateBucketMetadataTableConfiguration", Post, BUCKET, Some(By::MetadataTable), Admin, &["s3:CreateBucketMetadataTableConfiguration"]),
    op("CreateMultipartUpload", Post, OBJECT, Some(By::Uploads), Multipart, &["s3:PutObject"]),
    op("CreateSession", Get, BUCKET, Some(By::Session), Admin, &["s3express:CreateSession"]),
    op("DeleteBucket", Delete, BUCKET, None, Admin, &["s3:DeleteBucket"]),
    op("DeleteBucketAnalyticsConfiguration", Delete, BUCKET, Some(By::Analytics), Admin, &["s3:PutAnalyticsConfiguration"]).when(&[With(Id)]),
    op("DeleteBucketCors", Delete, BUCKET, Some(By::Cors), Admin, &["s3:PutBucketCORS"]),
    op("DeleteBucketEncryption", Delete, BUCKET, Some(By::Encryption), Admin, &["s3:PutEncryptionConfiguration"]),
    op("DeleteBucketIntelligentTieringConfiguration", Delete, BUCKET, Some(By::IntelligentTiering), Admin, &["s3:PutIntelligentTieringConfiguration"]).when(&[With(Id)]),
    op("DeleteBucketInventoryConfiguration", Delete, BUCKET, Some(By::Inventory), Admin, &["s3:PutInventoryConfiguration"]).when(&[With(Id)]),
    op("DeleteBucketLifecycle", Delete, BUCKET, Some(By::Lifecycle), Admin, &["s3:PutLifecycleConfiguration"]),
    op("DeleteBucketMetadataConfiguration", Delete, BUCKET, Some(By::MetadataConfiguration), Admin, &["s3:DeleteBucketMetadataTableConfiguration"]),
    op("DeleteBucketMetadataTableConfiguration", Delete, BUCKET, Some(By::MetadataTable), Admin, &["s3:DeleteBucketMetadataTableConfiguration"]),
    op("DeleteBucketMetricsConfiguration", Delete, BUCKET, Some(By::Metrics), Admin, &["s3:PutMetricsConfiguration"]).when(&[With(Id)]),
    op("DeleteBucketOwnershipControls", Delete, BUCKET, Some(By::OwnershipControls), Admin, &["s3:PutBucketOwnershipControls"]),
    op("DeleteBucketPolicy", Delete, BUCKET, Some(By::Policy), Admin, &["s3:DeleteBucketPolicy"]),
    op("DeleteBucketReplication", Delete, BUCKET, Some(By::Replication), Admin, &["s3:PutReplicationConfiguration"]),
    op("DeleteBucketTagging", Delete, BUCKET, Some(By::Tagging), Admin, &["s3:PutBucketTagging"]),
    op("DeleteBucketWebsite", Delete, BUCKET, Some(By::Website), Admin, &["s3:DeleteBucketWebsite"]),
    op("DeleteObject", Delete, OBJECT, None, Deletes, &["s3:DeleteObject"]).versioned(&["s3:DeleteObjectVersion"]),
    op("DeleteObjectAnnotation", Delete, OBJECT, Some(By::Annotation), Deletes, &["s3:DeleteObjectAnnotation"]).when(&[With(AnnotationName)]),
    op("DeleteObjectTagging", Delete, OBJECT, Some(By::Tagging), Write, &["s3:DeleteObjectTagging"]).versioned(&["s3:DeleteObjectVersionTagging"]),
    op("DeleteObjects", Post, BUCKET, Some(By::Delete), Deletes, &["s3:DeleteObject"]),
    op("DeletePublicAccessBlock", Delete, BUCKET, Some(By::PublicAccessBlock), Admin, &["s3:PutBucketPublicAccessBlock"]),
    op("GetBucketAbac", Get, BUCKET, Some(By::Abac), Admin, &["s3:GetBucketAbac"]),
    op("GetBucketAccelerateConfiguration", Get, BUCKET, Some(By::Accelerate), Admin, &["s3:GetAccelerateConfiguration"]),
    op("GetBucketAcl", Get, BUCKET, Some(By::Acl), Acl, &["s3:GetBucketAcl"]),
    op("GetBucketAnalyticsConfiguration", Get, BUCKET, Some(By::Analytics), Admin, &["s3:GetAnalyticsConfiguration"]).when(&[With(Id)]),
    op("GetBucketCors", Get, BUCKET, Some(By::Cors), Admin, &["s3:GetBucketCORS"]),
    op("GetBucketEncryption", Get, BUCKET, Some(By::Encryption), Admin, &["s3:GetEncryptionConfiguration"]),
    op("GetBucketIntelligentTieringConfiguration", Get, BUCKET, Some(By::IntelligentTiering), Admin, &["s3:GetIntelligentTieringConfiguration"]).when(&[With(Id)]),
    op("GetBucketInventoryConfiguration", Get, BUCKET, Some(By::Inventory), Admin, &["s3:GetInventoryConfiguration"]).when(&[With(Id)]),
    op("GetBucketLifecycleConfiguration", Get, BUCKET, Some(By::Lifecycle), Admin, &["s3:GetLifecycleConfiguration"]),
    op("GetBucketLocation", Get, BUCKET, Some(By::Location), List, &["s3:GetBucketLocation"]),
    op("GetBucketLogging", Get, BUCKET, Some(By::Logging), Admin, &["s3:GetBucketLogging"]),
    op("GetBucketMetadataConfiguration", Get, BUCKET, Some(By::MetadataConfiguration), Admin, &["s3:GetBucketMetadataTableConfiguration"]),
    op("GetBucketMetadataTableConfiguration", Get, BUCKET, Some(By::MetadataTable), Admin, &["s3:GetBucketMetadataTableConfiguration"]),
    op("GetBucketMetricsConfiguration", Get, BUCKET, Some(By::Metrics), Admin, &["s3:GetMetricsConfiguration"]).when(&[With(Id)]),
    op("GetBucketNotificationConfiguration", Get, BUCKET, Some(By::Notification), Admin, &["s3:GetBucketNotification"]),
    op("GetBucketOwnershipControls", Get, BUCKET, Some(By::OwnershipControls), Admin, &["s3:GetBucketOwnershipControls"]),
    op("GetBucketPolicy", Get, BUCKET, Some(By::Policy), Admin, &["s3:GetBucketPolicy"]),
    op("GetBucketPolicyStatus", Get, BUCKET, Some(By::PolicyStatus), Admin, &["s3:GetBucketPolicyStatus"]),
    op("GetBucketReplication", Get, BUCKET, Some(By::Replication), Admin, &["s3:GetReplicationConfiguration"]),
    op("GetBucketRequestPayment", Get, BUCKET, Some(By::RequestPayment), Admin, &["s3:GetBucketRequestPayment"]),
    op("GetBucketTagging", Get, BUCKET, Some(By::Tagging), Admin, &["s3:GetBucketTagging"]),
    op("GetBucketVersioning", Get, BUCKET, Some(By::Versioning), Admin, &["s3:GetBucketVersioning"]),
    op("GetBucketWebsite", Get, BUCKET, Some(By::Website), Admin, &["s3:GetBucketWebsite"]),
    op("GetObject", Get, OBJECT, None, Read, &["s3:GetObject"]).versioned(&["s3:GetObjectVersion"]),
    op("GetObjectAcl", Get, OBJECT, Some(By::Acl), Acl, &["s3:GetObjectAcl"]).versioned(&["s3:GetObjectVersionAcl"]),
    op("GetObjectAnnotation", Get, OBJECT, Some(By::Annotation), Read, &["s3:GetObjectAnnotation"]).when(&[With(AnnotationName)]),
    op("GetObjectAttributes", Get, OBJECT, Some(By::Attributes), Read, &["s3:GetObject", "s3:GetObjectAttributes"]).versioned(&["s3:GetObjectVersion", "s3:GetObjectVersionAttributes"]),
    op("GetObjectLegalHold", Get, OBJECT, Some(By::LegalHold), Read, &["s3:GetObjectLegalHold"]),
    op("GetObjectLockConfiguration", Get, BUCKET, Some(By::ObjectLock), Admin, &["s3:GetBucketObjectLockConfiguration"]),
    op("GetObjectRetention", Get, OBJECT, Some(By::Retention), Read, &["s3:GetObjectRetention"]),
    op("GetObjectTagging", Get, OBJECT, Some(By::Tagging), Read, &["s3:GetObjectTagging"]).versioned(&["s3:GetObjectVersionTagging"]),
    op("GetObjectTorrent", Get, OBJECT, Some(By::Torrent), Read, &["s3:GetObjectTorrent"]).versioned(&["s3:GetObjectVersionTorrent"]),
    op("GetPublicAccessBlock", Get, BUCKET, Some(By::PublicAccessBlock), Admin, &["s3:GetBucketPublicAccessBlock"]),
    op("HeadBucket", Head, BUCKET, None, List, &["s3:ListBucket"]),
    op("HeadObject", Head, OBJECT, None, Read, &["s3:GetObject"]).versioned(&["s3:GetObjectVersion"]),
    op("ListBucketAnalyticsConfigurations", Get, BUCKET, Some(By::Analytics), Admin, &["s3:GetAnalyticsConfiguration"]).when(&[Without(Id)]),
    op("ListBucketIntelligentTieringConfigurations", Get, BUCKET, Some(By::IntelligentTiering), Admin, &["s3:GetIntelligentTieringConfiguration"]).when(&[Without(Id)]),
    op("ListBucketInventoryConfigurations", Get, BUCKET, Some(By::Inventory), Admin, &["s3:GetInventoryConfiguration"]).when(&[Without(Id)]),
    op("ListBucketMetricsConfigurations", Get, BUCKET, Some(By::Metrics), Admin, &["s3:GetMetricsConfiguration"]).when(&[Without(Id)]),
    op("ListBuckets", Get, SERVICE, None, Admin, &["s3:ListAllMyBuckets"]),
    op("ListMultipartUploads", Get, BUCKET, Some(By::Uploads), Multipart, &["s3:ListBucketMultipartUploads"]),
    op("ListObjectAnnotations", Get, OBJECT, Some(By::Annotation), Read, &["s3:ListObjectAnnotations"]).when(&[Without(AnnotationName)]),
    op("ListObjectVersions", Get, BUCKET, Some(By::Versions), List, &["s3:ListBucketVersions"]),
    op("ListObjects", Get, BUCKET, None, List, &["s3:ListBucket"]).when(&[Without(ListType)]),
    op("ListObjectsV2", Get, BUCKET, None, List, &["s3:ListBucket"]).when(&[With(ListType)]),
    op("ListParts", Get, OBJECT, Some(By::UploadId), Multipart, &["s3:ListMultipartUploadParts"]),
    op("OptionsObject", Options, OBJECT, None, Read, &[]),
    op("PostObject", Post, BUCKET, None, Admin, &["s3:PutObject"]).when(&[Without(RequestRoute)]),
    op("PutBucketAbac", Put, BUCKET, Some(By::Abac), Admin, &["s3:PutBucketAbac"]),
    op("PutBucketAccelerateConfiguration", Put, BUCKET, Some(By::Accelerate), Admin, &["s3:PutAccelerateConfiguration"]),
    op("PutBucketAcl", Put, BUCKET, Some(By::Acl), Acl, &["s3:PutBucketAcl"]),
    op("PutBucketAnalyticsConfiguration", Put, BUCKET, Some(By::Analytics), Admin, &["s3:PutAnalyticsConfiguration"]).when(&[With(Id)]),
    op("PutBucketCors", Put, BUCKET, Some(By::Cors), Admin, &["s3:PutBucketCORS"]),
    op("PutBucketEncryption", Put, BUCKET, Some(By::Encryption), Admin, &["s3:PutEncryptionConfiguration"]),
    op("PutBucketIntelligentTieringConfiguration", Put, BUCKET, Some(By::IntelligentTiering), Admin, &["s3:PutIntelligentTieringConfiguration"]).when(&[With(Id)]),
    op("PutBucketInventoryConfiguration", Put, BUCKET, Some(By::Inventory), Admin, &["s3:PutInventoryConfiguration"]).when(&[With(Id)]),
    op("PutBucketLifecycleConfiguration", Put, BUCKET, Some(By::Lifecycle), Admin, &["s3:PutLifecycleConfiguration"]),
    op("PutBucketLogging", Put, BUCKET, Some(By::Logging), Admin, &["s3:PutBucketLogging"]),
    op("PutBucketMetricsConfiguration", Put, BUCKET, Some(By::Metrics), Admin, &["s3:PutMetricsConfiguration"]).when(&[With(Id)]),
    op("PutBucketNotificationConfiguration", Put, BUCKET, Some(By::Notification), Admin, &["s3:PutBucketNotification"]),
    op("PutBucketOwnershipControls", Put, BUCKET, Some(By::OwnershipControls), Admin, &["s3:PutBucketOwnershipControls"]),
    op("PutBucketPolicy", Put, BUCKET, Some(By::Policy), Admin, &["s3:PutBucketPolicy"]),
    op("PutBucketReplication", Put, BUCKET, Some(By::Replication), Admin, &["s3:PutReplicationConfiguration"]),
    op("PutBucketRequestPayment", Put, BUCKET, Some(By::RequestPayment), Admin, &["s3:PutBucketRequestPayment"]),
    op("PutBucketTagging", Put, BUCKET, Some(By::Tagging), Admin, &["s3:PutBucketTagging"]),
    op("PutBucketVersioning", Put, BUCKET, Some(By::Versioning), Admin, &["s3:PutBucketVersioning"]),
    op("PutBucketWebsite", Put, BUCKET, Some(By::Website), Admin, &["s3:PutBucketWebsite"]),
    op("PutObject", Put, OBJECT, None, Write, &["s3:PutObject"]).when(&[Without(CopySource)]),
    op("PutObjectAcl", Put, OBJECT, Some(By::Acl), Acl, &["s3:PutObjectAcl"]).versioned(&["s3:PutObjectVersionAcl"]),
    op("PutObjectAnnotation", Put, OBJECT, Some(By::Annotation), Write, &["s3:PutObjectAnnotation"]).when(&[With(AnnotationName)]),
    op("PutObjectLegalHold", Put, OBJECT, Some(By::LegalHold), Admin, &["s3:PutObjectLegalHold"]),
    op("PutObjectLockConfiguration", Put, BUCKET, Some(By::ObjectLock), Admin, &["s3:PutBucketObjectLockConfiguration"]),
    op("PutObjectRetention", Put, OBJECT, Some(By::Retention), Admin, &["s3:PutObjectRetention"]),
    op("PutObjectTagging", Put, OBJECT, Some(By::Tagging), Write, &["s3:PutObjectTagging"]).versioned(&["s3:PutObjectVersionTagging"]),
    op("PutPublicAccessBlock", Put, BUCKET, Some(By::PublicAccessBlock), Admin, &["s3:PutBucketPublicAccessBlock"]),
    op("RenameObject", Put, OBJECT, Some(By::RenameObject), Write, &["s3express:CreateSession"]),
    op("RestoreObject", Post, OBJECT, Some(By::Restore), Write, &["s3:RestoreObject"]),
    op("SelectObjectContent", Post, OBJECT, Some(By::Select), Read, &["s3:GetObject"]).versioned(&["s3:GetObjectVersion"]),
    op("UpdateBucketMetadataAnnotationTableConfiguration", Put, BUCKET, Some(By::MetadataAnnotationTable), Admin, &["s3:UpdateBucketMetadataAnnotationTableConfiguration"]),
    op("UpdateBucketMetadataInventoryTableConfiguration", Put, BUCKET, Some(By::MetadataInventoryTable), Admin, &["s3:UpdateBucketMetadataInventoryTableConfiguration"]),
    op("UpdateBucketMetadataJournalTableConfiguration", Put, BUCKET, Some(By::MetadataJournalTable), Admin, &["s3:UpdateBucketMetadataJournalTableConfiguration"]),
    op("UpdateObjectEncryption", Put, OBJECT, Some(By::Encryption), Admin, &["s3:UpdateObjectEncryption"]),
    op("UploadPart", Put, OBJECT, Some(By::UploadId), Multipart, &["s3:PutObject"]).when(&[With(PartNumber), Without(CopySource)]),
    op("UploadPartCopy", Put, OBJECT, Some(By::UploadId), Multipart, &["s3:PutObject"]).when(&[With(PartNumber), With(CopySource)]),
    op("WriteGetObjectResponse", Post, BUCKET, None, Admin, &["s3-object-lambda:WriteGetObjectResponse"]).when(&[With(RequestRoute)]),
];
