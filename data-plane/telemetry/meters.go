package telemetry

import "go.opencensus.io/metric/metricdata"

// meter is one metric: its name as Prometheus shows it, but for dots, which become underscores.
type meter struct {
	name, help string
	unit       metricdata.Unit
}

// What Knative Eventing for Apache Kafka has always served (OBS-01 to OBS-06). A histogram's name gets _bucket, _sum and
// _count.
var (
	dispatchLatency = meter{"kn.eventing.dispatch.latency.ms", "Time from request to answer at an ingress; at an egress, time from the filter to the last answer of the subscriber, retries included.", metricdata.UnitMilliseconds}
	processLatency  = meter{"kn.eventing.process.latency.ms", "Time from receiving a record to having evaluated its filter.", metricdata.UnitMilliseconds}
	inFlight        = meter{"kn.eventing.dispatch.in_flight_requests.1", "Requests of egresses that wait for an answer.", metricdata.UnitDimensionless}
	discardedEvents = meter{"kn.eventing.kafka.discarded_events.1.total", "Records finished without delivery.", metricdata.UnitDimensionless}
	skippedOffsets  = meter{"kn.eventing.kafka.skipped_offsets.1.total", "Offsets that hold no record.", metricdata.UnitDimensionless}
	queueLatency    = meter{"kn.eventing.kafka.executor_queue.latency.ms", "Time that an event of an ordered egress waits for its turn.", metricdata.UnitMilliseconds}
	queueLength     = meter{"kn.eventing.kafka.executor_queue.length.1", "Events of ordered egresses that wait for their turn.", metricdata.UnitDimensionless}
)

// What this data plane adds (OBS-26).
var (
	egressEvents     = meter{"kn.eventing.kafka.egress.events.total", "Events that an egress finished, by outcome.", metricdata.UnitDimensionless}
	egressRetries    = meter{"kn.eventing.kafka.egress.retries.total", "Attempts to deliver an event after the first one.", metricdata.UnitDimensionless}
	egressReplies    = meter{"kn.eventing.kafka.egress.replies.total", "Replies of subscribers that were passed on.", metricdata.UnitDimensionless}
	egressLedgers    = meter{"kn.eventing.kafka.egress.ledgers.total", "Ledgers of earlier owners that were read, commit metadata that was ignored, and ledgers that had no room in a commit.", metricdata.UnitDimensionless}
	egressSpared     = meter{"kn.eventing.kafka.egress.already_finished.total", "Events read that an earlier owner had finished, and that were not delivered again.", metricdata.UnitDimensionless}
	egressNoReplies  = meter{"kn.eventing.kafka.egress.ignored_replies.total", "Successful answers whose body is no CloudEvent, taken for no reply.", metricdata.UnitDimensionless}
	egressExpired    = meter{"kn.eventing.kafka.egress.expired.total", "Offsets that were removed from the log before their events were delivered.", metricdata.UnitDimensionless}
	egressLagRecords = meter{"kn.eventing.kafka.egress.lag.records", "Records after the committed offset, of the partitions assigned here.", metricdata.UnitDimensionless}
	egressLagSeconds = meter{"kn.eventing.kafka.egress.lag.seconds", "Age of the oldest record after the committed offset.", "s"}
	egressOldest     = meter{"kn.eventing.kafka.egress.oldest_unfinished.seconds", "Age of the oldest event that was read and is not finished.", "s"}
	egressInFlight   = meter{"kn.eventing.kafka.egress.in_flight", "Events at the subscriber.", metricdata.UnitDimensionless}
	egressWaiting    = meter{"kn.eventing.kafka.egress.waiting", "Events that wait for a retry.", metricdata.UnitDimensionless}
	egressBuffered   = meter{"kn.eventing.kafka.egress.buffered.bytes", "Event data held in memory.", metricdata.UnitBytes}
	egressWindow     = meter{"kn.eventing.kafka.egress.window", "Events that may be at the subscriber at once.", metricdata.UnitDimensionless}
	egressRate       = meter{"kn.eventing.kafka.egress.rate", "Deliveries that may begin in a second, 0 for any number.", metricdata.UnitDimensionless}
	egressBreaker    = meter{"kn.eventing.kafka.egress.breaker_open", "1 while the subscriber is down and only probed.", metricdata.UnitDimensionless}
	egressHalted     = meter{"kn.eventing.kafka.egress.halted", "1 while nothing is fetched, as the memory for events is used up or the subscriber is down.", metricdata.UnitDimensionless}
	egressRebuilt    = meter{"kn.eventing.kafka.egress.rebuilt.total", "Partitions, and groups, that did not move and were fetched from anew.", metricdata.UnitDimensionless}
	egressPartitions = meter{"kn.eventing.kafka.egress.partitions", "Partitions assigned here.", metricdata.UnitDimensionless}
	egressLastError  = meter{"kn.eventing.kafka.egress.last_error.timestamp.seconds", "When the last error happened, in seconds since 1970.", "s"}

	ingressPending   = meter{"kn.eventing.kafka.ingress.pending.bytes", "Event data that waits for Kafka's acknowledgement.", metricdata.UnitBytes}
	ingressRefusing  = meter{"kn.eventing.kafka.ingress.refusing", "1 while the resource cannot be served, and answers 503.", metricdata.UnitDimensionless}
	ingressLastError = meter{"kn.eventing.kafka.ingress.last_error.timestamp.seconds", "When an event was last refused, in seconds since 1970.", "s"}

	processBuffered    = meter{"kn.eventing.kafka.buffered.bytes", "Event data held in memory by the whole process.", metricdata.UnitBytes}
	processBudget      = meter{"kn.eventing.kafka.buffered.limit.bytes", "Event data that the whole process may hold in memory.", metricdata.UnitBytes}
	contractGeneration = meter{"kn.eventing.kafka.contract.generation", "Generation of the contract in force.", metricdata.UnitDimensionless}
	contractBytes      = meter{"kn.eventing.kafka.contract.bytes", "Encoded size of the contract in force.", metricdata.UnitBytes}
	contractLoaded     = meter{"kn.eventing.kafka.contract.loaded.timestamp.seconds", "When the contract in force was loaded, in seconds since 1970.", "s"}
	contractLastGood   = meter{"kn.eventing.kafka.contract.last_good", "1 while an older contract is in force because the newest cannot be used.", metricdata.UnitDimensionless}
	settingsRejected   = meter{"kn.eventing.kafka.settings.rejected.total", "Contents of mounted settings that could not be used.", metricdata.UnitDimensionless}
	certificateEnds    = meter{"kn.eventing.kafka.certificate.expiry.timestamp.seconds", "When a certificate of this process expires, in seconds since 1970.", "s"}
	contractRejected   = meter{"kn.eventing.kafka.contract.rejected", "Resources and egresses of the contract that cannot be served.", metricdata.UnitDimensionless}
)

// Label names (OBS-04, OBS-06, OBS-07); kn.<kind>.name and kn.<kind>.namespace come from Labels.
const (
	labelCode        = "http.response.status_code"
	labelType        = "cloudevents.type"
	labelGroup       = "messaging.consumer.group.name" // name of the Trigger, channel or source (OBS-08)
	labelOperation   = "messaging.operation.name"
	labelOpType      = "messaging.operation.type"
	labelDestination = "messaging.destination.template"
	labelTopic       = "messaging.destination.name"
	labelPartition   = "messaging.destination.partition.id"
	labelGroupID     = "kafka.group.id"
	labelOutcome     = "outcome"
	labelUse         = "use"

	typeOffsetSkipping = "OffsetSkippingCloudEvent"
)
