//! Metrics from values that are known already.

use prometheus::TextEncoder;
use prometheus::proto::{
    Bucket, Counter, Gauge, Histogram, LabelPair, Metric, MetricFamily, MetricType,
};

use crate::store::Distribution;

/// All of them in the text format. What has no value yet has its name and its meaning.
pub fn text(families: &[MetricFamily]) -> Result<String, prometheus::Error> {
    let encoder = TextEncoder::new();
    let mut text = String::new();
    for family in families {
        if family.get_metric().is_empty() {
            let (name, help) = (family.name(), family.help());
            let kind = match family.get_field_type() {
                MetricType::COUNTER => "counter",
                MetricType::HISTOGRAM => "histogram",
                _ => "gauge",
            };
            text += &format!("# HELP {name} {help}\n# TYPE {name} {kind}\n");
        } else {
            encoder.encode_utf8(std::slice::from_ref(family), &mut text)?;
        }
    }
    Ok(text)
}

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
        // The one without a bound is written by the encoder.
        let buckets = took.kind.bounds().iter().zip(&took.buckets);
        let buckets = buckets.map(|(bound, in_it)| {
            count += in_it;
            let mut bucket = Bucket::default();
            bucket.set_upper_bound(*bound);
            bucket.set_cumulative_count(count);
            bucket
        });
        let buckets = buckets.collect();
        let count = took.buckets.iter().sum();
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
