//! Medians, and how far measurements lie apart.

use std::fmt;

/// The median of a few measurements, and the range in which the middle half of them lies.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Quartiles {
    pub(crate) lower: f64,
    pub(crate) median: f64,
    pub(crate) upper: f64,
}

impl Quartiles {
    /// `None` where nothing was measured.
    pub(crate) fn of(samples: impl Iterator<Item = f64>) -> Option<Self> {
        let mut sorted: Vec<f64> = samples.collect();
        sorted.sort_by(f64::total_cmp);
        let last = sorted.len().checked_sub(1)? as f64;
        let at = |part: f64| {
            // Between two measurements the value is interpolated.
            let place = last * part;
            let (low, high) = (place.floor(), place.ceil());
            let (below, above) = (sorted[low as usize], sorted[high as usize]);
            below + (above - below) * (place - low)
        };
        Some(Self {
            lower: at(0.25),
            median: at(0.5),
            upper: at(0.75),
        })
    }

    /// Of what `compare` makes of two measurements of the same round: what else the machine did
    /// then was the same for both.
    pub(crate) fn within_rounds(
        a: &[f64],
        b: &[f64],
        compare: impl Fn(f64, f64) -> f64,
    ) -> Option<Self> {
        Self::of(a.iter().zip(b).map(|(a, b)| compare(*a, *b)))
    }
}

/// With two decimals, or as many as the format asks for.
impl fmt::Display for Quartiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = f.precision().unwrap_or(2);
        let spread = format!("{:.digits$} .. {:.digits$}", self.lower, self.upper);
        write!(f, "{:8.digits$}{spread:>20}", self.median)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quartiles(lower: f64, median: f64, upper: f64) -> Option<Quartiles> {
        Some(Quartiles {
            lower,
            median,
            upper,
        })
    }

    #[test]
    fn quartiles_of_few_and_many() {
        let of = |samples: &[f64]| Quartiles::of(samples.iter().copied());
        assert_eq!(of(&[]), None);
        assert_eq!(of(&[3.0]), quartiles(3.0, 3.0, 3.0));
        assert_eq!(of(&[4.0, 2.0]), quartiles(2.5, 3.0, 3.5));
        assert_eq!(of(&[5.0, 1.0, 4.0, 2.0, 3.0]), quartiles(2.0, 3.0, 4.0));
    }

    /// Both were slow in the first round.
    #[test]
    fn ratios_are_taken_within_a_round() {
        let ratio = Quartiles::within_rounds(&[8.0, 4.0], &[4.0, 2.0], |a, b| a / b);
        assert_eq!(ratio, quartiles(2.0, 2.0, 2.0));
    }

    #[test]
    fn digits_are_for_the_table_to_choose() {
        let quartiles = quartiles(1.0, 2.0, 3.0).unwrap();
        assert_eq!(quartiles.to_string().trim(), "2.00        1.00 .. 3.00");
        assert_eq!(format!("{quartiles:.0}").trim(), "2              1 .. 3");
    }
}
