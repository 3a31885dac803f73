//! What selects an operation besides method and path: sub-resources and details.

/// Declares an enum of parameters with the names that S3 gives them.
macro_rules! parameters {
    ($(#[$doc:meta])* $kind:ident { $($variant:ident = $name:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum $kind { $($variant,)* }

        impl $kind {
            pub(crate) const ALL: &[Self] = &[$(Self::$variant,)*];

            pub(crate) const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// The one with this name, in any case.
            pub(crate) fn of_name(name: &[u8]) -> Option<Self> {
                let mut all = Self::ALL.iter().copied();
                all.find(|one| one.name().as_bytes().eq_ignore_ascii_case(name))
            }
        }
    };
}

parameters! {
    /// A query parameter whose presence selects another operation.
    SubResource {
        Abac = "abac",
        Accelerate = "accelerate",
        Acl = "acl",
        Analytics = "analytics",
        Annotation = "annotation",
        Attributes = "attributes",
        Cors = "cors",
        Delete = "delete",
        Encryption = "encryption",
        IntelligentTiering = "intelligent-tiering",
        Inventory = "inventory",
        LegalHold = "legal-hold",
        Lifecycle = "lifecycle",
        Location = "location",
        Logging = "logging",
        MetadataAnnotationTable = "metadataAnnotationTable",
        MetadataConfiguration = "metadataConfiguration",
        MetadataInventoryTable = "metadataInventoryTable",
        MetadataJournalTable = "metadataJournalTable",
        MetadataTable = "metadataTable",
        Metrics = "metrics",
        Notification = "notification",
        ObjectLock = "object-lock",
        OwnershipControls = "ownershipControls",
        Policy = "policy",
        PolicyStatus = "policyStatus",
        PublicAccessBlock = "publicAccessBlock",
        RenameObject = "renameObject",
        Replication = "replication",
        RequestPayment = "requestPayment",
        Restore = "restore",
        Retention = "retention",
        Select = "select",
        Session = "session",
        Tagging = "tagging",
        Torrent = "torrent",
        UploadId = "uploadId",
        Uploads = "uploads",
        Versioning = "versioning",
        Versions = "versions",
        Website = "website",
    }
}

parameters! {
    /// A query parameter, or a header, that distinguishes operations of one sub-resource.
    Detail {
        AnnotationName = "annotationName",
        Id = "id",
        ListType = "list-type",
        PartNumber = "partNumber",
        // Headers, whose names are not parameters.
        CopySource = "x-amz-copy-source",
        RequestRoute = "x-amz-request-route",
    }
}

impl SubResource {
    /// Whether its value matters: without a value, some servers do not see it.
    pub(crate) fn has_value(self) -> bool {
        matches!(self, Self::UploadId)
    }

    pub(crate) const fn bit(self) -> u64 {
        1 << self as u8
    }
}

impl Detail {
    pub(crate) const fn bit(self) -> u8 {
        1 << self as u8
    }
}

/// Parameters that select no operation, and that requests which write can have without a value.
pub(crate) const PLAIN: [&str; 3] = ["select-type", "versionId", "x-id"];

/// Sub-resources of other object stores (Ceph, MinIO, Google Cloud Storage, Alibaba OSS, Tencent
/// COS, Huawei OBS) that show or change more than an object. Reads name them without a value; with
/// one, such words are common parameters of web pages.
pub(crate) const FOREIGN: [&str; 36] = [
    "append",
    "asyncFetch",
    "backtosource",
    "billing",
    "bucketInfo",
    "callback",
    "cname",
    "compose",
    "customdomain",
    "defaultObjectAcl",
    "deletebucket",
    "directcoldaccess",
    "encryptionConfig",
    "events",
    "intelligenttiering",
    "lambdaArn",
    "mdsearch",
    "mirrorBackToSource",
    "modify",
    "objectMeta",
    "quota",
    "referer",
    "rename",
    "replication-check",
    "replication-metrics",
    "replication-reset",
    "replication-reset-status",
    "stat",
    "storageClass",
    "storageinfo",
    "storagePolicy",
    "symlink",
    "truncate",
    "usage",
    "websiteConfig",
    "x-oss-process",
];
