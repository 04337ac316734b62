package broker

import (
	"github.com/skylarkmq/skylark/remoting"
	"github.com/skylarkmq/skylark/remoting/protocol/code"
)

// Remarks that clients and operators know from the Java broker, to the letter.
const (
	faq = "\nSee https://rocketmq.apache.org/docs/bestPractice/06FAQ for further details."

	remarkOverload        = "[OVERLOAD]system busy, start flow control for a while"
	remarkRejectRequest   = "[REJECTREQUEST]system busy, start flow control for a while"
	remarkPageCacheBusy   = "[PC_SYNCHRONIZED]broker busy, start flow control for a while"
	remarkNoGroupInfo     = "the consumer's group info not exist" + faq
	remarkNoSubscription  = "the consumer's subscription not exist" + faq
	remarkNotLatest       = "the consumer's subscription not latest"
	remarkNotParsed       = "parse the consumer's subscription failed"
	remarkPullRejected    = "the consumer's group info not exist, or the pull consumer is rejected by server." + faq
	remarkNoFilterData    = "The broker's consumer filter data is not exist!Your expression may be wrong!"
	remarkOldFilterData   = "the consumer's consumer filter data not latest"
	remarkNoFilter        = "The broker does not support consumer to filter message by "
	remarkKeyMissing      = "Required message key is missing"
	remarkMessageNotFound = "can not find message, maybe time range not correct"
	remarkOffsetFirst     = "Not found, V3_0_6_SNAPSHOT maybe this group consumer boot first"
	remarkOffsetNoZero    = "Not found, do not set to zero, maybe this group boot first"
	remarkOffsetReset     = "Offset has been previously reset"
	// The Java broker stores such messages, and no consumer ever gets them.
	remarkBatchQueues = "] has batch consume queues (queue.type=BatchCQ): it takes batches whose properties have a UNIQ_KEY, as clients from 5.0 on send them"
	// The Java broker has its files mapped, and throws when it cannot read one.
	remarkUnreadable = "the queue cannot be read now, its offsets are as they were: "
)

// unreadable refuses a request whose answer would come from what cannot be read now: the
// store has said so in the log.
func unreadable(err error) error {
	return remoting.Fail(code.SystemError, remarkUnreadable+err.Error())
}

// Attributes of topics that sends look at.
const (
	attributeQueueType     = "queue.type"
	attributeCleanupPolicy = "cleanup.policy"

	queueTypeBatch    = "BatchCQ"
	policyCompaction  = "COMPACTION"
	propertyInnerNums = "INNER_NUM"
)
