// Package assignment holds how a broker shares queues among the clients of a group
// (QUERY_ASSIGNMENT): the two strategies that the Java broker has, and which group
// gets which topic in which mode (messageRequestMode.json).
//
// Its main type is Modes. It starts no goroutine.
package assignment

import (
	"cmp"
	"errors"
	"slices"
	"strings"
)

// Queue names a message queue.
type Queue struct {
	Topic, BrokerName string
	ID                int32
}

// Strategies by their names on the wire. Clients know more; the Java broker
// answers those with no assignment at all, so that a client keeps what it has.
const (
	Averagely         = "AVG"
	AveragelyByCircle = "AVG_BY_CIRCLE"
)

// ErrUnknown refuses a strategy.
var ErrUnknown = errors.New("assignment: unknown strategy")

// Share is the part of the queues that a client gets. Queues and clients may come
// in any order: all brokers must come to the same shares. A client that is not
// among the clients gets an empty, non-nil share.
func Share(strategy, client string, queues []Queue, clients []string) ([]Queue, error) {
	if strategy != Averagely && strategy != AveragelyByCircle {
		return nil, ErrUnknown
	}
	if strings.TrimSpace(client) == "" || len(queues) == 0 || len(clients) == 0 {
		return nil, errors.New("assignment: no client, no queue or no member")
	}
	queues, clients = slices.Clone(queues), slices.Clone(clients)
	slices.SortFunc(queues, func(a, b Queue) int {
		return cmp.Or(cmp.Compare(a.Topic, b.Topic), cmp.Compare(a.BrokerName, b.BrokerName), cmp.Compare(a.ID, b.ID))
	})
	slices.Sort(clients)
	at := slices.Index(clients, client)
	if at < 0 {
		return []Queue{}, nil
	}
	if strategy == AveragelyByCircle {
		return byCircle(queues, at, len(clients)), nil
	}
	return averagely(queues, at, len(clients)), nil
}

// averagely gives neighbours to one client; the first clients get one more when the
// number does not divide.
func averagely(queues []Queue, at, clients int) []Queue {
	size, rest := len(queues)/clients, len(queues)%clients
	from, to := at*size+min(at, rest), (at+1)*size+min(at+1, rest)
	return queues[from:to]
}

// byCircle deals queues out like cards.
func byCircle(queues []Queue, at, clients int) []Queue {
	share := []Queue{}
	for i := at; i < len(queues); i += clients {
		share = append(share, queues[i])
	}
	return share
}
