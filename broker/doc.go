// Package broker answers what producers, consumers and operators ask of a broker:
// it checks requests against its registries and moves messages between remoting
// and the store.
//
//	routes.go        every request code → where it runs → handler; a request is a file
//	send_*.go        sends of one turn are staged together and appended once
//	pull_*.go        pulls: checks, reading, holding, waking
//	register.go      name servers: registration and its periods
//	state.go         config/*.json
//	dead_letters*.go, conflicts.go, purges.go   operators' requests that Java does not have
//	topic, subscription, offset, client, lock, longpoll, filterdata,
//	assignment, broadcast, deadletter, purged, stats      the registries: state without I/O
//	schedule         delay levels
//	admin            the operators' requests
//
// Broker is the main type. Run owns all goroutines: the server's, the store's, the
// saver, the holds' time-keeper, the wakers, the scans of clients and of broadcast
// offsets, the notices, the registrar, the statistics' sampler, the delay levels',
// the transactions' and the metrics endpoint's. They end in an order that loses
// nothing: first the name servers hear of it, then requests drain, then state is
// saved, then the store closes.
package broker
