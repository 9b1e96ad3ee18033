package telemetry

import (
	"strings"
	"time"

	"go.opencensus.io/metric/metricdata"
)

// label of a series; one with an empty value is left out.
type label struct{ key, value string }

// families gathers the series of one scrape. Series with the same labels are added up: the subscriptions of a channel
// share the labels that existing dashboards know, and a series must not appear twice.
type families struct {
	byKeys map[string]*metricdata.Metric
	series map[string]*metricdata.TimeSeries
	order  []*metricdata.Metric
}

func newFamilies() *families {
	return &families{byKeys: map[string]*metricdata.Metric{}, series: map[string]*metricdata.TimeSeries{}}
}

func (f *families) counter(m meter, n uint64, labels ...label) {
	p := f.point(m, metricdata.TypeCumulativeInt64, labels)
	v, _ := p.Value.(int64)
	p.Value = v + int64(n)
}

func (f *families) gauge(m meter, n float64, labels ...label) {
	p := f.point(m, metricdata.TypeGaugeFloat64, labels)
	v, _ := p.Value.(float64)
	p.Value = v + n
}

// latest is a gauge of which the greatest value counts, such as an age or a point in time.
func (f *families) latest(m meter, n float64, labels ...label) {
	p := f.point(m, metricdata.TypeGaugeFloat64, labels)
	v, ok := p.Value.(float64)
	if !ok || n > v {
		p.Value = n
	}
}

func (f *families) latency(m meter, h *histogram, labels ...label) {
	read := h.read()
	if read.count() == 0 {
		return
	}
	p := f.point(m, metricdata.TypeCumulativeDistribution, labels)
	d, ok := p.Value.(*metricdata.Distribution)
	if !ok {
		d = &metricdata.Distribution{
			BucketOptions: &metricdata.BucketOptions{Bounds: latencyBounds[:]},
			Buckets:       make([]metricdata.Bucket, len(read.buckets)),
		}
		p.Value = d
	}
	for i, n := range read.buckets {
		d.Buckets[i].Count += int64(n)
	}
	d.Count += int64(read.count())
	d.Sum += float64(read.sum) / float64(time.Millisecond)
}

// point returns the value of the series with these labels, nil when the series is new. OpenCensus wants the same label
// keys in every series of a metric, so each set of keys has a metric of its own; Prometheus joins them by name.
func (f *families) point(m meter, kind metricdata.Type, labels []label) *metricdata.Point {
	var keys, values strings.Builder
	keys.WriteString(m.name)
	for _, l := range labels {
		if l.value != "" {
			keys.WriteString("\xff" + l.key)
			values.WriteString("\xff" + l.value)
		}
	}
	family, ok := f.byKeys[keys.String()]
	if !ok {
		family = &metricdata.Metric{Descriptor: descriptor(m, kind, labels)}
		f.byKeys[keys.String()] = family
		f.order = append(f.order, family)
	}
	id := keys.String() + "\xfe" + values.String() // neither byte occurs in UTF-8
	series, ok := f.series[id]
	if !ok {
		series = &metricdata.TimeSeries{LabelValues: labelValues(labels), Points: make([]metricdata.Point, 1)}
		f.series[id] = series
		family.TimeSeries = append(family.TimeSeries, series)
	}
	return &series.Points[0]
}

func descriptor(m meter, kind metricdata.Type, labels []label) metricdata.Descriptor {
	d := metricdata.Descriptor{Name: m.name, Description: m.help, Unit: m.unit, Type: kind}
	for _, l := range labels {
		if l.value != "" {
			d.LabelKeys = append(d.LabelKeys, metricdata.LabelKey{Key: l.key})
		}
	}
	return d
}

func labelValues(labels []label) []metricdata.LabelValue {
	var values []metricdata.LabelValue
	for _, l := range labels {
		if l.value != "" {
			values = append(values, metricdata.NewLabelValue(l.value))
		}
	}
	return values
}
