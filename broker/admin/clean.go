package admin

import (
	"strings"

	"github.com/skylarkmq/skylark/message"
	"github.com/skylarkmq/skylark/remoting"
	"github.com/skylarkmq/skylark/remoting/protocol"
)

// deleteExpiredLog answers DELETE_EXPIRED_COMMITLOG: the cleaner's next rounds delete what has expired, whatever the hour.
func (a *Admin) deleteExpiredLog(r *remoting.Request) (*protocol.Command, error) {
	a.Store.DeleteExpiredLog()
	a.asked(r).Msg("expired log files go with the next rounds of cleaning")
	return success()
}

// cleanExpired answers CLEAN_EXPIRED_CONSUMEQUEUE: queues that point only to what the log has lost go now and not at the next look.
func (a *Admin) cleanExpired(r *remoting.Request) (*protocol.Command, error) {
	n, err := a.Store.CleanExpired()
	a.asked(r).Err(err).Int("removed", n).Msg("expired files cleaned")
	if err != nil {
		return nil, err
	}
	return success()
}

// cleanUnusedTopic answers CLEAN_UNUSED_TOPIC: queues of topics that no longer exist go, and what groups committed for them: a topic
// that is made again under the name begins with nothing. The original keeps the offsets.
func (a *Admin) cleanUnusedTopic(r *remoting.Request) (*protocol.Command, error) {
	exists := func(name string) bool { return a.Topics.Get(name) != nil }
	n, err := a.Store.CleanUnusedQueues(exists)
	var vanished []string
	for _, name := range a.Offsets.AllTopics() {
		if !exists(name) && !strings.HasPrefix(name, message.LMQPrefix) { // light topics are in no list of topics
			a.Offsets.RemoveTopic(name)
			vanished = append(vanished, name)
		}
	}
	a.asked(r).Err(err).Int("removed", n).Strs("offsets", vanished).Msg("queues of unused topics cleaned")
	if err != nil {
		return nil, err
	}
	return success()
}
