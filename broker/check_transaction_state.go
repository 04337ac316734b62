package broker

import (
	"github.com/skylarkmq/skylark/broker/client"
	"github.com/skylarkmq/skylark/message"
	"github.com/skylarkmq/skylark/remoting"
	"github.com/skylarkmq/skylark/remoting/protocol"
	"github.com/skylarkmq/skylark/remoting/protocol/code"
	"github.com/skylarkmq/skylark/remoting/protocol/header"
	"github.com/skylarkmq/skylark/transaction"
)

// checkTransactionState sends CHECK_TRANSACTION_STATE (39), one-way, to any live
// producer of the group; false when there is none. It does not wait: a producer
// that does not read loses its connection at its budget, as any slow reader.
func (b *Broker) checkTransactionState(c *transaction.Check) bool {
	cmd, err := b.checkCommand(c)
	if err != nil {
		b.log.Error().Err(err).Str("group", c.Group).Int64("offset", c.Half.QueueOffset).Msg("check of a half message not built")
		return false
	}
	for range 3 {
		ch, ok := b.Clients.AnyProducer(c.Group, func(ch client.Channel) bool { return !ch.(*remoting.Conn).Closed() })
		if !ok {
			return false
		}
		if ch.(*remoting.Conn).Send(cmd) == nil {
			return true
		}
	}
	return false
}

// checkCommand builds the request: its body is the half message as its consumers
// would see it, its header says where the newest copy of it is.
func (b *Broker) checkCommand(c *transaction.Check) (*protocol.Command, error) {
	v := c.Half
	m := message.Message{
		Topic: c.RealTopic, QueueID: c.RealQueue, Flag: v.Flag, SysFlag: v.SysFlag, BornTimestamp: v.BornTimestamp, BornHost: v.BornHost,
		StoreHost: v.StoreHost, ReconsumeTimes: v.ReconsumeTimes, Body: v.Body, Properties: v.Properties,
	}
	rec, err := message.Encoding{LongTopics: true}.AppendRecord(nil, &m)
	if err != nil {
		return nil, err
	}
	message.Patch(rec, message.StoreTimestampAt(rec), v.QueueOffset, v.PhyOffset, v.StoreTimestamp)
	uniq := string(c.Uniq)
	return protocol.NewRequest(code.CheckTransactionState, &header.CheckTransactionState{
		Topic: message.TopicHalf, TranStateTableOffset: v.QueueOffset, CommitLogOffset: v.PhyOffset, MsgId: uniq, TransactionId: uniq,
		OffsetMsgId: string(message.AppendOffsetMsgID(nil, b.addr, v.PhyOffset)), BrokerName: b.cfg.Get().BrokerName,
	}, rec), nil
}
