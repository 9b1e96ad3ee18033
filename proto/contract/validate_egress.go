package contract

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"

	"google.golang.org/protobuf/reflect/protoreflect"
)

func (v *validator) egressError(r *Resource, e *Egress) error {
	errs := []error{claim(v.egressUIDs, e.GetUid())}
	if e.GetConsumerGroup() == "" {
		errs = append(errs, errors.New("consumerGroup: empty"))
	}
	errs = append(errs, urlError("destination", e.GetDestination()))
	if reply, ok := e.GetReplyStrategy().(*Egress_ReplyUrl); ok {
		errs = append(errs, urlError("replyUrl", reply.ReplyUrl))
	}
	errs = append(errs,
		enumError("deliveryOrder", e.GetDeliveryOrder()),
		enumError("orderScope", e.GetOrderScope()),
		enumError("keyType", e.GetKeyType()))
	if n := e.GetVReplicas(); n < 0 {
		errs = append(errs, fmt.Errorf("vReplicas: %d is negative", n))
	}
	for _, topic := range slices.Sorted(maps.Keys(e.GetInitialPartitions())) {
		if n := e.GetInitialPartitions()[topic]; n < 0 {
			errs = append(errs, fmt.Errorf("initialPartitions[%q]: %d is negative", topic, n))
		}
	}
	if p := e.GetPace(); p.GetMaxConcurrency() > 0 && p.GetMinConcurrency() > p.GetMaxConcurrency() {
		errs = append(errs, fmt.Errorf("pace: minConcurrency %d is above maxConcurrency %d", p.GetMinConcurrency(), p.GetMaxConcurrency()))
	}
	errs = append(errs, filtersError("dialectedFilter", e.GetDialectedFilter()))
	if c := e.GetEgressConfig(); c != nil {
		errs = append(errs, deliveryError("egressConfig", c))
	} else if c := r.GetEgressConfig(); c != nil {
		errs = append(errs, deliveryError("egressConfig of the resource", c))
	}
	return errors.Join(errs...)
}

func deliveryError(field string, c *EgressConfig) error {
	errs := []error{enumError(field+".backoffPolicy", c.GetBackoffPolicy())}
	if d := c.GetDeadLetter(); d != "" {
		errs = append(errs, urlError(field+".deadLetter", d))
	}
	switch c.GetFormat() {
	case "", "json", "binary":
	default:
		errs = append(errs, fmt.Errorf("%s.format: %q is neither json nor binary", field, c.GetFormat()))
	}
	return errors.Join(errs...)
}

// urlError reports what cannot be posted to.
func urlError(field, s string) error {
	if s == "" {
		return fmt.Errorf("%s: empty", field)
	}
	u, err := url.Parse(s)
	if err != nil {
		return fmt.Errorf("%s: %w", field, err)
	}
	if (u.Scheme != "http" && u.Scheme != "https") || u.Hostname() == "" {
		return fmt.Errorf("%s: %q is not an absolute http or https URL", field, s)
	}
	return nil
}

func enumError(field string, e protoreflect.Enum) error {
	if e.Descriptor().Values().ByNumber(e.Number()) == nil {
		return fmt.Errorf("%s: %s %d is not known to this build", field, e.Descriptor().Name(), e.Number())
	}
	return nil
}

func filtersError(field string, filters []*DialectedFilter) error {
	var errs []error
	for i, f := range filters {
		errs = append(errs, filterError(fmt.Sprintf("%s[%d]", field, i), f))
	}
	return errors.Join(errs...)
}

// filterError reports filters that would pass more than was asked for. An empty filter passes everything and is no
// mistake, but one that is empty because its dialect is not known must not do so.
func filterError(field string, f *DialectedFilter) error {
	switch d := f.GetFilter().(type) {
	case *DialectedFilter_All:
		return filtersError(field+".all", d.All.GetFilters())
	case *DialectedFilter_Any:
		return filtersError(field+".any", d.Any.GetFilters())
	case *DialectedFilter_Not:
		if d.Not.GetFilter() == nil {
			return fmt.Errorf("%s.not: no filter", field)
		}
		return filterError(field+".not", d.Not.GetFilter())
	case *DialectedFilter_Cesql:
		if d.Cesql.GetExpression() == "" {
			return fmt.Errorf("%s.cesql: no expression", field)
		}
	case nil:
		if f == nil || len(f.ProtoReflect().GetUnknown()) > 0 {
			return fmt.Errorf("%s: no dialect that this build knows", field)
		}
	}
	return nil
}
