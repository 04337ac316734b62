package broker

import (
	"github.com/skylarkmq/skylark/remoting"
	"github.com/skylarkmq/skylark/remoting/protocol/code"
)

// routes is every request of clients that this broker answers; package admin has
// those of operators. Inline handlers touch memory only; what may wait for the
// disk or takes long has a lane. Any other code is answered
// REQUEST_CODE_NOT_SUPPORTED by remoting. The VIP port serves the same table.
var routes = []remoting.Route[*Broker]{
	remoting.HandleBatch(code.SendMessage, (*Broker).sendMessages),
	remoting.HandleBatch(code.SendMessageV2, (*Broker).sendMessages),
	remoting.HandleBatch(code.SendBatchMessage, (*Broker).sendMessages),
	remoting.HandleBatch(code.EndTransaction, (*Broker).sendMessages),
	remoting.Handle(code.ResumeCheckHalfMessage, remoting.Transaction, (*Broker).resumeCheckHalfMessage),

	remoting.HandleRaw(code.SendReplyMessage, remoting.Inline, (*Broker).sendReplyMessage),
	remoting.HandleRaw(code.SendReplyMessageV2, remoting.Inline, (*Broker).sendReplyMessage),

	remoting.HandleBatch(code.ConsumerSendMsgBack, (*Broker).sendMessages),
	remoting.HandleRaw(code.GetAllDelayOffset, remoting.Admin, (*Broker).getAllDelayOffset),

	remoting.HandleRaw(code.PullMessage, remoting.Inline, (*Broker).pullMessage),
	remoting.HandleRaw(code.LitePullMessage, remoting.Inline, (*Broker).pullMessage),

	remoting.HandleRaw(code.HeartBeat, remoting.Inline, (*Broker).heartBeat),
	remoting.Handle(code.UnregisterClient, remoting.Inline, (*Broker).unregisterClient),
	remoting.HandleRaw(code.CheckClientConfig, remoting.Inline, (*Broker).checkClientConfig),
	remoting.Handle(code.GetConsumerListByGroup, remoting.Inline, (*Broker).getConsumerListByGroup),

	remoting.HandleRaw(code.QueryAssignment, remoting.Clients, (*Broker).queryAssignment),
	remoting.HandleRaw(code.SetMessageRequestMode, remoting.Admin, (*Broker).setMessageRequestMode),
	remoting.HandleRaw(code.GetAllMessageRequestMode, remoting.Admin, (*Broker).getAllMessageRequestMode),

	remoting.Handle(code.QueryConsumerOffset, remoting.Inline, (*Broker).queryConsumerOffset),
	remoting.HandleRaw(code.UpdateConsumerOffset, remoting.Inline, (*Broker).updateConsumerOffset),
	remoting.Handle(code.SearchOffsetByTimestamp, remoting.Query, (*Broker).searchOffsetByTimestamp),
	remoting.Handle(code.GetMaxOffset, remoting.Inline, (*Broker).getMaxOffset),
	remoting.Handle(code.GetMinOffset, remoting.Inline, (*Broker).getMinOffset),
	remoting.Handle(code.GetEarliestMsgStoreTime, remoting.Query, (*Broker).getEarliestMsgStoretime),

	remoting.Handle(code.QueryMessage, remoting.Query, (*Broker).queryMessage),
	remoting.Handle(code.ViewMessageByID, remoting.Query, (*Broker).viewMessageByID),

	remoting.HandleRaw(code.LockBatchMQ, remoting.Inline, (*Broker).lockBatchMQ),
	remoting.HandleRaw(code.UnlockBatchMQ, remoting.Inline, (*Broker).unlockBatchMQ),
}

func (b *Broker) mount() {
	remoting.Mount(b.server, b, routes)
	b.mountOperators()
}
