package main

// recordName is the name of a record's header for a request's, which begins with "ce-" in any case. Names that events
// always have cost no memory.
func recordName(name []byte) string {
	switch string(name) {
	case "ce-id", "Ce-Id":
		return "ce_id"
	case "ce-source", "Ce-Source":
		return "ce_source"
	case "ce-specversion", "Ce-Specversion":
		return "ce_specversion"
	case "ce-type", "Ce-Type":
		return "ce_type"
	case "ce-time", "Ce-Time":
		return "ce_time"
	case "ce-subject", "Ce-Subject":
		return "ce_subject"
	case "ce-senttime", "Ce-Senttime":
		return "ce_senttime"
	}
	b := []byte("ce_")
	for _, c := range name[3:] {
		if 'A' <= c && c <= 'Z' {
			c |= 0x20
		}
		b = append(b, c)
	}
	return string(b)
}

// requestName is the reverse of recordName for a header that begins with "ce_", "" for any other.
func requestName(name string) string {
	switch name {
	case "ce_id":
		return "ce-id"
	case "ce_source":
		return "ce-source"
	case "ce_specversion":
		return "ce-specversion"
	case "ce_type":
		return "ce-type"
	case "ce_time":
		return "ce-time"
	case "ce_subject":
		return "ce-subject"
	case "ce_senttime":
		return "ce-senttime"
	}
	if len(name) > 3 && name[:3] == "ce_" {
		return "ce-" + name[3:]
	}
	return ""
}
