package conformance

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/cloudevents/sdk-go/v2/binding"
	"github.com/cloudevents/sdk-go/v2/event"
	cehttp "github.com/cloudevents/sdk-go/v2/protocol/http"
	"github.com/cloudevents/sdk-go/v2/types"
	"github.com/twmb/franz-go/pkg/kgo"
	"knative.dev/eventing/pkg/eventfilter"
	"knative.dev/eventing/pkg/eventfilter/attributes"
	"knative.dev/eventing/pkg/eventfilter/subscriptionsapi"

	"knative.dev/eventing-kafka-go/proto/contract"
)

// readWithSDK reads an HTTP message with the CloudEvents SDK for Go and validates it as its receivers do.
func readWithSDK(headers http.Header, body []byte) (*event.Event, error) {
	e, err := binding.ToEvent(context.Background(), cehttp.NewMessage(headers, io.NopCloser(bytes.NewReader(body))))
	if err != nil {
		return nil, err
	}
	return e, e.Validate()
}

// attributesOf is an event of the SDK as text, times aside.
func attributesOf(e *event.Event) map[string]string {
	m := map[string]string{"specversion": e.SpecVersion(), "id": e.ID(), "source": e.Source(), "type": e.Type()}
	for name, value := range map[string]string{"subject": e.Subject(), "dataschema": e.DataSchema(), "datacontenttype": e.DataContentType()} {
		if value != "" {
			m[name] = value
		}
	}
	if e.SpecVersion() == event.CloudEventsVersionV03 && m["dataschema"] != "" {
		m["schemaurl"] = m["dataschema"]
		delete(m, "dataschema")
	}
	for name, value := range e.Extensions() {
		m[name], _ = types.Format(value)
	}
	return m
}

// compareWithSDK asks the SDK whether the request is an event, and whether the record holds that event.
func (c *ingressCase) compareWithSDK(v *verdict, records []*kgo.Record) {
	headers := http.Header{}
	for _, line := range c.Request.fields() {
		name, value := field(line)
		headers.Add(name, value)
	}
	single := c.Request.Method == "POST" && c.Request.Raw == "" && (c.Status == 202 || c.Status == 400) && len(records) <= 1
	if !single || strings.Contains(headers.Get("Content-Type"), "batch") {
		if c.SDK != "" {
			v.fault("there is nothing for the SDK to say: %s", c.SDK)
		}
		return
	}
	var theirs verdict
	e, err := readWithSDK(headers, c.Request.bytes())
	if (err == nil) != (c.answer.status == 202) {
		theirs.fault("answered %d, the SDK says %v", c.answer.status, err)
	} else if err == nil && len(records) == 1 {
		compareRecord(&theirs, records[0], e)
	}
	agree(v, &theirs, "the SDK", c.SDK)
}

// agree takes the differences over, unless there is a reason for them.
func agree(v, theirs *verdict, who, reason string) {
	switch {
	case reason == "":
		v.faults = append(v.faults, theirs.faults...)
	case len(theirs.faults) == 0:
		v.fault("%s agrees, though it should not: %s", who, reason)
	}
}

// compareRecord holds a record against the event that the SDK has read.
func compareRecord(v *verdict, r *kgo.Record, e *event.Event) {
	want, when, data := attributesOf(e), e.Time(), e.Data()
	got, at := map[string]string{}, ""
	for _, h := range r.Headers {
		switch name, ok := strings.CutPrefix(h.Key, "ce_"); {
		case h.Key == "content-type" && strings.HasPrefix(string(h.Value), "application/cloudevents"):
			var read event.Event
			if err := read.UnmarshalJSON(r.Value); err != nil {
				v.fault("the SDK cannot read the record: %v", err)
				return
			}
			compareText(v, attributesOf(&read), want, "the record and the request read with the SDK")
			if !bytes.Equal(read.Data(), data) || !read.Time().Equal(when) {
				v.fault("data or time in the record differ from the request's, both read with the SDK: %q, %q", read.Data(), data)
			}
			return
		case h.Key == "content-type":
			got["datacontenttype"] = string(h.Value)
		case ok && name == "time":
			at = string(h.Value)
		case ok:
			got[name] = string(h.Value)
		}
	}
	compareText(v, got, want, "the record and the request read with the SDK")
	if parsed, _ := time.Parse(time.RFC3339Nano, at); !parsed.Equal(when) {
		v.fault("time is %q in the record, the SDK read %v", at, when)
	}
	if !bytes.Equal(r.Value, data) {
		v.fault("the value is %q, the SDK read %q", short(r.Value), short(data))
	}
}

func compareText(v *verdict, got, want map[string]string, what string) {
	for name, value := range want {
		if got[name] != value {
			v.fault("%s: %s is %q and %q", what, name, got[name], value)
		}
	}
	if len(got) != len(want) {
		v.fault("%s: %v and %v", what, got, want)
	}
}

// compareWithSDK asks the SDK whether what arrived is an event, with all that the record said.
func (c *egressCase) compareWithSDK(v *verdict, got []arrived) {
	var theirs verdict
	for _, a := range got {
		headers := http.Header{}
		for name, value := range a.headers {
			headers.Set(name, value)
		}
		e, err := readWithSDK(headers, a.body)
		if err != nil {
			theirs.fault("the SDK refuses what %s got: %v", a.at, err)
			continue
		}
		if a.at == "subscriber" && e.Extensions()["knativekafkaoffset"] == nil {
			theirs.fault("the SDK finds no offset in what the subscriber got")
		}
	}
	agree(v, &theirs, "the SDK", c.SDK)
}

// compareWithKnative passes the records of a case through the filters of Knative Eventing, which must let pass what was
// delivered.
func (c *egressCase) compareWithKnative(t *testing.T, v *verdict, got []arrived) {
	e := c.resource.GetEgresses()[0]
	if c.Delivered == nil || e.GetFilter() == nil && len(e.GetDialectedFilter()) == 0 {
		if c.Knative != "" {
			v.fault("there is nothing for Knative to say: %s", c.Knative)
		}
		return
	}
	var theirs verdict
	if _, err := knativeFilter(e); err != nil {
		theirs.fault("Knative refuses the filter: %v", err)
		agree(v, &theirs, "Knative", c.Knative)
		return
	}
	delivered := map[string]bool{}
	for _, a := range got {
		delivered[a.headers["ce-id"]] = true
	}
	for _, r := range c.inputs(t) {
		headers := http.Header{}
		for _, h := range r.Headers {
			headers.Set(strings.Replace(h.Key, "ce_", "ce-", 1), string(h.Value))
		}
		read, err := readWithSDK(headers, r.Value)
		if err != nil {
			t.Fatalf("the SDK cannot read a record of the case: %v", err)
		}
		for name, value := range c.resource.GetCloudEventOverrides().GetExtensions() {
			read.SetExtension(name, value)
		}
		read.SetExtension("knativekafkapartition", int(r.Partition))
		passes, err := knativeFilter(e) // anew for each event: theirs reorder themselves while they work
		if err != nil {
			t.Fatal(err)
		}
		if pass, err := knativePasses(passes, *read); err != nil || pass != delivered[read.ID()] {
			theirs.fault("event %s passes at Knative: %v (%v), was delivered: %v", read.ID(), pass, err, delivered[read.ID()])
		}
	}
	agree(v, &theirs, "Knative", c.Knative)
}

// knativePasses asks their filter, which panics where it does not know what to say.
func knativePasses(f eventfilter.Filter, e event.Event) (pass bool, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v", r)
		}
	}()
	return f.Filter(context.Background(), e) != eventfilter.FailFilter, nil
}

// knativeFilter is the filter of an egress, made of theirs.
func knativeFilter(e *contract.Egress) (eventfilter.Filter, error) {
	if len(e.GetDialectedFilter()) == 0 {
		return attributes.NewAttributesFilter(e.GetFilter().GetAttributes()), nil
	}
	filters, err := knativeFilters(e.GetDialectedFilter())
	if err != nil {
		return nil, err
	}
	return subscriptionsapi.NewAllFilter(filters...), nil
}

func knativeFilters(from []*contract.DialectedFilter) ([]eventfilter.Filter, error) {
	filters := make([]eventfilter.Filter, 0, len(from))
	for _, f := range from {
		made, err := knativeDialect(f)
		if err != nil {
			return nil, err
		}
		filters = append(filters, made)
	}
	return filters, nil
}

func knativeDialect(f *contract.DialectedFilter) (eventfilter.Filter, error) {
	switch d := f.GetFilter().(type) {
	case *contract.DialectedFilter_Exact:
		return subscriptionsapi.NewExactFilter(d.Exact.GetAttributes())
	case *contract.DialectedFilter_Prefix:
		return subscriptionsapi.NewPrefixFilter(d.Prefix.GetAttributes())
	case *contract.DialectedFilter_Suffix:
		return subscriptionsapi.NewSuffixFilter(d.Suffix.GetAttributes())
	case *contract.DialectedFilter_Cesql:
		return subscriptionsapi.NewCESQLFilter(d.Cesql.GetExpression())
	case *contract.DialectedFilter_Not:
		child, err := knativeDialect(d.Not.GetFilter())
		if err != nil {
			return nil, err
		}
		return subscriptionsapi.NewNotFilter(child), nil
	case *contract.DialectedFilter_All:
		children, err := knativeFilters(d.All.GetFilters())
		return subscriptionsapi.NewAllFilter(children...), err
	case *contract.DialectedFilter_Any:
		children, err := knativeFilters(d.Any.GetFilters())
		return subscriptionsapi.NewAnyFilter(children...), err
	}
	return subscriptionsapi.NewAllFilter(), nil
}
