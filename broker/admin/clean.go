package admin

import (
	"github.com/skylarkmq/skylark/remoting"
	"github.com/skylarkmq/skylark/remoting/protocol"
)

// cleanExpired answers CLEAN_EXPIRED_CONSUMEQUEUE and DELETE_EXPIRED_COMMITLOG: what has expired goes now and not at the next look.
func (a *Admin) cleanExpired(r *remoting.Request) (*protocol.Command, error) {
	n, err := a.Store.CleanExpired()
	a.asked(r).Err(err).Int("removed", n).Msg("expired files cleaned")
	if err != nil {
		return nil, err
	}
	return success()
}

// cleanUnusedTopic answers CLEAN_UNUSED_TOPIC: queues of topics that no longer exist go.
func (a *Admin) cleanUnusedTopic(r *remoting.Request) (*protocol.Command, error) {
	n, err := a.Store.CleanUnusedQueues(func(name string) bool { return a.Topics.Get(name) != nil })
	a.asked(r).Err(err).Int("removed", n).Msg("queues of unused topics cleaned")
	if err != nil {
		return nil, err
	}
	return success()
}
