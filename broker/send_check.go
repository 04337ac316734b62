package broker

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/skylarkmq/skylark/broker/topic"
	"github.com/skylarkmq/skylark/message"
	"github.com/skylarkmq/skylark/remoting"
	"github.com/skylarkmq/skylark/remoting/protocol/code"
	"github.com/skylarkmq/skylark/remoting/protocol/header"
)

// refusal is why a request is not carried out; code.Success means that it is.
type refusal struct {
	code   code.Response
	remark string
}

var admitted = refusal{code: code.Success}

func refused(c code.Response, remark string) refusal { return refusal{code: c, remark: remark} }

func refusedf(c code.Response, format string, args ...any) refusal {
	return refusal{code: c, remark: fmt.Sprintf(format, args...)}
}

// admit runs Java's preSend and msgCheck. A nil topic without a refusal means that
// the topic is unknown and the caller may not wait for it to be made.
func (s *sendTurn) admit(r *remoting.Request, mayCreate bool) (*topic.Config, refusal) {
	h, cfg := &s.head, s.cfg
	if start := cfg.StartAcceptSendRequestTimeStamp; start > 0 && s.b.clock.NowMs() < start {
		return nil, refused(code.SystemError, "broker unable to service, until "+humanTime(start))
	}
	if t := s.newest; t != nil && t.TopicName == string(h.Topic) && h.QueueId < max(t.WriteQueueNums, t.ReadQueueNums) {
		return t, admitted
	}
	t := s.b.Topics.Lookup(h.Topic)
	if cfg.BrokerPermission&int(topic.PermWrite) == 0 && t != nil && t.Order {
		return nil, refused(code.NoPermission, "the broker["+cfg.BrokerIP1+"] sending message is forbidden")
	}
	if !topic.Valid(h.Topic) {
		if remark := topic.Validate(string(h.Topic)); remark != "" {
			return nil, refused(code.InvalidParameter, remark)
		}
	}
	if topic.SendForbidden(h.Topic) {
		return nil, refused(code.NoPermission, "Sending message to topic["+string(h.Topic)+"] is forbidden.")
	}
	if t == nil {
		if !mayCreate {
			return nil, admitted
		}
		if t = s.b.createTopicOnSend(r, h); t == nil {
			return nil, refused(code.TopicNotExist, "topic["+string(h.Topic)+"] not exist, apply first please!"+faq)
		}
	}
	if h.QueueId >= max(t.WriteQueueNums, t.ReadQueueNums) {
		return nil, refusedf(code.InvalidParameter, "request queueId[%d] is illegal, %s Producer: %s",
			h.QueueId, t, remoteText(r.Conn.RemoteAddr()))
	}
	s.newest = t
	return t, admitted
}

// createTopicOnSend makes the topic of a send and tells the name servers; nil when
// it may not be made. It waits for the disk and the network.
func (b *Broker) createTopicOnSend(r *remoting.Request, h *header.SendMessage) *topic.Config {
	var flag int32
	if h.UnitMode {
		flag = topic.SysFlagUnit
		if topic.IsRetry(string(h.Topic)) {
			flag = topic.SysFlagUnitSub
		}
	}
	c, created, err := b.Topics.CreateOnSend(topic.OnSend{
		Topic: string(h.Topic), Template: string(h.DefaultTopic), QueueNums: h.DefaultTopicQueueNums,
		SysFlag: flag, AutoCreate: b.cfg.Get().AutoCreateTopicEnable,
	})
	if err != nil && created {
		b.log.Warn().Err(err).Bytes("topic", h.Topic).Msg("topic of a send made, and not saved yet: that is tried again every second")
	} else if err != nil {
		b.log.Warn().Err(err).Bytes("topic", h.Topic).Msg("topic of a send not made")
	}
	if created {
		b.log.Info().Stringer("topic", c).Stringer("producer", r.Conn.RemoteAddr()).Msg("topic made by a send")
		b.AnnounceTopic(c)
	}
	return c
}

// refuseFeature finds what a single message asks for and this version or topic
// does not give.
func (b *Broker) refuseFeature(cfg *topic.Config, h *header.SendMessage, c *completion) refusal {
	if c.transaction && b.cfg.Get().RejectTransactionMessage {
		return refused(code.NoPermission, "the broker["+b.cfg.Get().BrokerIP1+"] sending transaction message is forbidden")
	}
	if c.badDelay != nil {
		return refused(code.SystemError, "java.lang.NumberFormatException: For input string: \""+string(c.badDelay)+"\"")
	}
	if what := unsupported(h, c); what != "" {
		return refused(code.SystemError, what+remarkUnsupported)
	}
	if len(cfg.Attributes) > 0 && strings.EqualFold(cfg.Attributes[attributeCleanupPolicy], policyCompaction) && !c.keys {
		return refused(code.MessageIllegal, remarkKeyMissing)
	}
	return b.refuseOne(cfg, h, c)
}

// refuseOne looks at a single message where the topic has batch queues, and the other
// way round. Such a topic takes what is a batch already.
func (b *Broker) refuseOne(cfg *topic.Config, h *header.SendMessage, c *completion) refusal {
	inner := h.SysFlag&message.FlagInnerBatch != 0
	switch batch := hasBatchQueues(cfg); {
	case !batch && (inner || c.innerNum), batch && inner != c.innerNum:
		return b.illegal()
	case batch && (!inner || c.transaction || c.delay):
		return refused(code.MessageIllegal, "topic["+cfg.TopicName+remarkBatchQueues)
	}
	return admitted
}

func hasBatchQueues(cfg *topic.Config) bool {
	return len(cfg.Attributes) > 0 && cfg.Attributes[attributeQueueType] == queueTypeBatch
}

// refuseBatch does the checks that only batches have.
func (b *Broker) refuseBatch(cfg *topic.Config, h *header.SendMessage, c *completion) refusal {
	if len(h.Topic) > 127 {
		return refused(code.MessageIllegal, "message topic length too long "+strconv.Itoa(len(h.Topic)))
	}
	if topic.IsRetry(cfg.TopicName) {
		return refused(code.MessageIllegal, "batch request does not support retry group "+cfg.TopicName)
	}
	if what := unsupportedBatch(h); what != "" {
		return refused(code.SystemError, what+remarkUnsupported)
	}
	if hasBatchQueues(cfg) && c.madeUniq {
		return refused(code.MessageIllegal, "topic["+cfg.TopicName+remarkBatchQueues)
	}
	return admitted
}

func (b *Broker) illegal() refusal {
	return refusedf(code.MessageIllegal, "the message is illegal, maybe msg body or properties length not matched. "+
		"msg body length limit %dB, msg properties length limit 32KB.", b.storeCfg.Get().MaxMessageSize)
}

// humanTime is Java's timeMillisToHumanString2.
func humanTime(ms int64) string {
	return strings.Replace(time.UnixMilli(ms).Format("2006-01-02 15:04:05.000"), ".", ",", 1)
}
