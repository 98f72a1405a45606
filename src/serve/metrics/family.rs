//! Metrics from values that are known already.

use prometheus::proto::{
    Bucket, Counter, Gauge, Histogram, LabelPair, Metric, MetricFamily, MetricType,
};

use crate::store::Distribution;

/// Labels of one value; one that is empty is left out.
pub type Labels<'a> = Vec<(&'a str, &'a str)>;

fn family(name: &str, help: &str, kind: MetricType, metrics: Vec<Metric>) -> MetricFamily {
    let mut family = MetricFamily::default();
    family.set_name(format!("stichtag_{name}"));
    family.set_help(help.to_owned());
    family.set_field_type(kind);
    family.set_metric(metrics);
    family
}

fn metric(labels: &Labels<'_>) -> Metric {
    let is_there = |(_, value): &&(&str, &str)| !value.is_empty();
    let pairs = labels.iter().filter(is_there).map(|(name, value)| {
        let mut pair = LabelPair::default();
        pair.set_name((*name).to_owned());
        pair.set_value((*value).to_owned());
        pair
    });
    Metric::from_label(pairs.collect())
}

/// What only grows.
#[expect(clippy::cast_precision_loss, reason = "no count comes near 2^53")]
pub fn counter<'a>(
    name: &str,
    help: &str,
    values: impl IntoIterator<Item = (Labels<'a>, u64)>,
) -> MetricFamily {
    let metrics = values.into_iter().map(|(labels, value)| {
        let mut counter = Counter::default();
        counter.set_value(value as f64);
        let mut metric = metric(&labels);
        metric.set_counter(counter);
        metric
    });
    family(name, help, MetricType::COUNTER, metrics.collect())
}

/// What is so at present.
pub fn gauge<'a>(
    name: &str,
    help: &str,
    values: impl IntoIterator<Item = (Labels<'a>, f64)>,
) -> MetricFamily {
    let metrics = values.into_iter().map(|(labels, value)| {
        let mut gauge = Gauge::default();
        gauge.set_value(value);
        let mut metric = metric(&labels);
        metric.set_gauge(gauge);
        metric
    });
    family(name, help, MetricType::GAUGE, metrics.collect())
}

/// How long things took.
pub fn histogram<'a>(
    name: &str,
    help: &str,
    values: impl IntoIterator<Item = (Labels<'a>, &'a Distribution)>,
) -> MetricFamily {
    let metrics = values.into_iter().map(|(labels, took)| {
        let mut count = 0;
        let bounds = took.kind.bounds().iter().copied();
        let buckets = bounds.chain([f64::INFINITY]).zip(&took.buckets);
        let buckets = buckets.map(|(bound, in_it)| {
            count += in_it;
            let mut bucket = Bucket::default();
            bucket.set_upper_bound(bound);
            bucket.set_cumulative_count(count);
            bucket
        });
        let buckets = buckets.collect();
        let mut histogram = Histogram::default();
        histogram.set_bucket(buckets);
        histogram.set_sample_count(count);
        histogram.set_sample_sum(took.seconds);
        let mut metric = metric(&labels);
        metric.set_histogram(histogram);
        metric
    });
    family(name, help, MetricType::HISTOGRAM, metrics.collect())
}
