// Package nameserv is the name server: brokers register the topics they serve, clients ask which brokers serve a topic.
//
//	Nameserv           New, Run, Addr; owns the server, the expiry scan and the unregistration worker
//	routes.go          every request it answers
//	route/             the state: topics, brokers, clusters, liveness
//	kv/                the key-value configuration and its file
//
// Name servers never talk to each other: every broker registers with each of them.
package nameserv
