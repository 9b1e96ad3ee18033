package rollout

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
)

// part is what one pod does about an entry.
type part uint8

const (
	lacks   part = iota // it does not run it yet
	differs             // it runs another one under the same uid
	rejects             // it cannot run it
	joins               // it runs it, and is not a member of the consumer group yet
	serves
	spare // it knows it, and has no part in it
)

// judgeEntry compares what a pod runs with what it should run.
func judgeEntry(e Entry, ok bool, hash string) (part, string) {
	switch {
	case !ok:
		return lacks, "has no entry for it yet"
	case e.Hash != hash:
		return differs, "runs an older entry"
	case e.Problem != "":
		return rejects, e.Problem
	}
	return serves, ""
}

// judge asks every ready pod that runs app. A rejection weighs more than a pod that lags: it says what to do.
func (p *plane) judge(pods []*corev1.Pod, app string, of func(Report) (part, string)) State {
	count, behind, probe, total := map[part]int{}, "", NotReady, 0
	for _, pod := range pods {
		if pod.Labels[appLabel] != app {
			continue
		}
		total++
		known, ok := p.pods[pod.Name]
		if !ok || known.err != nil {
			behind, probe = notAnswered(pod, known, ok)
			continue
		}
		what, why := of(known.report)
		count[what]++
		switch what {
		case rejects:
			return State{Rejected: why, Message: fmt.Sprintf("pod %s: %s", pod.Name, why)}
		case lacks, differs, joins:
			behind = fmt.Sprintf("pod %s %s", pod.Name, why)
			if known.report.Problem != "" {
				behind += " (its newest contract: " + known.report.Problem + ")"
			}
		case serves, spare:
		}
	}
	steady := count[differs] == 0 && count[serves]+count[joins] > 0
	switch {
	case total == 0:
		return State{Message: fmt.Sprintf("no pod with label %s=%s is ready", appLabel, app)}
	case behind != "":
		return State{Message: fmt.Sprintf("waiting for %d pods: %s", total, behind), Steady: steady, Probe: probe}
	case count[serves] == 0:
		return State{Message: fmt.Sprintf("none of %d pods is a member of the consumer group yet", total)}
	}
	return State{Done: true, Steady: true}
}

func notAnswered(pod *corev1.Pod, known podReport, asked bool) (string, Probe) {
	if !asked {
		return fmt.Sprintf("pod %s was not asked yet", pod.Name), Unknown
	}
	return fmt.Sprintf("pod %s does not answer: %v", pod.Name, known.err), UnknownError
}
