package channel

import (
	"context"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"knative.dev/pkg/kmeta"

	"knative.dev/eventing-kafka-go/control-plane/apis/conditions"
	messagingv1beta1 "knative.dev/eventing-kafka-go/control-plane/apis/messaging/v1beta1"
	"knative.dev/eventing-kafka-go/control-plane/translate"
)

const (
	roleLabel = "messaging.knative.dev/role"
	role      = "kafka-channel"
)

// service makes the Service that gives the channel its host name (CH-25, CH-26). One that is somebody else's is left
// alone. One that leads to another ingress, where an earlier installation serves the channel, goes on doing so until
// served says that ours does.
func (x *run) service(ctx context.Context, served bool) error {
	err := x.ensureService(ctx, served)
	if err != nil {
		x.m.MarkFalse(conditions.Addressable, "ServiceFailed", "%v", err)
		x.m.MarkFalse(conditions.ProbeSucceeded, "ServiceFailed", "%v", err)
	}
	return err
}

func (x *run) ensureService(ctx context.Context, served bool) error {
	want := makeService(x.channel, translate.ServiceHost(x.plane.Namespace, x.plane.Ingress, x.in.Entries.ClusterDomain))
	client := x.kube.CoreV1().Services(want.Namespace)
	have, err := x.services.Services(want.Namespace).Get(want.Name)
	if apierrors.IsNotFound(err) {
		if _, err := client.Create(ctx, want, metav1.CreateOptions{}); err != nil {
			return fmt.Errorf("create Service %s/%s: %w", want.Namespace, want.Name, err)
		}
		return nil
	}
	if err != nil {
		return fmt.Errorf("get Service %s/%s: %w", want.Namespace, want.Name, err)
	}
	if !metav1.IsControlledBy(have, x.channel) {
		return fmt.Errorf("kafkachannel: %s/%s does not own Service: %q", x.channel.Namespace, x.channel.Name, want.Name)
	}
	if isAs(have, want) || !served && have.Spec.ExternalName != want.Spec.ExternalName {
		return nil
	}
	have = have.DeepCopy()
	have.Spec.Type, have.Spec.ExternalName, have.Spec.Ports = want.Spec.Type, want.Spec.ExternalName, want.Spec.Ports
	if have.Labels == nil {
		have.Labels = map[string]string{}
	}
	have.Labels[roleLabel] = role
	if _, err := client.Update(ctx, have, metav1.UpdateOptions{}); err != nil {
		return fmt.Errorf("update Service %s/%s: %w", want.Namespace, want.Name, err)
	}
	return nil
}

func makeService(c *messagingv1beta1.KafkaChannel, host string) *corev1.Service {
	return &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: c.Namespace, Name: translate.ChannelServiceName(c.Name),
			Labels:          map[string]string{roleLabel: role},
			OwnerReferences: []metav1.OwnerReference{*kmeta.NewControllerRef(c)},
		},
		Spec: corev1.ServiceSpec{
			Type: corev1.ServiceTypeExternalName, ExternalName: host,
			Ports: []corev1.ServicePort{
				{Name: "http", Protocol: corev1.ProtocolTCP, Port: 80},
				{Name: "https", Protocol: corev1.ProtocolTCP, Port: 443},
			},
		},
	}
}

// isAs compares what the channel decides: the API server fills in more.
func isAs(have, want *corev1.Service) bool {
	return have.Labels[roleLabel] == role && have.Spec.Type == want.Spec.Type && have.Spec.ExternalName == want.Spec.ExternalName &&
		slices.EqualFunc(have.Spec.Ports, want.Spec.Ports, func(a, b corev1.ServicePort) bool { return a.Name == b.Name && a.Port == b.Port })
}
