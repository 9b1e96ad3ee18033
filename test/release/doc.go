// Package release tests what users apply: the files that hack/release.sh makes, without a cluster. Whether an API server
// takes them is tested in test/apiserver/release, whether they run in test/e2e.
package release
