package broker

import (
	"fmt"

	"github.com/skylarkmq/skylark/broker/stats"
	"github.com/skylarkmq/skylark/remoting/protocol/code"
	"github.com/skylarkmq/skylark/store"
)

// putFailure is the answer to a put that did not end in PUT_OK, in Java's words.
func (b *Broker) putFailure(status store.PutStatus) (code.Response, string) {
	switch status {
	case store.FlushDiskTimeout:
		return code.FlushDiskTimeout, ""
	case store.FlushSlaveTimeout:
		return code.FlushSlaveTimeout, ""
	case store.SlaveNotAvailable:
		return code.SlaveNotAvailable, ""
	case store.CreateMappedFileFailed:
		return code.SystemError, "create mapped file failed, server is busy or broken." + b.cause()
	case store.MessageIllegal, store.PropertiesSizeExceeded:
		r := b.illegal()
		return r.code, r.remark
	case store.ServiceNotAvailable:
		return code.ServiceNotAvailable, b.notAvailable()
	case store.OSPageCacheBusy:
		return code.SystemBusy, remarkPageCacheBusy
	case store.InSyncReplicasNotEnough:
		return code.SystemError, "in-sync replicas not enough"
	case store.LmqConsumeQueueNumExceeded:
		return code.LMQQuotaExceeded, "[LMQ_CONSUME_QUEUE_NUM_EXCEEDED]lmq consume queue num exceeded."
	case store.UnknownError:
		return code.SystemError, "UNKNOWN_ERROR" + b.cause()
	}
	return code.SystemError, "UNKNOWN_ERROR DEFAULT"
}

// notAvailable is Java's text with the ratios of the disks.
func (b *Broker) notAvailable() string {
	log, queues, index := b.Store.DiskUse()
	return fmt.Sprintf("service not available now. It may be caused by one of the following reasons: the broker's disk is full "+
		"[CL: %5.2f CQ: %5.2f INDEX: %5.2f], messages are put to the slave, message store has been shut down, etc.",
		log, queues, index) + b.cause()
}

// cause says behind Java's text what it is this time, as far as the store knows.
func (b *Broker) cause() string {
	if why := b.Store.Cause(); why != "" {
		return " Cause: " + why
	}
	return ""
}

// putSum adds up consecutive sends to one topic, so that statistics cost a few
// atomic additions a turn and not a message.
type putSum struct {
	topic    string
	messages int
	bytes    int
}

func (p *putSum) add(t *stats.Table, topic string, res *store.Result) {
	if p.topic != topic {
		p.flush(t)
		p.topic = topic
	}
	p.messages += int(res.Count)
	p.bytes += int(res.Size)
}

func (p *putSum) flush(t *stats.Table) {
	if p.messages > 0 {
		var name [maxTopicBytes]byte
		t.Put(append(name[:0], p.topic...), p.messages, p.bytes)
	}
	*p = putSum{}
}

// maxTopicBytes is the longest name a topic can have.
const maxTopicBytes = 256
