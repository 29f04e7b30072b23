//! Medians and how far they can be trusted.

use serde::Serialize;

/// How often a sample is drawn again for an interval.
const RESAMPLES: usize = 4000;

/// A ratio of medians with its 95 % interval (percentile bootstrap over pairs).
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Ratio {
    /// Median of the numerators over median of the denominators.
    pub ratio: f64,
    /// Lower end of the interval.
    pub low: f64,
    /// Upper end of the interval.
    pub high: f64,
}

/// The median; NaN of nothing.
pub fn median(values: &[f64]) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    match values.len() {
        0 => f64::NAN,
        odd if odd % 2 == 1 => values[odd / 2],
        even => (values[even / 2 - 1] + values[even / 2]) / 2.0,
    }
}

/// The ratio of medians of pairs that were measured in turns.
pub fn ratio(pairs: &[(f64, f64)]) -> Ratio {
    let of = |pairs: &[(f64, f64)]| {
        let (above, below): (Vec<f64>, Vec<f64>) = pairs.iter().copied().unzip();
        median(&above) / median(&below)
    };
    let mut state = 1_u64;
    let mut draw = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        pairs[(state >> 33) as usize % pairs.len()]
    };
    let mut resampled: Vec<f64> = (0..RESAMPLES)
        .map(|_| {
            let sample: Vec<(f64, f64)> = pairs.iter().map(|_| draw()).collect();
            of(&sample)
        })
        .collect();
    resampled.sort_by(f64::total_cmp);
    let at = |share: f64| resampled[((RESAMPLES - 1) as f64 * share) as usize];
    Ratio { ratio: of(pairs), low: at(0.025), high: at(0.975) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_of_pairs_that_agree_is_a_point_and_of_others_holds_the_ratio() {
        let same = ratio(&[(2.0, 1.0); 9]);
        assert_eq!((same.ratio, same.low, same.high), (2.0, 2.0, 2.0));
        let spread: Vec<(f64, f64)> = (0..20).map(|n| (10.0 + f64::from(n % 5), 5.0)).collect();
        let spread = ratio(&spread);
        assert!(spread.low <= spread.ratio && spread.ratio <= spread.high && spread.low < spread.high);
    }
}
