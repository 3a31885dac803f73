//! The endpoint of STS.

use aws_signing::partition::dns_suffix;

use crate::service::{self, Service};
use crate::{Environment, FetchError, Url};

/// STS, as it is asked for one role.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct Sts(pub(super) Service);

impl Sts {
    /// The given endpoint, or that of the region, or the one of the role's partition.
    ///
    /// `region` and `endpoint` come from a directive or a profile; without them, the [variables of
    /// the SDKs][1] are used. `insecure` allows plain HTTP to other machines.
    ///
    /// [1]: https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html
    pub(crate) fn new(
        region: Option<&str>,
        endpoint: Option<&str>,
        insecure: bool,
        environment: &Environment,
        role_arn: &str,
    ) -> Result<Self, FetchError> {
        let at = |url: Url, region: &str| {
            let (name, region) = ("sts", region.to_owned());
            Self(Service { name, url, region })
        };
        let region = service::region_of(region, environment)?;
        let variable = "AWS_ENDPOINT_URL_STS";
        if let Some(url) = service::configured(endpoint, insecure, variable, environment)? {
            return Ok(at(url, region.unwrap_or(GLOBAL)));
        }

        let partition = role_arn.split(':').nth(1).unwrap_or_default();
        let fips = environment.is_true("AWS_USE_FIPS_ENDPOINT");
        let (host, region) = match (region, partition) {
            (Some(region), _) => (regional(region, fips), region),
            (None, "aws") if !fips => ("sts.amazonaws.com".to_owned(), GLOBAL),
            (None, "aws") => (regional(GLOBAL, fips), GLOBAL),
            (None, "aws-cn") => (regional("cn-north-1", fips), "cn-north-1"),
            (None, "aws-us-gov") => (regional("us-gov-west-1", fips), "us-gov-west-1"),
            (None, _) => {
                let why = format!("it is missing, and the partition {partition} has no default");
                return Err(FetchError::setting("region", why));
            }
        };
        let url = Url::parse(&format!("https://{host}/")).expect("region labels are names");
        Ok(at(url, region))
    }
}

/// The region of the endpoint that has none in its name.
const GLOBAL: &str = "us-east-1";

fn regional(region: &str, fips: bool) -> String {
    // GovCloud's ordinary endpoints are FIPS endpoints.
    let service = if fips && !region.starts_with("us-gov-") {
        "sts-fips"
    } else {
        "sts"
    };
    format!("{service}.{region}.{}", dns_suffix(region))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROLE: &str = "arn:aws:iam::123456789012:role/web";

    fn at(
        region: Option<&str>,
        endpoint: Option<&str>,
        variables: &[(&str, &str)],
        role: &str,
    ) -> Result<(String, String), String> {
        let environment = Environment::capture(|name| {
            let mut variables = variables.iter();
            let (_, value) = variables.find(|(known, _)| *known == name)?;
            Some((*value).to_owned())
        });
        match Sts::new(region, endpoint, false, &environment, role) {
            Ok(Sts(sts)) => Ok((sts.url.to_string(), sts.region)),
            Err(error) => Err(error.to_string()),
        }
    }

    fn found(url: &str, region: &str) -> Result<(String, String), String> {
        Ok((url.to_owned(), region.to_owned()))
    }

    #[test]
    fn each_region_has_its_endpoint() {
        for (region, url) in [
            ("eu-west-1", "https://sts.eu-west-1.amazonaws.com/"),
            ("us-east-1", "https://sts.us-east-1.amazonaws.com/"),
            (
                "cn-northwest-1",
                "https://sts.cn-northwest-1.amazonaws.com.cn/",
            ),
            ("us-gov-east-1", "https://sts.us-gov-east-1.amazonaws.com/"),
            ("us-iso-east-1", "https://sts.us-iso-east-1.c2s.ic.gov/"),
            (
                "us-isob-east-1",
                "https://sts.us-isob-east-1.sc2s.sgov.gov/",
            ),
            ("eusc-de-east-1", "https://sts.eusc-de-east-1.amazonaws.eu/"),
        ] {
            assert_eq!(at(Some(region), None, &[], ROLE), found(url, region));
        }
    }

    #[test]
    fn without_a_region_the_partition_decides() {
        let of = |partition: &str| at(None, None, &[], &ROLE.replace("aws", partition));
        assert_eq!(of("aws"), found("https://sts.amazonaws.com/", "us-east-1"));
        let china = "https://sts.cn-north-1.amazonaws.com.cn/";
        assert_eq!(of("aws-cn"), found(china, "cn-north-1"));
        let gov = "https://sts.us-gov-west-1.amazonaws.com/";
        assert_eq!(of("aws-us-gov"), found(gov, "us-gov-west-1"));
        let error = of("aws-iso").unwrap_err();
        assert_eq!(
            error,
            "region: it is missing, and the partition aws-iso has no default"
        );
    }

    #[test]
    fn the_nearest_setting_wins() {
        let variables = [
            ("AWS_REGION", "eu-west-1"),
            ("AWS_DEFAULT_REGION", "eu-west-2"),
            ("AWS_ENDPOINT_URL_STS", "http://127.0.0.1:1"),
            ("AWS_ENDPOINT_URL", "http://127.0.0.1:2"),
        ];
        let given = at(
            Some("eu-north-1"),
            Some("http://127.0.0.1:3"),
            &variables,
            ROLE,
        );
        assert_eq!(given, found("http://127.0.0.1:3/", "eu-north-1"));
        let sts = at(None, None, &variables, ROLE);
        assert_eq!(sts, found("http://127.0.0.1:1/", "eu-west-1"));
        let all = at(None, None, &variables[3..], ROLE);
        assert_eq!(all, found("http://127.0.0.1:2/", "us-east-1"));
        let second = at(None, None, &variables[1..2], ROLE);
        assert_eq!(
            second,
            found("https://sts.eu-west-2.amazonaws.com/", "eu-west-2")
        );

        let ignored = [
            variables[3],
            ("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true"),
        ];
        let ignored = at(None, None, &ignored, ROLE);
        assert_eq!(ignored, found("https://sts.amazonaws.com/", "us-east-1"));
    }

    #[test]
    fn fips_endpoints_are_used_when_asked_for() {
        let variables = [("AWS_USE_FIPS_ENDPOINT", "true")];
        let of = |region| at(region, None, &variables, ROLE).unwrap().0;
        assert_eq!(
            of(Some("us-west-2")),
            "https://sts-fips.us-west-2.amazonaws.com/"
        );
        assert_eq!(of(None), "https://sts-fips.us-east-1.amazonaws.com/");
        assert_eq!(
            of(Some("us-gov-east-1")),
            "https://sts.us-gov-east-1.amazonaws.com/"
        );
    }

    #[test]
    fn plain_http_to_another_machine_has_to_be_asked_for() {
        for host in [
            "127.0.0.1:8080",
            "127.9.9.9",
            "[::1]:80",
            "[::ffff:127.0.0.1]",
            "localhost",
            "LOCALHOST:1",
            "169.254.1.1",
            "[fe80::1]",
        ] {
            assert!(
                at(None, Some(&format!("http://{host}")), &[], ROLE).is_ok(),
                "{host}"
            );
        }
        for host in [
            "10.0.0.1",
            "sts.local",
            "localhost.example",
            "0.0.0.0",
            "169.253.1.1",
            "[fd00::1]",
            "[::ffff:10.0.0.1]",
            "[::]",
        ] {
            let url = format!("http://{host}/");
            let expected = "plain http is allowed only for loopback and link-local addresses: \
                            use https, or add \"insecure\"";
            let given = at(None, Some(&url), &[], ROLE).unwrap_err();
            assert_eq!(given, format!("endpoint: {expected}"), "{host}");
            for variable in ["AWS_ENDPOINT_URL_STS", "AWS_ENDPOINT_URL"] {
                let found = at(None, None, &[(variable, &url)], ROLE).unwrap_err();
                assert_eq!(found, format!("{variable}: {expected}"), "{host}");
            }
            assert!(
                at(None, Some(&format!("https://{host}")), &[], ROLE).is_ok(),
                "{host}"
            );
            let environment = Environment::capture(|_| None);
            assert!(
                Sts::new(None, Some(&url), true, &environment, ROLE).is_ok(),
                "{host}"
            );
        }
    }

    #[test]
    fn what_cannot_be_a_region_or_an_endpoint_is_refused() {
        for region in ["a.b", "a/b", "a b", "a:1", "\n", "evil.example/"] {
            assert!(at(Some(region), None, &[], ROLE).is_err(), "{region}");
        }
        for (endpoint, why) in [
            ("sts.local", "endpoint: it does not begin"),
            (
                "http://sts.local/?a=b",
                "endpoint: an endpoint cannot have a query",
            ),
        ] {
            let error = at(None, Some(endpoint), &[], ROLE).unwrap_err();
            assert!(error.starts_with(why), "{error}");
        }
    }
}
