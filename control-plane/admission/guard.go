package admission

import (
	"context"
	"runtime/debug"

	"go.uber.org/zap"
	admissionv1 "k8s.io/api/admission/v1"
	"knative.dev/pkg/controller"
	"knative.dev/pkg/logging"
	pkgreconciler "knative.dev/pkg/reconciler"
	"knative.dev/pkg/webhook"
)

// admitter is what an admission controller of knative.dev/pkg is to the program that runs it.
type admitter interface {
	controller.Reconciler
	pkgreconciler.LeaderAware
	webhook.AdmissionController
	webhook.StatelessAdmissionController
}

// guard answers with an error where an admission panics, as some of core's rules do on values that they did not expect.
// Left alone, a panic closes the connection, and the user reads of a webhook that fails instead of a field that is wrong.
type guard struct{ admitter }

// guarded returns the controller with a guard around its admissions.
func guarded(impl *controller.Impl) *controller.Impl {
	if a, ok := impl.Reconciler.(admitter); ok {
		impl.Reconciler = guard{a}
	}
	return impl
}

// Admit implements webhook.AdmissionController.
func (g guard) Admit(ctx context.Context, request *admissionv1.AdmissionRequest) (response *admissionv1.AdmissionResponse) {
	defer func() {
		if reason := recover(); reason != nil {
			logging.FromContext(ctx).Errorw("An admission panicked", zap.Any("reason", reason), zap.ByteString("stack", debug.Stack()))
			response = webhook.MakeErrorStatus("%s %s/%s cannot be checked: %v", request.Kind.Kind, request.Namespace, request.Name, reason)
		}
	}()
	return g.admitter.Admit(ctx, request)
}
